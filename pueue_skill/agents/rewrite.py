"""Rewrites a proposed command into a job, and reports the outcome afterwards: an Event and its Analysis in, a Reply or None out.

The client checks its permissions against the new text only. Therefore a command is rewritten only if all of it is harmless (harmless.py),
and if no rule denies it, asks about it, or allows the new text alone (permissions.py).
"""

from __future__ import annotations

import time
from pathlib import Path

from pueue_skill.agents import permissions, wording
from pueue_skill.agents.event import Event, Reply
from pueue_skill.agents.harmless import unlisted
from pueue_skill.configuration.settings import Settings
from pueue_skill.plan.analysis import Analysis
from pueue_skill.plan.model import Plan
from pueue_skill.queues.registry import invocation
from pueue_skill.shell import quote
from pueue_skill.shell.model import LOCAL
from pueue_skill.shell.syntax import Script, Simple
from pueue_skill.shell.walk import simple_nodes, statements
from pueue_skill.startup.digest import digest
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex
from pueue_skill.state import paths

REWRITTEN = "# pueue-skill: rewritten"
"""The comment at the end of a rewritten command, unless that is `pueue-skill run`."""

IN_PLACE = regex(r"pueue-skill['\"]? ssh ")
OWN_MESSAGE = regex(r"^pueue-skill: (?!\S+ is ).*", 8)  # re.MULTILINE

NOT_SUBMITTED, NO_CONNECTION = 125, 255
"""The exit codes of `pueue-skill run` and `pueue-skill ssh` when they could not submit the job."""

PAUSE_S = 600.0
"""How long a session's commands are not rewritten after the queue could not be reached."""

SESSION = regex(r"[A-Za-z0-9_-]{1,128}")
EXIT_CODE = regex(r"\s*Exit code (\d+)\s*(.*)", 16)  # re.DOTALL


class Split(NamedTuple):
    """A command in two parts: `kept` stays as is, `work` is rewritten."""

    kept: str
    work: str


def rewrite(event: Event, analysis: Analysis, settings: Settings) -> Reply | None:
    """Return the reply that replaces a command by its job, or None."""
    if event.agent != "claude" or not invocation(analysis.plan):
        return None
    files: list[Path] = []
    split = split_after_cd(event, analysis)
    if split is None or unlisted(event, analysis, files):
        return None
    work = wording.analyse_event(event._replace(command=split.work), settings) if split.kept else analysis
    text = new_text(event, work.plan)
    if not text or len(text) > wording.MAX_INVOCATION_CHARS:
        return None
    text = split.kept + text
    if permissions.obstacle(event, analysis, text, files):
        return None
    context = (
        f"pueue-skill: the command is rewritten: {describe_plan(work.plan)}. The new command is\n```bash\n{text}```\nbecause\n"
        f"{wording.list_findings(analysis)}\nThe result follows the call. `# pueue: skip` at the end of a command leaves it as is.\n"
    )
    return Reply(context=context, command=text.rstrip("\n"))


def split_after_cd(event: Event, analysis: Analysis) -> Split | None:
    """Split the command after its last `cd`, which the client has to run itself, since it starts later commands in that folder.

    None if the job would lack something before that `cd`, or would depend on whether the `cd` succeeds.
    """
    if not isinstance(analysis.script, Script):
        return None
    found = statements(analysis.script.nodes)
    moves = [any(is_cd(node, place) for node, place in simple_nodes((statement.node,))) for statement in found]
    if not any(moves):
        return Split("", event.command)
    last = len(moves) - 1 - moves[::-1].index(True)
    before, after = found[: last + 1], found[last + 1 :]
    for statement in before:
        node = statement.node
        if not isinstance(node, Simple) or not node.words or node.words[0].value not in ("cd", "mkdir", "echo", "date"):
            return None
        if statement.operator not in ("&&", ";", "\n"):
            return None
    if not after:
        return None
    depends = any(statement.operator != "&&" for statement in after[:-1])
    if before[-1].operator == "&&" and depends and not cd_succeeds(event, before[-1].node, len(before)):
        return None
    start = after[0].node.start
    return Split(event.command[:start], event.command[start:])


def is_cd(node: Simple, place: tuple[str, ...]) -> bool:
    """Return whether a node is a plain `cd` at the top of the text."""
    return bool(node.words) and node.words[0].value == "cd" and "subshell" not in place


def cd_succeeds(event: Event, node: object, count: int) -> bool:
    """Return whether a `cd` at the start of the command will succeed."""
    return isinstance(node, Simple) and count == 1 and (Path(event.cwd) / node.words[1].value).is_dir()


