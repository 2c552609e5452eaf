"""xargs and parallel as jobs: one job per call, in a group whose limit is the number of parallel calls.

Items that the text determines (echo, printf, seq, a here-string, `:::`) are filled in as xargs(1) and parallel(1) do.
Otherwise xargs stays, and each of its calls submits a job.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

from pueue_skill.plan.independence import MAX_LISTED_ITEMS, check_independent_calls
from pueue_skill.plan.model import Each
from pueue_skill.plan.proposal import Proposal, Work
from pueue_skill.plan.whole_line import check_queueable
from pueue_skill.shell import quote
from pueue_skill.shell.arguments import basename, parse_options
from pueue_skill.shell.expansion import Value, expand_words, seq
from pueue_skill.shell.model import Host
from pueue_skill.shell.secrets import holds_secret
from pueue_skill.shell.ssh_target import NotQueueable
from pueue_skill.shell.syntax import Node, Pipeline, Simple, Word
from pueue_skill.shell.wrappers import FAN_OUT
from pueue_skill.startup.numbers import integer
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

INPUT_OPTIONS = {
    "-0": "-0",
    "--null": "-0",
    "-d": "-d",
    "--delimiter": "-d",
    "-r": "-r",
    "--no-run-if-empty": "-r",
    "-x": "-x",
    "--exit": "-x",
    "-E": "-E",
    "--eof": "-E",
    "-a": "-a",
    "--arg-file": "-a",
}
"""Options of xargs that select its input, each with the short form that every xargs accepts."""
MAX_PROCS_OPTIONS, MAX_ARGS_OPTIONS, MAX_LINES_OPTIONS, REPLACE_OPTIONS = (
    ("-P", "--max-procs"),
    ("-n", "--max-args"),
    ("-L", "--max-lines"),
    ("-I", "-i", "--replace"),
)
PARALLEL_OPTIONS = {"-j", "-P", "--jobs", "--max-procs", "-k", "--keep-order", "--bar", "--eta", "--progress", "--will-cite", "-u", "--line-buffer", "--lb"}  # fmt: skip
PLACEHOLDER = regex(r"\{([0-9]*)\}")
PARTIAL_PLACEHOLDER = regex(r"\{\d*[-+./#%=:]")
"""Placeholders of parallel for a part of an item, its number or a computed value."""


def fan_out_work(proposal: Proposal, node: Node, call: Simple, before: str, known: Mapping[str, Value]) -> list[Work]:
    """The jobs of `call`, an xargs or parallel that is `node` or the last part of the pipeline `node`. Raises
    NotQueueable."""
    inside = [c for c in proposal.commands if any(node.start <= loop.start < node.end for loop in c.loops)]
    if any(command.ssh for command in inside):
        raise NotQueueable("each item runs over ssh")
    check_queueable(proposal)
    if basename(call.words[0].value) == "parallel":
        if isinstance(node, Pipeline) or call.redirects:
            raise NotQueueable("parallel reads its items from a file or stdin")
        return parallel_work(proposal, call, before, known)
    return xargs_work(proposal, node, call, before, known)


class Xargs(NamedTuple):
    """How an xargs makes calls from its input.

    `placeholder` is the text replaced in the words of a call; None if items are appended. `limits` are the options that limit
    the items per call, `reads` those that select the input, as source. `at_once` is the number of parallel calls, as
    written. `words` are the command that it runs.
    """

    program: str
    placeholder: str | None
    limits: Mapping[str, str]
    reads: Mapping[str, str]
    at_once: str | None
    words: tuple[Word, ...]

    @property
    def source(self) -> str:
        """The source of the same xargs with `{}` as placeholder, without its command."""
        calls = {"-I": "{}"} if self.placeholder is not None else self.limits
        return " ".join(
            [self.program, *[f"{name} {value}".rstrip() for name, value in [*self.reads.items(), *calls.items()]]]
        )


def parse_xargs(text: str, call: Simple) -> Xargs:
    """The Xargs of a command. Raises NotQueueable if only xargs itself can evaluate its options.

    As in xargs, the last of -I, -n and -L wins, and `-n 1` has no effect with -I.
    """
    found, used = parse_options(call.words[1:], FAN_OUT["xargs"])
    words = call.words[1 + used :]
    place: str | None = None
    limits: dict[str, str] = {}
    reads: dict[str, str] = {}
    at_once: str | None = None
    for name, word in found:
        if word is not None and not word.static and text[word.start : word.end] != word.text:
            raise NotQueueable(f"only the shell knows the value of xargs {name}")
        value, source = (word.value, word.text) if word else ("", "")
        if name in MAX_PROCS_OPTIONS:
            at_once = value
        elif name in INPUT_OPTIONS:
            reads[INPUT_OPTIONS[name]] = source
        elif name in REPLACE_OPTIONS:
            if word and not (word.static and value):
                raise NotQueueable("only xargs knows the placeholder of its items")
            place, limits = value if word else "{}", {}
        elif name in MAX_ARGS_OPTIONS and not (value == "1" and place is not None):
            place, limits = None, {"-n": source}
        elif name in MAX_LINES_OPTIONS:
            place, limits = None, {"-L": source}
        elif name not in MAX_ARGS_OPTIONS:
            raise NotQueueable(f"unsupported option of xargs ({name})")
    if not words:
        raise NotQueueable("xargs has no command")
    return Xargs(call.words[0].text, place, limits, reads, at_once, words)


def xargs_work(proposal: Proposal, node: Node, call: Simple, before: str, known: Mapping[str, Value]) -> list[Work]:
    """The jobs of an xargs, or the one job that the xargs submits per call. Raises NotQueueable."""
    text = proposal.script.text
    given = parse_xargs(text, call)
    if [redirect for redirect in call.redirects if redirect.op not in ("<", "<<<")]:
        raise NotQueueable("all calls share one output")
    if "-a" in given.reads and (isinstance(node, Pipeline) or call.redirects):
        raise NotQueueable("each call reads the stdin of xargs")
    if not all(assign.static for assign in call.assigns):
        raise NotQueueable("it sets variables for xargs that only the shell knows")
    here, group = group_with_limit(proposal.here, given.at_once)
    variables = "".join([f"{assign.text} " for assign in call.assigns])
    if any(re.search(r"\b255\b", word.value) for word in given.words):
        raise NotQueueable("xargs stops at a call with exit code 255")
    calls = xargs_calls(node, call, given, known)
    if given.at_once in (None, "1"):  # otherwise the text itself runs its calls in parallel
        source, place = " ".join([word.text for word in given.words]), given.placeholder or "{}"
        items = None if calls is None else [(" ".join(values),) for _, values in calls]
        check_independent_calls(
            proposal.script, source if given.placeholder else f"{source} {place}", items, (place,), known
        )
    if calls is not None and len(calls) <= MAX_LISTED_ITEMS:
        return [
            Work(
                here,
                before + variables + program_prefix(argv[0]) + quote.line(argv),
                group=group,
                label=label_for(items),
            )
            for argv, items in calls
        ]
    program = given.words[0]
    source = " ".join([word.text for word in given.words])
    reads = "".join([f" {text[redirect.start : redirect.end]}" for redirect in call.redirects])
    around = Each(
        before + text[node.start : call.start],
        reads,
        xargs=variables + given.source,
        words=source,
        placeholder=given.placeholder,
    )
    return [
        Work(
            here,
            before + variables + program_prefix(program.value if program.static else "") + source,
            group=group,
            each=around,
        )
    ]


SHELL_WORDS = set(
    "if then else elif fi case esac for select while until do done in function time coproc alias bg bind break builtin caller cd command "
    "compgen complete compopt continue declare dirs disown echo enable eval exec exit export false fc fg getopts hash help history jobs "
    "kill let local logout mapfile popd printf pushd pwd read readarray readonly return set shift shopt source suspend test times trap true "
    "type typeset ulimit umask unalias unset wait .".split()
)
"""Reserved words and builtins of bash."""
PROGRAM_NAME = regex(r"[\w./+-]+", re.ASCII)


def program_prefix(program: str) -> str:
    """`exec -- ` if bash could read the program's name as something else, otherwise empty: xargs runs only programs."""
    return "" if PROGRAM_NAME.fullmatch(program) and program not in SHELL_WORDS else "exec -- "


