"""Work that the text detaches: `nohup work > log 2>&1 &`, `work & disown`, `(work &)`, tmux, screen, at.

The work with its redirects becomes the job. The detaching wrapper is dropped, and so are commands that only report on
the detached process.
"""

from __future__ import annotations

import itertools

from pueue_skill.plan.background import waits_for_background
from pueue_skill.plan.markers import trimmed
from pueue_skill.plan.preamble import is_setup, only_prepares
from pueue_skill.plan.proposal import Proposal, Work, Works, command_at
from pueue_skill.shell import quote
from pueue_skill.shell.arguments import ArgSpec, basename, parse_options
from pueue_skill.shell.nested import SHELLS, echoed_text, reads_script, session_words, shell_text
from pueue_skill.shell.parse import parse
from pueue_skill.shell.ssh_target import NotQueueable
from pueue_skill.shell.syntax import Compound, Node, Pipeline, Script, Simple, Word
from pueue_skill.shell.walk import Statement, and_or_lists, is_wait, only_node, separator, statements
from pueue_skill.shell.wrappers import peel
from pueue_skill.startup.regex import regex

DETACHING_WRAPPERS = ("nohup", "setsid")
CHATTER = {"echo", "printf", "disown", "jobs", "sleep", "true", ":"}
"""Commands that may follow detached work without being part of it: they refer to a process that a job does not have."""

NEW_SESSION = ("new", "new-session")
HOME_PATH = regex(r"~/[\w./-]*")


def detached(proposal: Proposal, works: Works) -> list[Work] | None:
    """The work that the text detaches, or None if it detaches none. Raises NotQueueable."""
    node = only_node(proposal.script)
    if isinstance(node, Compound) and node.kind in ("subshell", "group") and not node.redirects:
        inside = statements(node.body)
        if inside[-1].operator == "&":
            return works(proposal.inner(f"{proposal.script.text[inside[0].node.start : inside[-1].node.end]} &"))
    at = at_script(node)
    if at is not None:
        return works(proposal.inner(f"sh -c {quote.word(at)}"))
    in_session = session_work(proposal.script.text, statements(proposal.script.nodes))
    if in_session is not None:
        text, label, cwd = in_session
        return [work._replace(label=work.label or label, cwd=cwd) for work in works(proposal.inner(text))]
    return shell_with_background_text(proposal, works) or background_lists(proposal, works)


def shell_with_background_text(proposal: Proposal, works: Works) -> list[Work] | None:
    """The work of a shell whose script puts its work in the background: the same shell with a script that does not."""
    node = only_node(proposal.script)
    command = command_at(proposal, node) if node else None
    if not isinstance(node, Simple) or command is None or command.name not in SHELLS or command.wrappers:
        return None
    heredoc = next((redirect for redirect in node.redirects if redirect.body), None)
    here = next((redirect.target for redirect in node.redirects if redirect.op == "<<<"), None)
    word = shell_text(node.words) or ((heredoc.body if heredoc else here) if reads_script(command) else None)
    if word is None or not word.static or waits_for_background(proposal.script, proposal.commands):
        return None
    source = proposal.script.text
    found = []
    for work in works(proposal.inner(word.value)):
        if work.each:
            raise NotQueueable("several jobs would share one shell")
        if heredoc and word is heredoc.body:
            head = source[node.start : heredoc.start] + source[heredoc.end : node.end]
            text = quote.heredoc(head.rstrip(" \t"), work.text).rstrip("\n")
        else:
            text = source[node.start : word.start] + quote.word(work.text) + source[word.end : node.end]
        found.append(work._replace(text=text))
    return found


