"""`ssh [opts] host 'work'`: the whole remote command becomes the job, run by the host's login shell as sshd does.

Text that ssh reads and passes on (a heredoc, a here-string) becomes part of the job, which bash then runs; output to
/dev/null is discarded on the host. Input and output of this host cannot be part of a job; in_place handles them.
"""

from __future__ import annotations

from pueue_skill.plan.background import waits_for_background
from pueue_skill.plan.markers import text_of, trimmed
from pueue_skill.plan.proposal import Proposal, Work, Works, command_at
from pueue_skill.shell import quote
from pueue_skill.shell.model import LOGIN_SHELL, Command, Host, Ssh
from pueue_skill.shell.nested import reads_script
from pueue_skill.shell.ssh_target import NoOtherForm, NotQueueable, final_destination
from pueue_skill.shell.syntax import Node, Redirect, Simple
from pueue_skill.shell.walk import Statement, has_heredoc, is_wait, only_node, statements
from pueue_skill.shell.wrappers import only_as_written
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.plan.literals import Shell


class SshCall(NamedTuple):
    """One ssh: its host, remote command, stdin, and redirects for the job."""

    host: Host
    payload: str | None
    stdin: str | None
    redirects: str


def over_ssh(proposal: Proposal, works: Works) -> list[Work] | None:
    """The work of a text that is one ssh command, or None. Raises NotQueueable."""
    node = only_node(proposal.script)
    command = ssh_at(proposal, node)
    if not isinstance(node, Simple) or command is None or command.ssh is None:
        return None
    if command.wrappers:
        raise NotQueueable(f"ssh is wrapped in {command.wrappers[0]}")
    if command.name == "autossh" and any(word.value[:1] == "-" for word in command.ssh.remote):
        raise NoOtherForm("autossh reads the options in the remote command as its own: quote the remote command")
    call = parse_call(proposal, node, command.ssh)
    if call.payload is None:
        return script_work(proposal, works, f"{LOGIN_SHELL} -l", "nested", call)
    remote = proposal.inner(call.payload, call.host, "login")._replace(fed=call.stdin is not None)
    inner = works(remote)
    if call.stdin is None and not call.redirects:
        return inner
    if call.stdin is not None:
        top = only_node(remote.script)
        reader = command_at(remote, top) if top else None
        if reader is not None and reads_script(reader):
            return script_work(proposal, works, call.payload, "bash", call)
    if len(inner) > 1 or inner[0].each:
        raise NotQueueable("several jobs would share the stdin or output of ssh")
    shell = inner[0].shell if inner[0].shell == "bash" else "nested"
    return [inner[0]._replace(text=with_input(login_shell_text(inner[0]), call), shell=shell)]


def script_work(proposal: Proposal, works: Works, reader: str, shell: Shell, call: SshCall) -> list[Work]:
    """The work of a script that ssh passes to `reader` on the host: as is, or without the commands that detach its
    work."""
    script = proposal.inner(call.stdin or "", call.host)._replace(fed=True, spread=False)
    jobs = works(
        script if waits_for_background(script.script, script.commands) else script._replace(spread=proposal.spread)
    )
    if any(job.each for job in jobs):
        raise NotQueueable("several jobs would share the stdin or output of ssh")
    if [job.text for job in jobs] == [text_of(script.script)]:
        return [Work(call.host, with_input(reader, call), shell)]
    return [job._replace(text=with_input(reader, call._replace(stdin=job.text)), shell=shell) for job in jobs]


