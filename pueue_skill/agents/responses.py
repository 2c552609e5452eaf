"""What the hook replies to each event: an Event and the mode chosen at installation in, a Response or None out.

It reads the settings and the database, and asks hosts only at a prompt and at a session's start, within a time limit. Errors are left to the
hook, which stays silent.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from pueue_skill.agents import event as agents
from pueue_skill.agents.event import Event, Reply
from pueue_skill.agents.wording import REMINDER, analyse_event, list_findings, program_name, reminder, short_invocation
from pueue_skill.configuration import settings as settings_of
from pueue_skill.configuration.settings import Settings
from pueue_skill.plan.analysis import Analysis, analyse
from pueue_skill.rules.shapes import dominant, telling_shapes
from pueue_skill.shell import printable
from pueue_skill.startup.record import NamedTuple
from pueue_skill.state import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.state.sessions import Submitted

HOSTS_SHARE_OF_LIMIT = 0.5
"""The share of the hook's time limit that hosts have for an answer."""

NEAR_LIMIT = 0.75
"""The share of a call's time limit from which the session hears of a run that no rule wants in the queue."""

SKIP = "# pueue: skip"


class Response(NamedTuple):
    """A reply, and the jobs whose outcome it reports to the session (for sessions.confirm)."""

    reply: Reply
    told: list[Submitted]
    what: str = "end"


def respond_to_proposal(event: Event, installed: str) -> Response | None:
    """Respond to a proposed command: nothing, a reminder, a denial with what to run instead, or the rewritten command."""
    settings = settings_of.load(event.cwd)
    mode = mode_of(settings, installed)
    if mode == "off":
        return None
    analysis = analyse_event(event, settings)
    if not analysis.findings:
        return None
    rewriting = [finding for finding in analysis.findings if finding.rewrite]
    sure = bool(rewriting) and all(finding.confidence == "high" for finding in rewriting)
    if mode == "rewrite" and sure:
        from pueue_skill.agents import rewrite  # with the client's permissions, which only this mode reads

        if rewrite.is_paused(event.session):
            return None
        instead = rewrite.rewrite(event, analysis, settings)
        if instead is not None:
            return Response(instead, [])
    if sure and mode in ("suggest", "rewrite"):
        submits = short_invocation(analysis)
        if submits and may_deny(event):
            text = (
                f"pueue-skill: not run, because it belongs in the job queue:\n{list_findings(analysis)}\n"
                f"The same work as a job; run this instead:\n```bash\n{submits}```\n"
                f"If it has to run as it is, propose it again with `{SKIP}` at its end.\n"
            )
            return Response(Reply(deny=text), [])
    if "remind" not in agents.client(event.agent).CAN or not may_remind(event, analysis):
        return None
    return Response(Reply(context=reminder(analysis)), [])


def may_remind(event: Event, analysis: Analysis) -> bool:
    """Return whether the session may be reminded of such a command; True if the session is unknown, or that cannot be recorded."""
    if not event.session:
        return True
    from pueue_skill.state import log, reminders

    commands = dominant(analysis.commands)
    rules = " ".join(sorted({finding.rule for finding in analysis.findings}))
    subject = (*telling_shapes(commands, event.cwd)[-1:], rules, event.command)[0]
    try:
        return reminders.may_remind(event.session, subject)
    except (OSError, ValueError) as error:
        log.write(event.name, f"{type(error).__name__}: {error}")
        return True


def mode_of(settings: Settings, installed: str) -> str:
    """Return what the hook does before a command runs: as configured, else as installed."""
    return settings.mode or installed or os.environ.get("CLAUDE_PLUGIN_OPTION_MODE", "") or "remind"


def may_deny(event: Event) -> bool:
    """Return whether the session proposes the command for the first time; False if that cannot be recorded."""
    import sqlite3

    from pueue_skill.state import database, sessions

    try:
        return sessions.is_first_denial(event.session, event.command)
    except (sqlite3.Error, OSError) as error:
        from pueue_skill.state import log

        log.write(event.name, f"{database.path()}: {error}")
        return False