def background_lists(proposal: Proposal, works: Works) -> list[Work] | None:
    """The work of and-or lists that end in `&`, or begin with nohup or setsid."""
    lists = and_or_lists(statements(proposal.script.nodes))
    away = [i for i, parts in enumerate(lists) if parts[-1].operator == "&"]
    own = tuple([command for command in proposal.commands if not command.via and not command.inside])
    wrapped = any(command.wrappers and command.wrappers[0] in DETACHING_WRAPPERS for command in own)
    if not away and not wrapped:
        return None
    if any(command.name == "wait" for command in own) and waits_for_background(proposal.script, proposal.commands):
        return None
    if not away:
        whole = undetached_text(proposal, [part for parts in lists for part in parts])
        return works(proposal.inner(whole)) if whole != trimmed(proposal.script.text) else None
    last = away[-1]
    is_dropped = names_process if proposal.explicit and not wrapped else is_chatter
    if not all(
        is_dropped([part for part in parts if not is_wait(part)]) or exits(parts) for parts in lists[last + 1 :]
    ):
        return None
    before = [part for parts in lists[: away[0]] for part in parts]
    if len(away) == 1:
        return works(proposal.inner(undetached_text(proposal, [*before, *lists[last]])))
    between = lists[away[0] : last + 1]
    if not only_prepares(before) or any(parts[-1].operator != "&" and not is_chatter(parts) for parts in between):
        return None
    return [
        work
        for parts in between
        if parts[-1].operator == "&"
        for work in works(proposal.inner(undetached_text(proposal, [*before, *parts])))
    ]


def is_chatter(parts: list[Statement]) -> bool:
    """Whether the statements only report on a background process."""
    return all(
        isinstance(part.node, Simple)
        and bool(part.node.words)
        and part.node.words[0].value in CHATTER
        and not any(word.programs for word in part.node.words)
        and not part.node.redirects
        for part in parts
    )


def names_process(parts: list[Statement]) -> bool:
    """Whether the statements only report on a background process, and what they print is about it (`echo $!`)."""
    return is_chatter(parts) and all(
        part.node.words[0].value not in ("echo", "printf")
        or any(not word.static and "$!" in word.text for word in part.node.words)
        for part in parts
        if isinstance(part.node, Simple)
    )


def exits(parts: list[Statement]) -> bool:
    """Whether the statements are `exit` or `exit 0`."""
    node = parts[0].node
    if len(parts) > 1 or not isinstance(node, Simple) or node.redirects:
        return False
    return [word.value for word in node.words] in (["exit"], ["exit", "0"])


def undetached_text(proposal: Proposal, parts: list[Statement]) -> str:
    """The source of `parts` without nohup, setsid and the last operator. Raises NotQueueable for a heredoc."""
    text = proposal.script.text
    if any(redirect.body for part in parts for redirect in getattr(part.node, "redirects", ())):
        raise NotQueueable("a background command reads a heredoc; write it to a file first")
    out = "".join([undetached_source(text, part.node) + separator(part.operator) for part in parts[:-1]])
    return out + undetached_source(text, parts[-1].node)


def undetached_source(text: str, node: Node) -> str:
    """The source of a statement without the wrappers that detach it."""
    if isinstance(node, Pipeline):
        source, at = "", node.start
        for part in node.parts:
            source += text[at : part.start] + undetached_source(text, part)
            at = part.end
        return source + text[at : node.end]
    if not isinstance(node, Simple):
        return text[node.start : node.end]
    words = node.words
    while (peeled := peel(words)) is not None and peeled[0] in DETACHING_WRAPPERS:
        words = peeled[1]
    if not words:
        return text[node.start : node.end]
    return text[node.start : node.words[0].start] + text[words[0].start : node.end]


def at_script(node: Node | None) -> str | None:
    """The script in `echo work | at now`, `at now <<< work` and similar; None without one."""
    fed: str | None = None
    if isinstance(node, Pipeline) and len(node.parts) == 2 and not node.prefix:
        fed = (echoed_text(node.parts[0]) or (None,))[0]
        node = node.parts[1]
    if not isinstance(node, Simple) or not node.words or basename(node.words[0].value) not in ("at", "batch"):
        return None
    name, *args = [word.value for word in node.words]
    for redirect in node.redirects:
        read = redirect.target if redirect.op == "<<<" else redirect.body
        fed = read.value if read is not None and read.static else None
    if fed is None or (args != ["now"] if basename(name) == "at" else bool(args)):
        return None
    return trimmed(fed)


