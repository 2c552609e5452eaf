"""What becomes of a command: Script, Commands, Findings and hosts in, Plan out.

The rows of the table in DESIGN.md, each a function that gives the work or says why not. A plan keeps the meaning of what was
proposed or it has no jobs. Nothing here knows how a queue is spoken to.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import NamedTuple

from pueue_skill import quote
from pueue_skill.facts import DETACHERS, host_name, options
from pueue_skill.facts import commands as commands_of
from pueue_skill.model import (
    LOCAL,
    Chain,
    Command,
    Finding,
    Host,
    Job,
    Node,
    Plan,
    Redirect,
    Script,
    Simple,
    Ssh,
    Unparsed,
)
from pueue_skill.parse import parse
from pueue_skill.rules import BY_ID
from pueue_skill.rules.background import detaches_itself
from pueue_skill.rules.pueue import ADD, added

MARKER = re.compile(r"#+\s*pueue:\s*(skip|queue)\b")
REMOTE_PUEUE = "~/.local/bin/pueue"
"""Where a host of which nothing is configured is believed to have pueue: not on the PATH of a bare ssh command."""

TERMINAL = {"-t", "-tt"}
NO_COMMAND = {"-N", "-W", "-O", "-G", "-V", "-Q", "-s", "-L", "-R", "-D", "-w", "-S"}
OPTION_NAMES = {"requesttty": "it asks for a terminal", "remotecommand": "it names its own remote command"}
ASKS = {"sudo", "doas", "su", "passwd", "ssh-copy-id", "gpg"}
ESCAPES = {"setsid", "at", "batch", *DETACHERS}
INTERACTIVE = {"vim", "vi", "nano", "emacs", "top", "htop", "less", "more", "man", "tmux", "screen", "fzf"}


class Work(NamedTuple):
    """Text for one job: where it runs, and what `pueue add` was told of it where it was misused."""

    host: Host
    text: str
    group: str | None = None
    label: str | None = None
    cwd: str | None = None


class Refusal(Exception):
    """The work cannot be queued with its meaning kept; the message is the reason, for people."""


def plan(
    script: Script | Unparsed,
    commands: tuple[Command, ...],
    findings: tuple[Finding, ...],
    hosts: Mapping[str, Host],
    target: str = LOCAL,
    cwd: str | None = None,
) -> Plan:
    """The plan for a command that was proposed on this machine; local work goes to `target`, into the folder `cwd`."""
    if isinstance(script, Unparsed):
        return Plan("leave", script.reason)
    marker = marker_of(script)
    if marker == "skip":
        return Plan("leave", "a marker in the command says skip")
    if not findings and marker != "queue":
        return Plan("leave", reason_to_leave(commands))
    advice = [finding for finding in findings if not finding.rewrite]
    if advice and len(advice) == len(findings):
        return Plan("queue", f"{advice[0].message}. Instead: {BY_ID[advice[0].rule].instead}")
    try:
        work = work_of(script, commands, hosts, host_named(target, hosts))
    except Refusal as refusal:
        return Plan("queue", str(refusal))
    reason = findings[0].message if findings else "a marker in the command says queue"
    return Plan("queue", reason, (job_of(work, cwd if work.host.name == target else None),), (work.host,))


def plan_for_run(
    text: str, script: Script | Unparsed, hosts: Mapping[str, Host], target: str = LOCAL, cwd: str | None = None
) -> Plan:
    """The plan for text that a person has said to queue: as `plan` has it where it can, else the whole text as it is."""
    try:
        if isinstance(script, Unparsed):
            raise Refusal(script.reason)
        work = work_of(script, commands_of(script), hosts, host_named(target, hosts))
    except Refusal:
        work = Work(host_named(target, hosts), text)
    return Plan("queue", "asked for", (job_of(work, cwd if work.host.name == target else None),), (work.host,))


def job_of(work: Work, cwd: str | None, group: str | None = None, label: str | None = None) -> Job:
    cwd = work.cwd or cwd
    group, label = group or work.group, label or work.label
    return Job(
        key_of(work.host.name, cwd, group, label, work.text),
        work.host.name, work.host.backend, group, label, cwd, work.text,
    )  # fmt: skip


def key_of(*parts: str | None) -> str:
    """The key of what is defined by `parts`: 12 hexadecimal digits."""
    raw = "\0".join(["" if part is None else part for part in parts]).encode("utf-8", "surrogateescape")
    return hashlib.sha256(raw).hexdigest()[:12]


def host_named(name: str, hosts: Mapping[str, Host]) -> Host:
    """The configured host of that name, or one that ssh is left to find."""
    known = hosts.get(name)
    if known:
        return known
    if name == LOCAL:
        return Host(LOCAL)
    return Host(name, quote.word(name), REMOTE_PUEUE)


def marker_of(script: Script) -> str | None:
    """What the last marker comment says, or None."""
    said = [match[1] for match in map(MARKER.match, [comment.text for comment in script.comments]) if match]
    return said[-1] if said else None


def text_of(script: Script) -> str:
    """The script's text without marker comments (and without the lines that hold nothing else)."""
    text = script.text
    for comment in reversed(script.comments):
        if MARKER.match(comment.text):
            line = text.rfind("\n", 0, comment.start) + 1
            alone = not text[line : comment.start].strip()
            end = comment.end + 1 if alone else comment.end
            text = text[: line if alone else comment.start] + text[end:]
    return text.strip()