def respond_to_result(event: Event, installed: str) -> Response | None:
    """Respond to a command that has run: record the jobs that it submitted, and review it."""
    from pueue_skill.agents import learning

    settings = settings_of.load(event.cwd)
    analysis = analyse_event(event, settings)
    parts = [review_run(event, analysis, settings, learning.ran_freely(event))]
    told: list[Submitted] = []
    if event.agent == "claude" and "pueue" in event.command:
        from pueue_skill.agents import rewrite

        parts.append(rewrite.report_result(event))
    if "PUEUE_SKILL_KEY=" in event.command:
        record_invocation(event)
    elif "pueue-skill" in event.command:
        mark_session(event)
    if paths.expects_news(event.session):
        told, text = claim_ended(event)
        parts.append(text)
    context = "\n".join([part for part in parts if part])
    return Response(Reply(context=context), told) if context else None


def review_run(event: Event, analysis: Analysis, settings: Settings, free: bool) -> str:
    """Return what the run itself showed, unless the session has been reminded of such commands before."""
    if event.timed_out and 0 < event.seconds < settings.long:
        return ""  # it was given little time
    if event.timed_out or event.background:
        advice = advise_after_timeout(event, settings)
        return advice if advice and may_remind(event, analysis) else ""
    cannot_remind = "remind" not in agents.client(event.agent).CAN
    belongs_in_queue = any(finding.rewrite for finding in analysis.findings)
    least = settings.long if belongs_in_queue else max(settings.long, event.limit_s * NEAR_LIMIT)
    long = event.seconds >= least and free and bool(dominant(analysis.commands, settings.preferences))
    if not (long or (cannot_remind and analysis.findings)) or not may_remind(event, analysis):
        return ""
    took = f"took {printable.duration(event.seconds)}"
    if analysis.findings:
        return reminder(
            analysis, f"That {took} in the foreground; this belongs in the job queue:" if long else REMINDER
        )
    if event.seconds < event.limit_s:
        return f"pueue-skill: that {took} of the {printable.duration(event.limit_s)} that the call has. Next time, give it a longer timeout, or queue it.\n"
    submits = short_invocation(queued(event, settings))
    return (
        f"pueue-skill: that {took} in the foreground. Next time, queue it:\n```bash\n{submits}```\n" if submits else ""
    )


def queued(event: Event, settings: Settings) -> Analysis:
    """Return the analysis of an event's command as if a rule had flagged it."""
    return analyse(f"# pueue: queue\n{event.command}", settings.hosts, program=program_name())


def advise_after_timeout(event: Event, settings: Settings) -> str:
    """Return what to do about a command that its time limit ended or moved to the background."""
    forced = queued(event, settings)
    submits = short_invocation(forced)
    if not submits or forced.plan.verdict == "leave":
        return ""
    if event.background and not event.timed_out:
        fate = "it runs in the background of this session, and ends with it"
    elif event.background:
        fate = "its time limit moved it to the background, and the client stops it 10 minutes later"
    else:
        fate = "its time limit ended it"
    again = "stop it and queue it" if event.background else "queue it"
    return f"pueue-skill: {fate}. A job in the queue has no such limit: if this must continue, {again}:\n```bash\n{submits}```\n"


def record_invocation(event: Event) -> None:
    """Record the jobs that an invocation has submitted, so that the session hears of their outcome."""
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
                    event.session, paths.project(event.cwd), masked(command), time.time(),
                )
            )  # fmt: skip


def mark_session(event: Event) -> None:
    """Mark the session as having open jobs, if `pueue-skill run` submitted some without knowing the session."""
    from pueue_skill.state import database, sessions

    if database.path().exists() and sessions.open_jobs(event.session, paths.project(event.cwd)):
        sessions.set_marker(event.session)


def claim_ended(event: Event) -> tuple[list[Submitted], str]:
    """Claim the jobs that ended since the session was last notified; return them and the notification. Queues are asked in the background."""
    from pueue_skill.jobs import news
    from pueue_skill.state import sessions

    project = paths.project(event.cwd)
    ended = sessions.claim(event.session, project)
    if not ended and sessions.open_jobs(event.session, project):
        news.refresh_in_background()
    return ended, news.notification_of(ended) if ended else ""


