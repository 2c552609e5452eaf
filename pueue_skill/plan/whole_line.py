"""A line as one job: a Proposal in, one Work out, or NotQueueable with the reason.

Work that needs a terminal, asks for a password, escapes from the queue or uses the queue itself is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from pueue_skill.plan.background import waits_for_background
from pueue_skill.plan.markers import text_of
from pueue_skill.plan.proposal import Proposal, Work
from pueue_skill.rules.cost import weigh
from pueue_skill.shell.model import Command, Ssh
from pueue_skill.shell.nested import SESSION_PROGRAMS, session_words
from pueue_skill.shell.ssh_arguments import forks_to_background, host_name
from pueue_skill.shell.ssh_target import NO_COMMAND_OPTIONS, TERMINAL_OPTIONS, NoOtherForm, NotQueueable
from pueue_skill.shell.wrappers import only_as_written
from pueue_skill.startup.regex import regex

PASSWORD_PROGRAMS = {"sudo", "doas", "su", "passwd", "ssh-copy-id", "gpg"}
ESCAPING_PROGRAMS = {"setsid", "at", "batch", *SESSION_PROGRAMS}
INTERACTIVE_PROGRAMS = {"vim", "vi", "nano", "emacs", "top", "htop", "less", "more", "man", "tmux", "screen", "fzf"}
TERMINAL = "/dev/tty"
PROMPT_OPTIONS = {
    "python": ("-i",),
    "pypy": ("-i",),
    "ipython": ("-i",),
    "node": ("-i", "--interactive"),
    "php": ("-a",),
    "julia": ("-i",),
}
"""Options, before the script, with which an interpreter reads commands from the terminal after it."""
INPUT_OPERATORS = ("<", "<<", "<<-", "<<<", "<&", "<>")
SHELL_NAME = regex(r"\$(?:0\b|\{0\})")


def whole_line(proposal: Proposal) -> list[Work]:
    """The whole line as one job. Raises NotQueueable."""
    check_queueable(proposal)
    kept = [command for command in proposal.commands if command.ssh and only_as_written(command)]
    if any(
        command.via[:1] == ("ssh",) and not command.via[1:] and runs_long(proposal, command)
        for command in proposal.commands
        if not any(call.start <= command.start < call.end for call in kept)
    ):
        raise NotQueueable("part of it runs over ssh")
    return [Work(proposal.here, text_of(proposal.script), proposal.shell)]


def alternative(proposal: Proposal) -> str:
    """The text with tools that wait for their work, if that can be queued. Imported on demand: few texts need it."""
    from pueue_skill.plan.attaching import attached_text

    return attached_text(proposal)


def check_queueable(proposal: Proposal) -> None:
    """Raises NotQueueable if a job cannot hold the whole proposal."""
    own = [word for command in proposal.commands if not command.via for word in (*command.assigns, *command.words)]
    if proposal.shell == "login" and any(not word.static and SHELL_NAME.search(word.value) for word in own):
        raise NotQueueable("it uses the name of its shell ($0), which differs in a job")
    for command in proposal.commands:
        asks = [name for name in (*command.wrappers, command.name) if name in PASSWORD_PROGRAMS]
        if asks and not (asks[0] == "sudo" and "-n" in proposal.script.text.split()):
            raise NotQueueable(f"{asks[0]} may ask for a password, and a job has no terminal")
        if command.name in INTERACTIVE_PROGRAMS and not (
            command.name in SESSION_PROGRAMS and session_words(command.words)
        ):
            raise NotQueueable(f"{command.name} needs a terminal, which a job does not have")
        if command.terminal:
            raise NotQueueable(
                f"{command.terminal} asks for a terminal, which a job does not have", alternative(proposal)
            )
        option = next(
            (arg for arg in leading_options(command) if arg in PROMPT_OPTIONS.get(interpreter(command), ())), ""
        )
        if option:
            raise NotQueueable(f"{command.name} {option} needs a terminal, which a job does not have")
        if opens_terminal(command):
            raise NotQueueable(f"it reads or writes {TERMINAL}, and a job has no terminal")
        if command.asks and not (has_input(command) or proposal.fed):
            raise NotQueueable(f"{command.asks} asks for confirmation, and a job has no terminal")
        if command.ssh and proposal.here.ssh:
            raise NotQueueable(f"part of the remote command runs ssh to {host_name(command.ssh.destination.value)}")
        if command.ssh and is_interactive_ssh(command, command.ssh):
            raise NotQueueable(
                f"{command.name} opens a terminal on {host_name(command.ssh.destination.value)}, and a job has none"
            )
        if reads_terminal_answer(command) and not proposal.fed:
            raise NotQueueable("it reads an answer from a terminal, which a job does not have")
        if command.name == "pueue" or (command.name == "pueue-skill" and command.args[:1] != ("ssh",)):
            raise NotQueueable(f"it uses {command.name} itself")
        allocator = next((name for name in command.wrappers if name in proposal.here.allocators), None)
        if allocator:
            raise NoOtherForm(f"{allocator} requests its own resources from Slurm; pass them as sbatch options instead")
        if command.name == "sbatch":
            raise NotQueueable("sbatch already queues its work")
        if command.detached and runs_long(proposal, command):
            where = command.detached.leaves("the work")
            raise NotQueueable(f"{where}, so the queue would not see it end", alternative(proposal))
        detacher = next((n for n in (*command.wrappers, command.name) if n in ESCAPING_PROGRAMS), None)
        if detacher:
            raise NotQueueable(f"{detacher} would detach the work from the queue; queue the work itself")
    if not waits_for_background(proposal.script, proposal.commands):
        raise NotQueueable("it runs part of the work in the background, so the queue would not see it end")


def is_interactive_ssh(command: Command, ssh: Ssh) -> bool:
    """Whether ssh opens a shell that reads the terminal, or another program asks it for one that it alone can open."""
    options = {name for name, _ in ssh.options}
    if only_as_written(command) and options & TERMINAL_OPTIONS:
        return True
    return (
        ssh.payload is None
        and not options & NO_COMMAND_OPTIONS
        and not forks_to_background(ssh)
        and not has_input(command)
    )


def interpreter(command: Command) -> str:
    """The name of an interpreter without its version: python for python3.12."""
    return command.name.rstrip("0123456789.")


def leading_options(command: Command) -> Iterator[str]:
    """The options before the first operand of the command."""
    return takewhile(lambda arg: arg[:1] == "-" and arg not in ("-c", "-m"), command.args)


def runs_long(proposal: Proposal, command: Command) -> bool:
    """Whether a finding is about the command or, without findings, whether it is not known to be quick."""
    if proposal.flagged:
        return any(start <= command.start < end for start, end in proposal.flagged)
    return weigh(command).size != "quick"


def reads_terminal_answer(command: Command) -> bool:
    """Whether the command is a `read` without a pipe, redirect, loop or heredoc for its stdin."""
    around = {word.split()[0] for word in command.inside}
    own = command.name == "read" and not any(word.startswith("-u") for word in command.args)
    return own and not has_input(command) and not {"for", "while", "until", "function"} & around


def has_input(command: Command) -> bool:
    """Whether a pipe, a redirect or another shell's text is connected to stdin."""
    redirects = (*command.redirects, *command.around)
    given = any(redirect.op in INPUT_OPERATORS and redirect.fd in (None, "0") for redirect in redirects)
    return bool(command.pipe[0] or command.via or given)


def opens_terminal(command: Command) -> bool:
    """Whether the command names /dev/tty."""
    targets = [redirect.target for redirect in (*command.redirects, *command.around) if redirect.target]
    return any(word.value == TERMINAL for word in (*command.words[1:], *targets))