def new_text(event: Event, plan: Plan) -> str | None:
    """Return the shell text that submits the work, or None if the plan has no jobs."""
    text = invocation(plan)
    if not text or not is_one_local_job(plan):
        return text and f"{text}{REWRITTEN}\n"
    # `run` waits a while, so that the output of a short job is there at once, and the store knows the job. The job is the whole rest of
    # the line, so nothing that follows depends on its exit code.
    job = plan.jobs[0]
    named = [("--key", key_of(event)), ("--group", job.group), ("--label", job.label), ("--cwd", job.cwd)]
    options = "".join([f" {option}={quote.word(value)}" for option, value in named if value])
    return f"{wording.program_name()} run --or-detach{options} -- {quote.word(job.command)}\n"


def is_one_local_job(plan: Plan) -> bool:
    """Return whether the plan is a single job on this machine."""
    return len(plan.jobs) == 1 and plan.jobs[0].host == LOCAL and not plan.jobs[0].each


def key_of(event: Event) -> str:
    """Return the key of the job of a tool call; empty if the agent does not name its calls."""
    return digest(f"{event.session}\0{event.call}".encode("utf-8", "surrogateescape"), 12) if event.call else ""


def describe_plan(plan: Plan) -> str:
    """Return what the rewritten command will do if it is permitted."""
    if plan.in_place is not None:
        return "its ssh will run the remote command as a job of the queue there, wait for it, and return its output and exit status"
    if is_one_local_job(plan):
        return "it will be queued as a job on this machine; the output follows if it ends soon, else the job's name"
    if len(plan.jobs) == 1 and not plan.jobs[0].each:
        return f"it will be queued as a job on {plan.jobs[0].host}, whose id will be printed"
    each = any(job.each for job in plan.jobs)
    return f"it will be queued as {'one job per iteration' if each else f'{len(plan.jobs)} jobs'}, whose ids will be printed"


def report_result(event: Event) -> str:
    """Return the outcome of a rewritten command after its call; empty for other commands."""
    from pueue_skill.jobs import news
    from pueue_skill.state import sessions

    key = key_of(event)
    failure = EXIT_CODE.match(event.error) if event.kind == "failed" else None
    if event.command.endswith(REWRITTEN) and IN_PLACE.search(event.command):
        unreached = failure and int(failure[1]) in (NOT_SUBMITTED, NO_CONNECTION) and OWN_MESSAGE.search(failure[2])
        return pause_rewriting(event, unreached[0], "could not queue its remote work") if unreached else ""
    if event.command.endswith(REWRITTEN):
        if failure:
            return pause_rewriting(
                event, failure[2], "was not queued in full: its output names the jobs that are in the queue"
            )
        return "pueue-skill: the rewritten command has queued its work. You are told when a job ends.\n"
    if not key or f" run --or-detach --key={key} " not in event.command:
        return ""
    job = sessions.last_submission(LOCAL, key)
    if job is None or not job.id:
        refused = failure is not None and int(failure[1]) == NOT_SUBMITTED
        return pause_rewriting(event, failure[2], "was not queued, and did not run") if failure and refused else ""
    if job.looked:  # run waited for its end, and the queue is not asked again
        code = failure[1] if failure else "0"
        return f"pueue-skill: the rewritten command ran as the job {job.name}, with exit code {code}.\n"
    if job.state == "open":
        return f"pueue-skill: the rewritten command was queued as {job.name}, which had not ended. You are told when it ends.\n"
    return f"pueue-skill: the rewritten command was queued as a job: {news.describe_job(job)}\n"


def pause_rewriting(event: Event, reason: str, outcome: str) -> str:
    """Record that the queue could not be reached from this session, and return a sentence that says so."""
    from pueue_skill.shell.secrets import masked

    file = pause_file(event.session)
    if file:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch()
    why = " ".join(masked(reason).split())[:300] or "no reason was given"
    return (
        f"pueue-skill: the rewritten command {outcome}: {why}\n"
        f"For {PAUSE_S / 60:.0f} minutes, commands of this session run as they are. Try: pueue-skill doctor\n"
    )


def is_paused(session: str) -> bool:
    """Return whether the queue could not be reached from this session a short time ago."""
    file = pause_file(session)
    try:
        return file is not None and time.time() - file.stat().st_mtime < PAUSE_S
    except OSError:
        return False


def pause_file(session: str) -> Path | None:
    """Return the file that records it, or None for a session without a plain id."""
    return Path(paths.data(), "aside", session) if SESSION.fullmatch(session) else None