def respond_to_prompt(event: Event, installed: str) -> Response | None:
    """Respond to a prompt about queued jobs: the skill, the hosts that it names and how busy they are, and the jobs that ended."""
    from pueue_skill.agents import prompts

    told: list[Submitted] = []
    parts: list[str] = []
    asked = None
    if paths.expects_news(event.session):
        from pueue_skill.jobs import news

        asked = news.refresh_in_background()
    if not event.prompt.startswith("<task-notification>"):
        hosts = settings_of.load(event.cwd).hosts
        named = prompts.named_hosts(event.prompt, hosts)
        if named is not None:
            parts.append(prompts.describe_hosts([hosts[name] for name in named], host_time_limit_s()))
    if asked is not None:
        told, text = claim_after_asking(event, asked)
        parts.insert(0, text)
    context = "\n".join([part for part in parts if part])
    return Response(Reply(context=context), told) if context else None


def host_time_limit_s() -> float:
    """Return how long hosts may take for an answer, in seconds."""
    return agents.time_limit_s() * HOSTS_SHARE_OF_LIMIT


def claim_after_asking(event: Event, asked: float) -> tuple[list[Submitted], str]:
    """As claim_ended, once the queues that were asked at `asked` (seconds since the epoch) have answered, or their time is up."""
    from pueue_skill.jobs import news
    from pueue_skill.state import sessions

    project = paths.project(event.cwd)
    news.wait_for(event.session, project, asked, host_time_limit_s())
    ended = sessions.claim(event.session, project)
    return ended, news.notification_of(ended) if ended else ""


def respond_to_start(event: Event, installed: str) -> Response | None:
    """Respond to the start of a session: the outcomes of the project's jobs, the jobs that still run, the hosts that do not answer."""
    from pueue_skill.jobs import news
    from pueue_skill.state import database, reachability, sessions

    project = paths.project(event.cwd)
    if not database.path().exists():
        return None
    waits = sessions.open_jobs(event.session, project)
    told, text = claim_after_asking(event, news.refresh_in_background()) if waits else claim_ended(event)
    running = sessions.open_jobs(event.session, project)
    parts = [text] if text else []
    if running:
        sessions.set_marker(event.session)
        names = news.names(running[:20]) + (f" and {len(running) - 20} more" if len(running) > 20 else "")
        parts.append(f"pueue-skill: queued jobs of this project that have not ended: {names}.\n")
    down = reachability.unreachable_hosts()
    parts += [f"pueue-skill: {reason}\n" for host, reason in down.items() if host in {job.host for job in running}]
    return Response(Reply(context="".join(parts)), told) if parts else None


def respond_to_stop(event: Event, installed: str) -> Response | None:
    """Respond to the end of the agent's turn: ask once to look at its own failed jobs that nobody viewed."""
    from pueue_skill.jobs import news
    from pueue_skill.state import sessions

    project = paths.project(event.cwd)
    if event.again:
        return None
    if sessions.open_jobs(event.session, project):
        news.wait_for(event.session, project, news.refresh_in_background(), host_time_limit_s())
    failed = sessions.claim(event.session, project, "asked", own_failures=True)
    if not failed:
        if not sessions.open_jobs(event.session, project):
            sessions.remove_marker(event.session)
        return None
    names = "\n".join([f"- {news.describe_job(job)}\n  pueue-skill log {job.name}" for job in failed[:10]])
    more = f"\nand {len(failed) - 10} more: pueue-skill status" if len(failed) > 10 else ""
    text = f"pueue-skill: before you stop, look at the queued jobs that have failed, or say why that can wait:\n{names}{more}\n"
    return Response(Reply(go_on=text), failed, "asked")


RESPONDERS: Mapping[str, Callable[[Event, str], Response | None]] = {
    "before": respond_to_proposal,
    "after": respond_to_result,
    "failed": respond_to_result,
    "prompt": respond_to_prompt,
    "start": respond_to_start,
    "stop": respond_to_stop,
}
