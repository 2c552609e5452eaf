"""Chooses the plan for a command: Script, Commands, Findings and hosts in, a Plan out.

The functions of ROWS are tried in their order; each returns the work, or raises NotQueueable with the reason, or returns None for the
next one. A plan without the meaning of the proposed text has no jobs. Nothing here knows
a queue's command line.
"""

from __future__ import annotations

from collections.abc import Mapping

from pueue_skill.plan.detached import detached
from pueue_skill.plan.functions import check_functions
from pueue_skill.plan.markers import MARKER, marker_of
from pueue_skill.plan.model import Plan
from pueue_skill.plan.over_ssh import over_ssh, several_over_ssh
from pueue_skill.plan.proposal import Proposal, Work, Works
from pueue_skill.plan.pueue_add import pueue_add
from pueue_skill.plan.whole_line import INTERACTIVE_PROGRAMS, whole_line
from pueue_skill.plan.work import plan_of_work
from pueue_skill.rules import waiting
from pueue_skill.rules.cost import weigh
from pueue_skill.rules.model import NO_PREFERENCES, Finding, Preferences
from pueue_skill.rules.registry import BY_ID
from pueue_skill.shell import quote
from pueue_skill.shell.commands import commands as commands_of
from pueue_skill.shell.model import LOCAL, Command, Host
from pueue_skill.shell.nested import SHELLS, joined_words, reads_script, shell_text
from pueue_skill.shell.parse import parse
from pueue_skill.shell.ssh_target import TERMINAL_OPTIONS, NoOtherForm, NotQueueable, host_named
from pueue_skill.shell.syntax import Script, Unparsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.plan.literals import Verdict

__all__ = ["MARKER", "marker_of", "plan", "plan_for_run"]


def with_loops(proposal: Proposal, works: Works) -> list[Work] | None:
    """Plans loops. Imported on demand: most commands have none."""
    if not proposal.spread or not any(command.loops for command in proposal.commands):
        return None
    from pueue_skill.plan.loops import loop_work

    return loop_work(proposal, works)


WAITING_RULES = {rule.id for rule in waiting.RULES}
"""The rules about waits, which need no slot of a queue."""

ROWS = (over_ssh, several_over_ssh, pueue_add, detached, with_loops)


def plan(
    script: Script | Unparsed,
    commands: tuple[Command, ...],
    findings: tuple[Finding, ...],
    hosts: Mapping[str, Host],
    target: str = LOCAL,
    cwd: str | None = None,
    group: str | None = None,
    program: str = "pueue-skill",
    preferences: Preferences = NO_PREFERENCES,
) -> Plan:
    """The plan for a command proposed on this host; local work goes to the host `target`, folder `cwd`, group `group`."""
    if isinstance(script, Unparsed):
        return Plan("leave", script.reason)
    marker = marker_of(script)
    if marker == "skip":
        return Plan("leave", "a marker in the command says skip")
    if not findings and marker != "queue":
        return Plan("leave", reason_to_leave(commands, preferences))
    advice = [finding for finding in findings if not finding.rewrite]
    if advice and len(advice) == len(findings):
        verdict: Verdict = "leave" if all(finding.rule in WAITING_RULES for finding in findings) else "queue"
        return Plan(verdict, f"{advice[0].message}. Instead: {BY_ID[advice[0].rule].instead}")
    reason = findings[0].message if findings else "a marker in the command says queue"
    spans = tuple([(finding.start, finding.end) for finding in findings])
    proposal = Proposal(script, commands, hosts, host_named(target, hosts), spread=True, flagged=spans, program=program)
    try:
        done = work_for(proposal)
        check_functions(proposal, done)
        return plan_of_work(reason, done, cwd, target, group)
    except NotQueueable as refusal:
        return plan_in_place(proposal, refusal, reason, cwd, group)


def work_for(proposal: Proposal) -> list[Work]:
    """The work of a proposal from the first row that applies; otherwise the whole line is one job. Raises
    NotQueueable."""
    note = ""
    for row in ROWS:
        try:
            done = row(proposal, work_for)
        except NotQueueable as refusal:
            if row is not with_loops:
                raise
            done, note = None, str(refusal)  # a loop can always stay one job
        if done is not None:
            return done
    return [work._replace(note=note) for work in whole_line(proposal)]


