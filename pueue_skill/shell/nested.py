"""Texts and words that other programs run: the words of bash -c, echo, tmux, xargs or find in, what they run out.

Nothing is parsed here; `commands` parses these texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pueue_skill.shell.arguments import ArgSpec, basename, option_value, parse_options
from pueue_skill.shell.model import Command
from pueue_skill.shell.remote import CARRIERS, PROGRAMS, Carried, read_carried
from pueue_skill.shell.syntax import Node, Simple, Word
from pueue_skill.shell.wrappers import FAN_OUT, longest_entry, subcommands

SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "fish", "ash"}

HYPERFINE = ArgSpec(
    "CDLMPSTcmnprsuw",
    "cleanup command-name conclude export-asciidoc export-csv export-json export-markdown export-orgmode input max-runs min-runs output "
    "parameter-list prepare reference runs setup shell sort style time-unit warmup",
)
SESSION_PROGRAMS = {"tmux", "byobu", "screen", "daemonize", "start-stop-daemon", "dtach", "abduco", "zellij"}


def joined_words(words: Sequence[Word]) -> tuple[str, Sequence[int]]:
    """The values of `words` joined by single spaces, as ssh and eval do, with the position of each character."""
    if len(words) == 1:
        return words[0].value, words[0].origin
    text = ""
    origin: list[int] = []
    for i, word in enumerate(words):
        if i:
            text += " "
            origin.append(words[i - 1].end)
        text += word.value
        origin.extend(word.origin)
    return text, origin


def echoed_text(node: Node) -> tuple[str, Sequence[int]] | None:
    """The text that an echo, or a printf of plain words, prints, with positions; None for any other command."""
    if not isinstance(node, Simple) or len(node.words) < 2 or node.words[0].value not in ("echo", "printf"):
        return None
    words = node.words[1:]
    if node.words[0].value == "printf" and words[0].value.replace("\\n", "") in ("%s", "%s\n") and len(words) > 1:
        words = words[1:]
        text, origin = "", list[int]()
        for word in words:
            text += word.value + "\n"
            origin += [*word.origin, word.end]
        return text, origin
    return joined_words(words)


def reads_script(command: Command) -> bool:
    """Whether the command is a shell that reads its script from stdin."""
    if command.name not in SHELLS or shell_text(command.words):
        return False
    found, used = parse_options(command.words[1:], ArgSpec("oO"))
    return len(command.words) == 1 + used or ("-s", None) in found


def shell_text(words: Sequence[Word]) -> Word | None:
    """The script after a shell's -c (also in -lc, -ec), or None."""
    for i, word in enumerate(words[1:], 1):
        if not word.value.startswith("-") or word.value.startswith("--"):
            return None
        if "c" in word.value:
            return words[i + 1] if i + 1 < len(words) else None
    return None


def carried_command(words: tuple[Word, ...]) -> Carried | None:
    """The command that a program of remote.CARRIERS in `words` runs elsewhere, None for other programs."""
    if basename(words[0].value) not in PROGRAMS:
        return None
    name, _, rest = subcommands(words)
    found = longest_entry(CARRIERS, name, rest)
    return read_carried(*found) if found else None


def session_words(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words that `tmux new -d`, `screen -dm` and the other SESSION_PROGRAMS run in a detached session, empty
    without such."""
    name = basename(words[0].value)
    if name in ("daemonize", "start-stop-daemon", "dtach", "abduco", "zellij"):
        return daemon_words(name, words)
    if name == "screen" and "stuff" in [word.value for word in words]:
        return words[[word.value for word in words].index("stuff") + 1 :][:1]
    if name == "screen":
        found, used = parse_options(words[1:], ArgSpec("cehpSsTt"))
        detached = {"-d", "-m"} <= {option for option, _ in found} or "-D" in [option for option, _ in found]
        return words[1 + used :] if detached else ()
    _, used = parse_options(words[1:], ArgSpec("LSf"))
    rest = words[1 + used :]
    if not rest:
        return ()
    if rest[0].value in ("send-keys", "send"):
        _, used = parse_options(rest[1:], ArgSpec("tN"))
        return tuple([word for word in rest[1 + used :] if word.value not in ("Enter", "C-m", "ENTER", "")])
    if rest[0].value not in ("new", "new-session", "new-window", "neww", "split-window", "splitw"):
        return ()
    found, used = parse_options(rest[1:], ArgSpec("cFnstxyelp"))
    return rest[1 + used :] if ("-d", None) in found else ()


def benchmarked(words: tuple[Word, ...]) -> Iterator[Word]:
    """The texts of which hyperfine measures the time in a shell."""
    rest = words[1:]
    while rest:
        used = parse_options(rest, HYPERFINE)[1]
        yield from rest[used : used + 1]
        rest = rest[used + 1 :]


def daemon_words(name: str, words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words that a program runs whose only purpose is to detach it (daemonize, dtach, start-stop-daemon)."""
    if name == "start-stop-daemon":
        start = option_value(words, {"--exec", "-x", "--startas", "-a"})
        values = [word.value for word in words]
        return (start, *words[values.index("--") + 1 :]) if start and "--" in values else (start,) if start else ()
    if name == "zellij":
        return words[[word.value for word in words].index("--") + 1 :] if "--" in [word.value for word in words] else ()
    valued = {"daemonize": "acelopuE", "dtach": "nAcEr", "abduco": "neS"}[name]
    _, used = parse_options(words[1:], ArgSpec(valued))
    return words[1 + used :]


def fan_out_words(words: tuple[Word, ...]) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
    """The words that xargs or parallel runs, and the items after `:::`."""
    _, used = parse_options(words[1:], FAN_OUT[basename(words[0].value)])
    rest = words[1 + used :]
    for i, word in enumerate(rest):
        if word.value in (":::", "::::", ":::+"):
            return rest[:i], rest[i + 1 :]
    return rest, ()


def find_commands(words: tuple[Word, ...]) -> Iterator[tuple[Word, ...]]:
    """The commands that find or fd runs (`-exec … ;`)."""
    i = 0
    while i < len(words):
        if words[i].value in ("-exec", "-execdir", "-ok", "-okdir", "-x", "--exec", "-X", "--exec-batch"):
            stop = i + 1
            while stop < len(words) and words[stop].value not in (";", "+"):
                stop += 1
            if stop > i + 1:
                yield words[i + 1 : stop]
            i = stop
        i += 1
