"""The sentences that an agent reads about a command: an Event or an Analysis in, text out. It decides nothing and sends nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from pueue_skill.agents.event import Event
from pueue_skill.configuration.settings import Settings
from pueue_skill.plan.analysis import Analysis, analyse
from pueue_skill.queues.registry import invocation
from pueue_skill.shell import quote
from pueue_skill.startup.words import counted
from pueue_skill.state import durations, paths

REMINDER = "this belongs in the job queue:"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.shell.model import FileSize

MAX_INVOCATION_CHARS = 6_000
"""The longest invocation that fits into an agent's context, which clients cut at 10,000 characters."""


def analyse_event(event: Event, settings: Settings) -> Analysis:
    """Return the analysis of an event's command, with the settings, the recorded durations, the sizes of the files that it names and the
    call's time limit."""
    preferences = settings.preferences._replace(
        durations=durations.of_text(event.command),
        limit=event.limit_s,
        folder=event.cwd,
        project=paths.project(event.cwd),
    )

    def measure(names: Sequence[str]) -> list[FileSize]:
        from pueue_skill.agents import file_sizes

        return file_sizes.measure(names, event.cwd)

    return analyse(event.command, settings.hosts, preferences=preferences, program=program_name(), measure=measure)


def list_findings(analysis: Analysis) -> str:
    """Return the findings, a line each; equal lines once."""
    lines = [f"- {finding.message} ({finding.rule} {finding.name})" for finding in analysis.findings]
    return "\n".join(dict.fromkeys(lines))


def short_invocation(analysis: Analysis) -> str | None:
    """Return the invocation, if there is one and it fits into an agent's context."""
    submits = invocation(analysis.plan)
    return submits if submits and len(submits) <= MAX_INVOCATION_CHARS else None


def program_name() -> str:
    """Return how the agent's shell can call pueue-skill: by its name if it is on PATH, as a plugin's is, else by its path."""
    if "CLAUDE_PLUGIN_ROOT" in os.environ:
        return "pueue-skill"
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if os.path.isabs(folder) and os.access(os.path.join(folder, "pueue-skill"), os.X_OK):
            return "pueue-skill"
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    beside = [os.path.join(os.path.dirname(sys.executable), "pueue-skill"), os.path.join(root, "bin", "pueue-skill")]
    return next((quote.word(file) for file in beside if os.access(file, os.X_OK)), "pueue-skill")


def reminder(analysis: Analysis, head: str = REMINDER) -> str:
    """Return the findings and what to do instead; if a rule asks for a job, the same work as a job, under a line that begins with `head`."""
    if not any(finding.rewrite for finding in analysis.findings):
        from pueue_skill.rules.registry import BY_ID

        instead = dict.fromkeys([BY_ID[finding.rule].instead for finding in analysis.findings])
        return f"pueue-skill: about this command:\n{list_findings(analysis)}\n{' '.join(instead)}\n"
    text = f"pueue-skill: {head}\n{list_findings(analysis)}\n"
    submits = invocation(analysis.plan)
    if submits and len(submits) <= MAX_INVOCATION_CHARS:
        return text + f"The same work as a job, next time:\n```bash\n{submits}```\n"
    if submits:
        jobs = len(analysis.plan.jobs)
        return f"{text}The same work is {counted(jobs, 'job')}: `pueue-skill suggest -` gives the invocation for the command on stdin.\n"
    return text + f"No invocation is offered: {analysis.plan.reason}.\n"