def plan_in_place(proposal: Proposal, refusal: NotQueueable, reason: str, cwd: str | None, group: str | None) -> Plan:
    """The plan for a text that needs ssh's result immediately, or a plan without jobs with the reason."""
    if proposal.here.ssh or isinstance(refusal, NoOtherForm):
        return plan_without_jobs(proposal, refusal)
    from pueue_skill.plan import in_place

    try:
        text = in_place.stand_in_text(proposal)
        if text is None:
            return plan_without_jobs(proposal, refusal)
        if in_place.only_over_ssh(proposal):
            return Plan("queue", f"{reason}; {refusal}", in_place=text)
        done = whole_line(proposal.inner(text))
        check_functions(proposal, done)
        return plan_of_work(reason, done, cwd, LOCAL, group)
    except NotQueueable as second:
        return plan_without_jobs(proposal, second)


def plan_without_jobs(proposal: Proposal, refusal: NotQueueable) -> Plan:
    """The plan with only the reason, and with `Try: …` if the alternative is one line that can be queued."""
    reason = str(refusal)
    if refusal.cure and "\n" not in refusal.cure and not proposal.here.ssh:
        try:
            cured = proposal.inner(refusal.cure)._replace(spread=False)
            check_functions(cured, work_for(cured))
            reason += f". Try: {proposal.program} run -- {quote.word(refusal.cure)}"
        except NotQueueable:
            pass
    return Plan("queue", reason)


AFTER_BACKGROUND = "trap 'set -- $?; wait; exit $1' EXIT\n"
"""Before a text whose shell is to end after its background commands, with the exit code of the text."""


def plan_for_run(
    text: str, script: Script | Unparsed, hosts: Mapping[str, Host], target: str = LOCAL, cwd: str | None = None
) -> Plan:
    """The plan for a text that the user queues explicitly: one job, as `plan` has it if possible, else the whole text.

    The job of a whole text with background commands ends when these have ended, with the exit code of the text.
    """
    here = host_named(target, hosts)
    commands = commands_of(script) if isinstance(script, Script) else ()
    done = whole_text = [Work(here, text)]
    if isinstance(script, Script):
        if any(command.background for command in commands):
            whole_text = [Work(here, f"{AFTER_BACKGROUND}{text}")]
        try:
            done = work_for(Proposal(script, commands, hosts, here, explicit=True))
        except NotQueueable:
            done = whole_text
    return plan_of_work("asked for", done if len(done) == 1 and not done[0].each else whole_text, cwd, target, None)


def reason_to_leave(commands: tuple[Command, ...], preferences: Preferences) -> str:
    """Why a command without findings is left as is."""
    for command in commands:
        if command.name == "pueue" or command.name == "pueue-skill":
            return "it already uses the queue"
        if command.name in ("sbatch", "squeue", "sacct", "scancel", "scontrol"):
            return "it already uses Slurm, which is a queue"
        if command.detached and command.detached.queue:
            return f"{command.detached.leaves('its work')}, which stores its outcome"
        if command.ssh and command.ssh.payload is None:
            return "ssh has no command: interactive, or a tunnel"
        if command.name in INTERACTIVE_PROGRAMS or (
            command.ssh and TERMINAL_OPTIONS & {name for name, _ in command.ssh.options}
        ):
            return "interactive: it needs a terminal"
        if command.terminal:
            return f"interactive: {command.terminal} asks for a terminal"
        if command.detached:
            return f"{command.detached.leaves('its work')} by itself"
        if command.name in ("tail", "journalctl") and {"-f", "-F", "--follow"} & set(command.args):
            return "interactive: it runs until it is stopped"
        remote = parse(joined_words(command.ssh.remote)[0]) if command.ssh and command.ssh.remote else None
        if isinstance(remote, Unparsed):
            return f"the remote command cannot be parsed: {remote.reason}"
    weights = [(command, weigh(command, preferences)) for command in commands if not carries_text(command)]
    for _, weight in weights:
        if weight.size == "server":
            return f"{weight.why} runs until it is stopped, so it belongs in no slot of a queue"
        if weight.size == "wait":
            return "it waits for something else, so it needs no slot of a queue"
    if not any(command.hosts for command in commands):
        return "nothing in it is known to run long"
    unknown = [command.name for command, weight in weights if command.hosts and weight.size != "quick"]
    return f"nothing is known about how long {unknown[0]} takes" if unknown else "a quick command on a remote host"


def carries_text(command: Command) -> bool:
    """Whether the command only passes a text to another shell, whose commands follow."""
    shell = command.name in SHELLS and (reads_script(command) or shell_text(command.words) is not None)
    return command.ssh is not None or command.name == "eval" or shell
