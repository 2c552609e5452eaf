"""What there is to say at each event: an Event and the mode that was chosen at installation in, a Response or None out.

It reads the settings and the store, and asks hosts only at a prompt and at a session's start, within a bound. What fails here
is for the hook to be silent about.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from pueue_skill.agents import event as agents
from pueue_skill.agents.event import Event, Reply
from pueue_skill.agents.wording import analysed, fitting, program, reminder, said
from pueue_skill.configuration import settings as settings_of
from pueue_skill.configuration.settings import Settings
from pueue_skill.plan.analysis import Analysis, analyse
from pueue_skill.shell import printable
from pueue_skill.startup.record import NamedTuple
from pueue_skill.state import log, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.state.sessions import Submitted

HOSTS_SHARE_OF_LIMIT = 0.5
"""The share of an event's time that hosts have for an answer while a session waits."""

SKIP = "# pueue: skip"

REMINDED = ("claude", "codex", "copilot", "opencode")
"""The clients that hand on what is said before a call; the others are told after it."""


class Response(NamedTuple):
    """What is said, and the jobs that the session is told of with it (for store.confirm)."""

    reply: Reply
    told: list[Submitted]
    what: str = "end"


def before(event: Event, installed: str) -> Response | None:
    """A command that is proposed: nothing, a reminder, a denial with what to run instead, or the rewritten command."""
    settings = settings_of.load(event.cwd)
    mode = mode_of(settings, installed)
    if mode == "off":
        return None
    analysis = analysed(event, settings)
    if not analysis.findings:
        return None
    sure = all(finding.confidence == "high" for finding in analysis.findings)
    if mode == "rewrite" and sure:
        from pueue_skill.agents import rewrite  # with the client's permissions, which only this mode reads

        if rewrite.stands_aside(event.session):
            return None
        instead = rewrite.rewritten(event, analysis, settings)
        if instead is not None:
            return Response(instead, [])
    if sure and mode in ("suggest", "rewrite"):
        submits = fitting(analysis)
        if submits and first_time(event):
            text = (
                f"pueue-skill: not run, because it belongs in the job queue:\n{said(analysis)}\n"
                f"The same work as a job; run this instead:\n```bash\n{submits}```\n"
                f"If it has to run as it is, propose it again with `{SKIP}` at its end.\n"
            )
            return Response(Reply(deny=text), [])
    return Response(Reply(context=reminder(analysis)), [])


def mode_of(settings: Settings, installed: str) -> str:
    """What is done before a command runs: as configured, else as installed."""
    return settings.mode or installed or os.environ.get("CLAUDE_PLUGIN_OPTION_MODE", "") or "remind"


def first_time(event: Event) -> bool:
    """Whether the session proposes the command for the first time. Where that cannot be remembered, nothing may be denied."""
    import sqlite3

    from pueue_skill.state import database, sessions

    try:
        return sessions.is_first_denial(event.session, event.command)
    except (sqlite3.Error, OSError) as error:
        log.write(event.name, f"{database.path()}: {error}")
        return False


def after(event: Event, installed: str) -> Response | None:
    """A command that has run: what it took is remembered, jobs that it queued are known from now on, and hindsight is given."""
    settings = settings_of.load(event.cwd)
    analysis = analysed(event, settings)
    if settings.record and event.seconds and (event.kind == "after" or event.seconds >= settings.long):
        try:
            remember(analysis, event.seconds, settings)
        except Exception as error:  # the answer does not depend on it
            log.write(event.name, f"{type(error).__name__}: {error}")
    parts = [hindsight(event, analysis, settings, installed)]
    told: list[Submitted] = []
    if event.agent == "claude" and "pueue" in event.command:
        from pueue_skill.agents import rewrite

        parts.append(rewrite.report(event))
    if "PUEUE_SKILL_KEY=" in event.command:
        note_submissions(event)
    elif "pueue-skill" in event.command:
        note_queued(event)
    if paths.expects_news(event.session):
        told, text = heard(event)
        parts.append(text)
    context = "\n".join([part for part in parts if part])
    return Response(Reply(context=context), told) if context else None


