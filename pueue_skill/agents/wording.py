"""The sentences that an agent reads about a command: an Event or an Analysis in, text out. It decides nothing and sends nothing."""

from __future__ import annotations

import os
import sys

from pueue_skill.agents.event import Event
from pueue_skill.configuration.settings import Settings
from pueue_skill.plan.analysis import Analysis, analyse
from pueue_skill.queues.registry import invocation
from pueue_skill.shell import quote
from pueue_skill.startup.words import counted
from pueue_skill.state import durations

MAX_INVOCATION_CHARS = 6_000
"""The longest invocation that fits into an agent's context, which clients cut at 10,000 characters."""


def analyse_event(event: Event, settings: Settings) -> Analysis:
    """Return the analysis of an event's command, with the settings and the recorded durations."""
    preferences = settings.preferences._replace(durations=durations.read())
    return analyse(event.command, settings.hosts, preferences=preferences, program=program_name())


def list_findings(analysis: Analysis) -> str:
    """Return the findings, a line each."""
    return "\n".join([f"- {finding.message} ({finding.rule} {finding.name})" for finding in analysis.findings])


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


def reminder(analysis: Analysis, head: str = "this belongs in the job queue:") -> str:
    """Return the findings and the same work as a job, under a line that begins with `head`."""
    text = f"pueue-skill: {head}\n{list_findings(analysis)}\n"
    submits = invocation(analysis.plan)
    if submits and len(submits) <= MAX_INVOCATION_CHARS:
        return text + f"The same work as a job, next time:\n```bash\n{submits}```\n"
    if submits:
        jobs = len(analysis.plan.jobs)
        return f"{text}The same work is {counted(jobs, 'job')}: `pueue-skill suggest -` gives the invocation for the command on stdin.\n"
    return text + f"No invocation is offered: {analysis.plan.reason}.\n"