def xargs_calls(
    node: Node, call: Simple, given: Xargs, known: Mapping[str, Value]
) -> list[tuple[list[str], tuple[str, ...]]] | None:
    """The calls that xargs would make, as (arguments, items), or None if only the shell knows them."""
    argv = expand_words(given.words, known)
    null = "-0" in given.reads
    lines = input_lines(node, call, null, known)
    if argv is None or lines is None or given.reads.keys() - {"-0", "-r", "-x"} or "-L" in given.limits:
        return None
    if not null and any(re.search(r"[\"'\\]", line) for line in lines):
        return None
    if given.placeholder is not None:
        items = lines if null else [line.lstrip(" \t") for line in lines]
        if not all(items):
            return None
        # xargs replaces nothing in the program's name.
        return [([argv[0], *[word.replace(given.placeholder, item) for word in argv[1:]]], (item,)) for item in items]
    if not null:
        lines = [item for line in lines for item in re.split(r"[ \t\n]+", line) if item]
    size = integer(given.limits.get("-n", ""))
    if not size:
        return None
    if not lines:
        return None  # BSD and GNU xargs differ on empty input
    chunks = [tuple(lines[i : i + size]) for i in range(0, len(lines), size)]
    return [([*argv, *chunk], chunk) for chunk in chunks]