def hindsight(event: Event, analysis: Analysis, settings: Settings, installed: str) -> str:
    """What the run itself has shown, beyond what was said before it."""
    if event.timed_out or event.background:
        return cut_off(event, settings)
    took = f"That took {printable.duration(event.seconds)} in the foreground"
    mode = mode_of(settings, installed)
    reminded = bool(analysis.findings) and mode != "off" and event.agent in REMINDED
    if reminded:
        return (
            f"pueue-skill: {took[0].lower()}{took[1:]}; as a job it would outlive this session.\n"
            if event.seconds >= settings.long
            else ""
        )
    if analysis.findings:
        head = (
            f"{took}; this belongs in the job queue:"
            if event.seconds >= settings.long
            else "this belongs in the job queue:"
        )
        return reminder(analysis, head)
    return ""


def cut_off(event: Event, settings: Settings) -> str:
    """What to do about a command that its time limit has put into the background, or ended."""
    forced = analyse(f"# pueue: queue\n{event.command}", settings.hosts, program=program())
    submits = fitting(forced)
    if not submits or forced.plan.verdict == "leave":
        return ""
    if event.background and not event.timed_out:
        fate = "it runs in the background of this session, and ends with it"
    elif event.background:
        fate = "it was put into the background by its time limit, and the client stops it 10 minutes from then"
    else:
        fate = "its time limit has ended it"
    again = "stop it and queue it" if event.background else "queue it"
    return f"pueue-skill: {fate}. A job in the queue has no such limit: if this has to go on, {again}:\n```bash\n{submits}```\n"


def remember(analysis: Analysis, seconds: float, settings: Settings) -> None:
    """Records how long a text took, when it is one command that took it: the others in it are quick, and no loop."""
    from pueue_skill.rules.cost import shape, weigh
    from pueue_skill.state import runs

    carriers = ("ssh", "bash", "sh")
    programs = settings.preferences.programs
    heavy = [c for c in analysis.commands if weigh(c, programs).size != "quick" and not (c.ssh or c.name in carriers)]
    if len(heavy) != 1 or heavy[0].loops or heavy[0].background:
        return
    runs.record(shape(heavy[0]), seconds)
    if seconds >= settings.long:
        with open(paths.slow_programs(), "a+", encoding="utf-8") as file:
            file.seek(0)
            if heavy[0].name not in file.read().split():
                file.write(heavy[0].name + "\n")


def note_submissions(event: Event) -> None:
    """Remembers the jobs that an invocation has queued, so that the session hears of their end."""
    from pueue_skill.jobs import news
    from pueue_skill.queues.registry import KINDS
    from pueue_skill.shell.secrets import masked
    from pueue_skill.shell.ssh_target import REMOTE_PUEUE
    from pueue_skill.state import sessions

    hosts = settings_of.load(event.cwd).hosts
    for name, kind in KINDS.items():
        for ssh, key, command in kind.submissions(event.command):
            host = next((host for host in hosts.values() if host.ssh == ssh), None)
            sessions.record_submission(
                sessions.Submitted(
                    host.name if host else ssh, key, ssh, host.pueue if host else REMOTE_PUEUE, name,
                    event.session, news.project_of(event.cwd), masked(command), time.time(),
                )
            )  # fmt: skip


def note_queued(event: Event) -> None:
    """Sees to it that a session hears of what `pueue-skill run` has queued, also where the client did not tell run of it."""
    from pueue_skill.jobs import news
    from pueue_skill.state import database, sessions

    if database.path().exists() and sessions.open_jobs(event.session, news.project_of(event.cwd)):
        sessions.set_marker(event.session)