def session_work(text: str, found: list[Statement]) -> tuple[str, str | None, str | None] | None:
    """The text that a new tmux or screen session runs detached, its name and its folder; None without such a session.

    Setup before the session, such as `cd`, stays in the text.
    """
    before = list(itertools.takewhile(lambda part: is_setup(part.node), found))
    while found and is_chatter(found[-1:]):
        found = found[:-1]
    calls = [
        part.node.words for part in found[len(before) :] if isinstance(part.node, Simple) and not part.node.redirects
    ]
    if (
        not calls
        or len(calls) != len(found) - len(before)
        or any(part.operator not in ("&&", ";", "\n") for part in found)
    ):
        return None
    if not all(word.static or HOME_PATH.fullmatch(word.text) for words in calls for word in words):
        return None
    name = basename(calls[0][0].value) if calls[0] else ""
    if name == "screen" and len(calls) == 1:
        made = screen_work(calls[0])
    elif name == "tmux" and all(
        changes_folder(part) for part in before
    ):  # the tmux server may have another environment
        made = tmux_work(calls)
    else:
        return None
    if made is None or not before:
        return made
    work, label, cwd = made
    if cwd is not None and cwd[:1] not in ("/", "~"):
        return None
    joint = separator(before[-1].operator)
    if joint == " && ":
        script = parse(work)
        joint = joint if isinstance(script, Script) and only_node(script) else " || exit\n"
    return text[before[0].node.start : before[-1].node.end] + joint + work, label, cwd


def changes_folder(part: Statement) -> bool:
    """Whether the statement is cd, pushd or mkdir."""
    return (
        isinstance(part.node, Simple) and bool(part.node.words) and part.node.words[0].value in ("cd", "pushd", "mkdir")
    )


def screen_work(words: tuple[Word, ...]) -> tuple[str, str | None, str | None] | None:
    """The text that `screen -dmS NAME work` runs, the session's name, and no folder; None for other uses."""
    run = [word.value for word in session_words(words)]
    found, _ = parse_options(words[1:], ArgSpec("cehpSsTt"))
    if not run or not {name for name, _ in found} <= {"-d", "-m", "-S"}:
        return None
    name = next((value.value for option, value in found if option == "-S" and value), None)
    return quote.line(run), name, None


def tmux_work(calls: list[tuple[Word, ...]]) -> tuple[str, str | None, str | None] | None:
    """The text of `tmux new -d 'work'`, or of `tmux new -d` and `tmux send-keys 'work' Enter`, with name and folder;
    None for other uses."""
    first = calls[0]
    if len(first) < 2 or first[1].value not in NEW_SESSION:
        return None
    found, used = parse_options(first[2:], ArgSpec("cFnstxyelp"))
    values = {name: value.value for name, value in found if value is not None}
    if ("-d", None) not in found or not {name for name, _ in found} <= {"-d", "-s", "-n", "-c", "-x", "-y"}:
        return None
    run = [word.value for word in first[2 + used :]]
    lines = [run[0] if len(run) == 1 else quote.line(run)] if run else []
    for words in calls[1:]:
        if basename(words[0].value) != "tmux" or len(words) < 3 or words[1].value not in ("send-keys", "send") or run:
            return None
        _, used = parse_options(words[2:], ArgSpec("tN"))
        *keys, enter = [word.value for word in words[2 + used :]] or [""]
        if enter not in ("Enter", "C-m", "ENTER") or not keys:
            return None
        lines.append("".join(keys))
    return ("\n".join(lines), values.get("-s"), values.get("-c")) if lines else None
