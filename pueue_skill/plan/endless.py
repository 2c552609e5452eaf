"""Detects sources that never end: a node of a Script in, the name of its endless source out.

A job's input is stored before the job starts, so work that reads such a source could never start. In a pipeline a
source ends if a later part is known to stop reading: `yes | head -n 5`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pueue_skill.shell.arguments import basename
from pueue_skill.shell.nested import SHELLS, shell_text
from pueue_skill.shell.parse import parse
from pueue_skill.shell.ssh_arguments import SSH_PROGRAMS, parse_ssh
from pueue_skill.shell.syntax import Compound, Node, Pipeline, Redirect, Simple, Unparsed, Word
from pueue_skill.shell.walk import simple_nodes, statements
from pueue_skill.shell.wrappers import peel
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

TIME_LIMITERS = {"timeout", "gtimeout"}
"""Wrappers that end their command after a time."""


class PeeledCommand(NamedTuple):
    """A simple command without its wrappers; `limited`: a wrapper ends it after a time."""

    name: str
    words: tuple[Word, ...]
    limited: bool

    @property
    def args(self) -> list[str]:
        """The values of the words after the program."""
        return [word.value for word in self.words[1:]]


class Endless(NamedTuple):
    """A program that writes forever: with one of the options `needs` (always, if empty) and none of `ends`.

    With `interval` it does so if exactly one operand is a number, the pause between lines; a second would be their
    count.
    """

    needs: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    interval: bool = False


FOLLOWS = Endless(("-f", "-F", "--follow"))
SOURCES: Mapping[str, Endless] = {
    "yes": Endless(),
    "tail": Endless(("-f", "-F", "--follow", "--retry")),
    "journalctl": FOLLOWS,
    "dmesg": Endless(("-w", "-W", "--follow", "--follow-new")),
    "docker logs": FOLLOWS, "docker compose logs": FOLLOWS, "docker-compose logs": FOLLOWS, "podman logs": FOLLOWS,
    "docker events": Endless(ends=("--until",)), "docker stats": Endless(ends=("--no-stream",)), "podman stats": Endless(ends=("--no-stream",)),
    "kubectl logs": FOLLOWS, "kubectl get": Endless(("-w", "--watch", "--watch-only")), "stern": Endless(ends=("--no-follow",)),
    "heroku logs": Endless(("-t", "--tail")), "aws logs tail": Endless(("--follow",)),
    "nc": Endless(), "ncat": Endless(), "netcat": Endless(), "socat": Endless(), "telnet": Endless(),
    "ping": Endless(ends=("-c", "-w")), "ping6": Endless(ends=("-c", "-w")), "fping": Endless(("-l", "--loop")),
    "tcpdump": Endless(ends=("-c",)), "tshark": Endless(ends=("-c", "-a", "-r")),
    "watch": Endless(), "top": Endless(ends=("-n", "-l")), "htop": Endless(),
    "vmstat": Endless(interval=True), "iostat": Endless(interval=True), "mpstat": Endless(interval=True),
    "pidstat": Endless(interval=True), "sar": Endless(interval=True), "dstat": Endless(interval=True),
    "nvidia-smi": Endless(("-l", "-lms", "--loop", "--loop-ms")), "nvidia-smi dmon": Endless(ends=("-c",)), "nvidia-smi pmon": Endless(ends=("-c",)),
    "inotifywait": Endless(("-m", "--monitor")), "fswatch": Endless(ends=("-1", "--one-event")),
    "udevadm monitor": Endless(), "dbus-monitor": Endless(), "acpi_listen": Endless(), "libinput debug-events": Endless(),
    "redis-cli monitor": Endless(), "redis-cli subscribe": Endless(), "redis-cli psubscribe": Endless(),
    "kcat": Endless(("-C",), ("-e", "-c")), "kafkacat": Endless(("-C",), ("-e", "-c")), "mosquitto_sub": Endless(ends=("-C", "-W", "-E")),
    "arecord": Endless(ends=("-d", "--duration", "-s", "--samples")), "parec": Endless(),
}  # fmt: skip
"""Programs that write forever, some only with a subcommand."""

ENDLESS_FILES = {"/dev/zero", "/dev/full", "/dev/urandom", "/dev/random", "/dev/arandom"}
"""Files without an end."""
COPYING_PROGRAMS = {"cat", "dd", "tr", "base64", "base32", "xxd", "od", "hexdump", "strings", "fold", "tee", "pv", "rev", "nl", "sed", "grep", "openssl",
           "gzip", "zstd", "xz", "bzip2", "mbuffer", "sox"}  # fmt: skip
"""Programs that read their files to the end and write as they read."""

STOPPING_PROGRAMS = {
    "head": regex(""),
    "dd": regex(r"(?:^| )count="),
    "sed": regex(r"(?:^|[\s;{\d'\"])[qQ](?:$|[\s;}\d])"),
    "grep": regex(r"(?:^| )-(?:\w*[mqlL]|-max-count|-quiet|-silent|-files-with)"),
    "awk": regex(r"\bexit\b"),
    "pv": regex(r"(?:^| )(?:-\w*S|--stop-at-size)"),
}  # fmt: skip
"""Programs that stop reading before the end of their input, with the pattern that their words must match."""
SAME_PROGRAM = {
    "egrep": "grep",
    "fgrep": "grep",
    "zgrep": "grep",
    "rg": "grep",
    "gawk": "awk",
    "mawk": "awk",
    "gsed": "sed",
    "ghead": "head",
}

CONSTANT_CONDITIONS = {
    "while": regex(r"true|:|/bin/true|sleep .*|\(\( *[1-9]\d* *\)\)|\[ [^ ]+ \]|\[\[ [^ ]+ \]\]"),
    "until": regex(r"false|/bin/false|\(\( *0 *\)\)"),
}  # fmt: skip
"""Loop conditions that never change."""
LOOP_EXITS = {"break", "exit", "return", "exec", "kill"}
"""Commands that may end a loop with a constant condition."""


def endless_source(node: Node) -> str:
    """The name of the source in `node` that never ends; empty without one."""
    match node:
        case Simple():
            return endless_command(node)
        case Pipeline():
            found = ""
            for part in node.parts:
                found = "" if stops_reading(part) else endless_source(part) or found
            return found
        case Compound(kind="function"):
            return ""
        case Compound():
            return endless_loop(node) or endless_input(node.redirects) or first_endless((*node.test, *node.body))
    return first_endless([part.node for part in statements((node,)) if part.operator != "&"])


def first_endless(nodes: Iterable[Node]) -> str:
    """The first endless source in `nodes`; empty without one."""
    return next((name for node in nodes if (name := endless_source(node))), "")


def run_in(node: Node) -> PeeledCommand | None:
    """The PeeledCommand of a simple command, or None."""
    if not isinstance(node, Simple):
        return None
    words, wrappers = node.words, set[str]()
    while (peeled := peel(words)) is not None:
        wrappers.add(peeled[0])
        words = peeled[1]
    return PeeledCommand(basename(words[0].value), words, bool(TIME_LIMITERS & wrappers)) if words else None


def endless_command(node: Simple) -> str:
    """The endless source that a simple command is or reads; empty without one."""
    run = run_in(node)
    if run is None or run.limited or stops_reading(node):
        return ""
    if run.name in COPYING_PROGRAMS:
        file = next((value for arg in run.args if (value := arg.removeprefix("if=")) in ENDLESS_FILES), "")
        if file or (fed := endless_input(node.redirects)):
            return file or fed
    ssh = parse_ssh(run.words) if run.name in SSH_PROGRAMS else None
    carried = shell_text(run.words) if run.name in SHELLS else None
    text = ssh.payload if ssh else carried.value if carried else None
    script = parse(text) if text else None
    if script and not isinstance(script, Unparsed):
        return first_endless(script.nodes)
    return next((name for name, source in SOURCES.items() if is_source(run, name.split(), source)), "")


def is_source(run: PeeledCommand, name: Sequence[str], source: Endless) -> bool:
    """Whether the program is that source, with options that make it endless."""
    plain = [arg for arg in run.args if not arg.startswith("-")]
    if (
        run.name != name[0]
        or plain[: len(name) - 1] != name[1:]
        or any(has_option(run.args, end) for end in source.ends)
    ):
        return False
    if source.interval:
        return sum(arg.replace(".", "", 1).isdigit() for arg in plain) == 1
    return not source.needs or any(has_option(run.args, option) for option in source.needs)


def has_option(args: Sequence[str], option: str) -> bool:
    """Whether an option is in `args`: by itself, with a value, or in a cluster."""
    if option.startswith("--"):
        return any(arg == option or arg.startswith(f"{option}=") for arg in args)
    if len(option) > 2:
        return option in args
    return any(arg[:1] == "-" and arg[1:2] != "-" and option[1] in arg[1:] for arg in args)


def stops_reading(node: Node) -> bool:
    """Whether `node` is known to stop reading before the end of its input."""
    run = run_in(node)
    if run is None:
        return False
    pattern = STOPPING_PROGRAMS.get(SAME_PROGRAM.get(run.name, run.name))
    return run.limited or (pattern is not None and pattern.search(" ".join(run.args)) is not None)


def endless_input(redirects: Sequence[Redirect]) -> str:
    """The endless source that redirects connect to stdin; empty without one."""
    fed = [r.target for r in redirects if r.op in ("<", "<>") and r.fd in (None, "0") and r.target]
    return "" if not fed else fed[-1].value if fed[-1].value in ENDLESS_FILES else first_endless(fed[-1].programs)


def endless_loop(loop: Compound) -> str:
    """The name of a loop with a constant condition and nothing that leaves it; empty for other loops."""
    if any(node.words and node.words[0].value in LOOP_EXITS for node, _ in simple_nodes(loop.body)):
        return ""
    if loop.kind == "for" and loop.words[0].value.startswith("(("):
        return "for ((;;))" if not loop.words[0].value.split(";")[1].strip() else ""
    test = statements(loop.test)[0].node if loop.kind in CONSTANT_CONDITIONS and loop.test else None
    words = [word.value for word in test.words] if isinstance(test, Simple | Compound) else []
    return f"{loop.kind} {words[0]}" if words and CONSTANT_CONDITIONS[loop.kind].fullmatch(" ".join(words)) else ""