def input_lines(node: Node, call: Simple, null: bool, known: Mapping[str, Value]) -> list[str] | None:
    """The input of xargs split at newlines (or NULs), if an echo, printf, seq or here-string determines it; else None."""
    text: str | None = None
    if isinstance(node, Pipeline) and len(node.parts) == 2 and not call.redirects:
        text = printed_text(node.parts[0], known)
    elif not isinstance(node, Pipeline) and len(call.redirects) == 1 and call.redirects[0].op == "<<<":
        target = call.redirects[0].target
        text = target.value + "\n" if target is not None and target.static else None
    if text is None or (null and not text.endswith("\0")):
        return None
    return text.removesuffix("\0" if null else "\n").split("\0" if null else "\n") if text else []


def printed_text(node: Node, known: Mapping[str, Value]) -> str | None:
    r"""The output of echo, `printf '%s\\n'` or seq; None if only the shell knows it."""
    if not isinstance(node, Simple) or node.redirects or node.assigns or len(node.words) < 2:
        return None
    values = expand_words(node.words, known)
    if values is None:
        return None
    name, *args = values
    if name == "echo" and args and args[0][:1] != "-" and not any("\\" in arg for arg in args):
        return " ".join(args) + "\n"
    if name == "printf" and len(args) > 1 and args[0] in (r"%s\n", r"%s\0"):
        return "".join([arg + ("\n" if args[0] == r"%s\n" else "\0") for arg in args[1:]])
    if name == "seq":
        counted = seq(args)
        return None if counted is None else "".join([number + "\n" for number in counted])
    return None


def parallel_work(proposal: Proposal, call: Simple, before: str, known: Mapping[str, Value]) -> list[Work]:
    """The jobs of a parallel with items after `:::`. Raises NotQueueable."""
    found, used = parse_options(call.words[1:], FAN_OUT["parallel"])
    given = {name: value.value if value is not None else "" for name, value in found}
    rest = call.words[1 + used :]
    at = [i for i, word in enumerate(rest) if word.value == ":::"]
    strange = any(word.value in ("::::", ":::+", "::::+") for word in rest)
    unsupported = [name for name in given if name not in PARALLEL_OPTIONS]
    if unsupported:
        raise NotQueueable(f"unsupported option of parallel ({unsupported[0]})")
    if not at or at[0] == 0 or strange:
        raise NotQueueable("parallel reads its items from a file or stdin")
    template = expand_words(rest[: at[0]], known)
    sources = [
        expand_words(rest[start + 1 : stop], known) for start, stop in zip(at, [*at[1:], len(rest)], strict=True)
    ]
    known_sources = [source for source in sources if source is not None]
    if template is None or len(known_sources) < len(sources):
        raise NotQueueable("only the shell knows the items of parallel")
    line = " ".join(template)  # parallel(1) joins its words and passes them to a shell
    if PARTIAL_PLACEHOLDER.search(line):
        raise NotQueueable("parallel uses a part of each item")
    here, group = group_with_limit(proposal.here, given.get("-j", given.get("--jobs", given.get("-P"))))
    items = list(itertools.islice(itertools.product(*known_sources), MAX_LISTED_ITEMS + 1))
    if len(items) > MAX_LISTED_ITEMS:
        raise NotQueueable(f"these are more than {MAX_LISTED_ITEMS} jobs")
    if given.get("-j", given.get("--jobs", given.get("-P", given.get("--max-procs")))) == "1":
        every = [(" ".join(values), *values) for values in items]
        places = ("{}", *[f"{{{i}}}" for i in range(1, len(sources) + 1)])
        check_independent_calls(
            proposal.script, line if PLACEHOLDER.search(line) else f"{line} {{}}", every, places, known
        )
    return [
        Work(here, before + fill_placeholders(line, values), group=group, label=label_for(values)) for values in items
    ]


def fill_placeholders(line: str, values: tuple[str, ...]) -> str:
    """A command line of parallel with the items in place of {} and {N}, or appended."""
    if not PLACEHOLDER.search(line):
        line += " {}"
    # A bare NAME=value could be an assignment; parallel quotes the sign.
    quoted = [f"'{value}'" if "=" in value and quote.word(value) == value else quote.word(value) for value in values]

    def item(match: re.Match[str]) -> str:
        position = integer(match[1]) or 0
        return " ".join(quoted) if not match[1] else quoted[position - 1] if 1 <= position <= len(values) else ""

    return PLACEHOLDER.sub(item, line)


def group_with_limit(here: Host, at_once: str | None) -> tuple[Host, str | None]:
    """The host and the group whose limit is `at_once`: a configured group, or a new one. None as the group without a
    limit."""
    limit = integer(at_once or "")
    if limit is None:
        return here, None
    for name, slots in here.groups:
        if slots == limit:
            return here, name
    name = f"parallel-{limit}"
    return here._replace(groups=(*here.groups, (name, limit))), name


def label_for(values: tuple[str, ...]) -> str | None:
    """The label of an iteration: `BTCUSDT`, `BTCUSDT@250`, `BTCUSDT@250:2024`; None if a value may be a secret."""
    if not values or any(map(holds_secret, values)):
        return None
    return values[0] + ("@" + ":".join(values[1:]) if values[1:] else "")