def work_of(script: Script, commands: tuple[Command, ...], hosts: Mapping[str, Host], here: Host) -> Work:
    """The work in `script`, whose commands are `commands` and which `here` would run. Raises Refusal."""
    node = only(script)
    own = [command for command in commands if not command.hosts]
    top = [command for command in own if not command.inside]
    if isinstance(node, Simple) and len(top) == 1 and top[0].ssh and not top[0].wrappers:
        return remote_work(node, top[0].ssh, hosts)
    repaired = repaired_add(script, node, own)
    if repaired:
        inner, told = repaired
        return whole_line(inner, commands_of(inner), here)._replace(
            group=told.get("group"), label=told.get("label"), cwd=told.get("cwd")
        )
    detached = detached_work(script, node, own)
    if detached is not None:
        return whole_line(detached, commands_of(detached), here)
    return whole_line(script, commands, here)


def whole_line(script: Script, commands: tuple[Command, ...], here: Host) -> Work:
    """A line that stays whole: one job that holds all of it."""
    for command in commands:
        asks = [name for name in (*command.wrappers, command.name) if name in ASKS]
        if asks and not (asks[0] == "sudo" and "-n" in script.text.split()):
            raise Refusal(f"{asks[0]} may ask for a password, and a job has no terminal to ask on")
        if command.name in INTERACTIVE:
            raise Refusal(f"{command.name} needs a terminal, which a job does not have")
        if command.ssh:
            raise Refusal(f"parts of it belong to {host_name(command.ssh.destination.value)}, parts do not")
        if asks_the_terminal(command):
            raise Refusal("it reads an answer from the terminal, which a job does not have")
        if command.name == "pueue":
            raise Refusal("it speaks to pueue itself")
        detacher = detaches_itself(command) or next(
            (n for n in (*command.wrappers, command.name) if n in ESCAPES), None
        )
        if detacher:
            raise Refusal(f"{detacher} would take the work out of the queue's sight; queue the work itself")
        if command.background:
            raise Refusal("it puts part of the work in the background, where the queue would not see it end")
    return Work(here, text_of(script))


def asks_the_terminal(command: Command) -> bool:
    """`read -p …` where nothing feeds it: no pipe, redirect, loop or heredoc."""
    fed = (
        command.pipe[0]
        or command.via
        or any(redirect.op in ("<", "<<", "<<-", "<<<") for redirect in command.redirects)
    )
    return (
        command.name == "read"
        and not fed
        and not {"for", "while", "until", "function"} & {w.split()[0] for w in command.inside}
    )