def heard(event: Event) -> tuple[list[Submitted], str]:
    """The jobs that have ended since the session was last told, and the notice of them; others are asked after meanwhile."""
    from pueue_skill.jobs import news
    from pueue_skill.state import sessions

    project = news.project_of(event.cwd)
    ended = sessions.claim(event.session, project)
    if not ended and sessions.open_jobs(event.session, project):
        news.ask_meanwhile()
    return ended, news.notice(ended) if ended else ""


def prompt(event: Event, installed: str) -> Response | None:
    """A prompt that speaks of queued work: the skill, the host and how busy it is. And the jobs that have ended."""
    from pueue_skill.agents import prompts
    from pueue_skill.jobs import news

    told: list[Submitted] = []
    parts: list[str] = []
    asked = news.ask_meanwhile() if paths.expects_news(event.session) else None
    if not event.prompt.startswith("<task-notification>"):
        hosts = settings_of.load(event.cwd).hosts
        named = prompts.meant(event.prompt, hosts)
        if named is not None:
            parts.append(prompts.context([hosts[name] for name in named], patience()))
    if asked is not None:
        told, text = answered(event, asked)
        parts.insert(0, text)
    context = "\n".join([part for part in parts if part])
    return Response(Reply(context=context), told) if context else None


def patience() -> float:
    """Seconds that hosts have for an answer."""
    return agents.limit() * HOSTS_SHARE_OF_LIMIT


def answered(event: Event, asked: float) -> tuple[list[Submitted], str]:
    """As `heard`, once the queues that were asked at `asked` (epoch seconds) have answered, or had their time."""
    from pueue_skill.jobs import news
    from pueue_skill.state import sessions

    project = news.project_of(event.cwd)
    news.wait_for(event.session, project, asked, patience())
    ended = sessions.claim(event.session, project)
    return ended, news.notice(ended) if ended else ""


def start(event: Event, installed: str) -> Response | None:
    """A session begins, or goes on: what has become of the project's jobs, which of them run, which hosts do not answer."""
    from pueue_skill.jobs import news
    from pueue_skill.state import database, reachability, sessions

    project = news.project_of(event.cwd)
    if not database.path().exists():
        return None
    waits = sessions.open_jobs(event.session, project)
    told, text = answered(event, news.ask_meanwhile()) if waits else heard(event)
    running = sessions.open_jobs(event.session, project)
    parts = [text] if text else []
    if running:
        sessions.set_marker(event.session)
        names = news.names(running[:20]) + (f" and {len(running) - 20} more" if len(running) > 20 else "")
        parts.append(f"pueue-skill: queued jobs of this project that have not ended: {names}.\n")
    down = reachability.unreachable_hosts()
    parts += [f"pueue-skill: {reason}\n" for host, reason in down.items() if host in {job.host for job in running}]
    return Response(Reply(context="".join(parts)), told) if parts else None


def stop(event: Event, installed: str) -> Response | None:
    """The agent is about to stop: once it is asked to look at its own jobs that have failed and that it has not looked at."""
    from pueue_skill.jobs import news
    from pueue_skill.state import sessions

    project = news.project_of(event.cwd)
    if event.again:
        return None
    if sessions.open_jobs(event.session, project):
        news.wait_for(event.session, project, news.ask_meanwhile(), patience())
    failed = sessions.claim(event.session, project, "asked", own_failures=True)
    if not failed:
        if not sessions.open_jobs(event.session, project):
            sessions.remove_marker(event.session)
        return None
    names = "\n".join([f"- {news.line_of(job)}\n  pueue-skill log {job.name}" for job in failed[:10]])
    more = f"\nand {len(failed) - 10} more: pueue-skill status" if len(failed) > 10 else ""
    text = f"pueue-skill: before you stop, look at the queued jobs that have failed, or say why that can wait:\n{names}{more}\n"
    return Response(Reply(go_on=text), failed, "asked")


ANSWERS: Mapping[str, Callable[[Event, str], Response | None]] = {
    "before": before,
    "after": after,
    "failed": after,
    "prompt": prompt,
    "start": start,
    "stop": stop,
}