def several_over_ssh(proposal: Proposal, works: Works) -> list[Work] | None:
    """The work of several ssh commands and nothing else: one job if they run in turn on one host, a job each if side
    by side."""
    found = statements(proposal.script.nodes)
    calls = [part for part in found if not is_wait(part)]
    commands = [ssh_at(proposal, part.node) for part in calls]
    if any(map(is_wait, found[: len(calls)])):
        return None  # a later ssh command has to wait
    if len(calls) < 2 or not all(commands) or not any(is_flagged(proposal, part) for part in calls):
        return None
    each = [
        works(proposal.inner(proposal.script.text[part.node.start : part.node.end], shell=proposal.shell))
        for part in calls
        if not has_heredoc(part.node)
    ]
    if len(each) < len(calls):
        raise NotQueueable("one of several ssh commands reads a heredoc")
    if all(part.operator == "&" for part in calls):
        return [work for jobs in each for work in jobs]
    if len(found) > len(calls) or any(part.operator == "&" for part in found):
        return None
    jobs = [work for works_of_call in each for work in works_of_call]
    if len(jobs) > len(calls) or len({work.host for work in jobs}) > 1 or any(work.each for work in jobs):
        return None
    text = ""
    for work, part in zip(jobs, calls, strict=True):
        text += login_shell_text(work) + ("\n" if part.operator in ("\n", ";") else f" {part.operator} ")
    return [Work(jobs[0].host, trimmed(text), "bash" if all(work.shell == "bash" for work in jobs) else "nested")]


def ssh_at(proposal: Proposal, node: Node | None) -> Command | None:
    """The ssh Command that is `node` and whose work another ssh can start, or None."""
    command = command_at(proposal, node) if isinstance(node, Simple) else None
    return command if command and command.ssh and not command.inside and not only_as_written(command) else None


def is_flagged(proposal: Proposal, part: Statement) -> bool:
    """Whether a finding is about the statement, or none is about any."""
    return not proposal.flagged or any(part.node.start <= start < part.node.end for start, _ in proposal.flagged)


def login_shell_text(work: Work) -> str:
    """bash text that runs the work as its own shell would."""
    return f"{LOGIN_SHELL if work.shell == 'login' else 'bash'} -c {quote.word(work.text)}"


def with_input(text: str, call: SshCall) -> str:
    """`text` with the redirects and stdin of the call."""
    if call.stdin is None:
        return f"{text}{call.redirects}"
    return quote.heredoc(f"{text}{call.redirects}", call.stdin).rstrip("\n")


def parse_call(proposal: Proposal, node: Simple, ssh: Ssh) -> SshCall:
    """The SshCall of an ssh command. Raises NotQueueable."""
    if node.assigns:
        raise NotQueueable("it sets variables for ssh itself")
    stdin: str | None = None
    out = ""
    for redirect in node.redirects:
        fed = redirected_text(redirect)
        if fed is not None:
            stdin = fed or None
        elif redirect.target is not None and (discards_output(redirect) or (merges_stderr(redirect) and out)):
            out += f" {redirect.fd or ''}{redirect.op}{redirect.target.value}"
        elif not merges_stderr(redirect):
            raise NotQueueable("stdin or an output of ssh is redirected on this host")
    if not ssh.static:
        raise NotQueueable("only your shell can expand part of the remote command")
    host, payload = final_destination(ssh, proposal.hosts)
    if payload is None and stdin is None:
        raise NotQueueable("ssh has no command")
    return SshCall(host, payload, stdin, out)


def redirected_text(redirect: Redirect) -> str | None:
    """The text that an input redirect provides, empty for /dev/null; None for any other redirect."""
    if redirect.fd not in (None, "0"):
        return None
    if redirect.op in ("<<", "<<-") and redirect.body is not None and redirect.body.static:
        return redirect.body.value
    if redirect.op == "<<<" and redirect.target is not None and redirect.target.static:
        return redirect.target.value + "\n"
    return "" if redirect.op == "<" and redirect.target is not None and redirect.target.value == "/dev/null" else None


def discards_output(redirect: Redirect) -> bool:
    """Whether the redirect sends output to /dev/null."""
    return (
        redirect.op in (">", ">>", ">|", "&>", "&>>")
        and redirect.fd in (None, "1", "2")
        and redirect.target is not None
        and redirect.target.value == "/dev/null"
    )


def merges_stderr(redirect: Redirect) -> bool:
    """Whether the redirect is `2>&1`: a job's log holds both anyway."""
    return (redirect.op, redirect.fd) == (">&", "2") and redirect.target is not None and redirect.target.value == "1"