def remote_work(node: Simple, ssh: Ssh, hosts: Mapping[str, Host]) -> Work:
    """`ssh [opts] host 'work'`: the whole remote command is the job."""
    kept = []
    for name, value in ssh.options:
        if name in TERMINAL:
            raise Refusal("ssh -t asks for a terminal, which a job does not have")
        if name in NO_COMMAND:
            raise Refusal(f"ssh {name} is not there to run a command")
        if name == "-o" and value is not None:
            option = re.split(r"[=\s]", value.value.strip(), maxsplit=1)[0].lower()
            if option in OPTION_NAMES:
                raise Refusal(OPTION_NAMES[option])
            if option in ("stdinnull", "forkafterauthentication"):
                continue
        if value is not None and value.programs:
            raise Refusal("an option of ssh holds a command substitution")
        if name not in ("-n", "-f"):
            kept.append(name if value is None else f"{name} {value.text}")
    if node.assigns:
        raise Refusal("variables are set for ssh itself")
    if any(not merges_stderr(redirect) for redirect in node.redirects):
        raise Refusal("input or output of ssh is redirected on this machine: use `pueue-skill run` in its place")
    if ssh.payload is None:
        raise Refusal("ssh is given no command")
    if not ssh.static:
        raise Refusal("the remote command holds what only your shell can fill in: use `pueue-skill run`")
    if ssh.destination.programs or not ssh.destination.static:
        raise Refusal("the host's name is only known to your shell")
    name = host_name(ssh.destination.value)
    configured = host_named(name, hosts)
    host = configured._replace(ssh=" ".join([*kept, ssh.destination.text]))
    inner = parse(ssh.payload)
    if isinstance(inner, Unparsed):
        raise Refusal(f"the remote command is not understood: {inner.reason}")
    commands = commands_of(inner)
    if any(command.ssh for command in commands):
        raise Refusal("the remote command goes on to another host")
    return work_of(inner, commands, hosts, host)


def merges_stderr(redirect: Redirect) -> bool:
    """`2>&1`: a job's log holds both anyway."""
    return (redirect.op, redirect.fd) == (">&", "2") and redirect.target is not None and redirect.target.value == "1"


def repaired_add(script: Script, node: Node | None, own: list[Command]) -> tuple[Script, dict[str, str | None]] | None:
    """`pueue add -- cd x && work`, which queues only `cd x`: the work it was meant to queue, and its options."""
    if not isinstance(node, Chain) or not own or not added(own[0]) or any(c.name == "pueue" for c in own[1:]):
        return None
    first = node.parts[0]
    if not isinstance(first, Simple) or "&" in node.operators or own[0].wrappers:
        return None
    told: dict[str, str | None] = {}
    for option, value in options(own[0].words[2:], ADD)[0]:
        field = {"-g": "group", "--group": "group", "-l": "label", "--label": "label",
                 "-w": "cwd", "--working-directory": "cwd"}.get(option)  # fmt: skip
        if field and value is not None and value.static:
            told[field] = value.value
        elif option not in ("-p", "--print-task-id"):
            raise Refusal(f"`pueue add {option}` has no place in a job yet")
    text = script.text[added(own[0])[0].start : node.end]
    inner = parse(text)
    return None if isinstance(inner, Unparsed) else (inner, told)


def detached_work(script: Script, node: Node | None, own: list[Command]) -> Script | None:
    """`nohup work > log 2>&1 &`, `work &`: the work with its redirects; the wrapper and the `&` go."""
    ampersand = isinstance(node, Chain) and node.operators == ("&",)
    if isinstance(node, Chain) and ampersand:
        node = node.parts[0]
    if not isinstance(node, Simple) or not own or own[-1].via:
        return None
    command = own[-1]
    dropped = 0
    while command.wrappers[dropped : dropped + 1] in (("nohup",), ("setsid",)):
        dropped += 1
    if not ampersand and not dropped:
        return None
    if len(command.wrappers) > dropped and dropped:
        return None
    start = command.words[0].start if dropped else node.start
    assigns = "".join([assign.text + " " for assign in node.assigns]) if dropped else ""
    inner = parse(assigns + script.text[start : node.end])
    return None if isinstance(inner, Unparsed) else inner


def only(script: Script) -> Node | None:
    """The one node that a script consists of, a closing `;` left out, or None."""
    if len(script.nodes) != 1:
        return None
    node = script.nodes[0]
    if isinstance(node, Chain) and len(node.parts) == 1 and node.operators[0] in ("", ";"):
        return node.parts[0]
    return node


def reason_to_leave(commands: tuple[Command, ...]) -> str:
    for command in commands:
        if command.name == "pueue" or command.name == "pueue-skill":
            return "it speaks to the queue already"
        if command.ssh and command.ssh.payload is None:
            return "ssh is given no command: interactive, or a tunnel"
        if command.name in INTERACTIVE or (command.ssh and TERMINAL & {name for name, _ in command.ssh.options}):
            return "interactive: it needs a terminal"
        if command.name in ("tail", "journalctl") and {"-f", "-F", "--follow"} & set(command.args):
            return "interactive: it goes on until somebody stops it"
    if any(command.hosts for command in commands):
        return "a quick look at a remote host"
    return "nothing in it is known to run long"
