"""xargs and parallel become jobs, one a call, in a group whose limit is the number of calls at once.

Items that the text itself says (echo, printf, seq, a here-string, `:::`) are filled in as xargs(1) and parallel(1) would; else
xargs stays, and each of its calls submits a job.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence

from pueue_skill import quote
from pueue_skill.expand import Value, fields, seq
from pueue_skill.facts import FAN_OUT, basename, options
from pueue_skill.masking import secret
from pueue_skill.model import Each, Host, Node, Pipeline, Simple, Word
from pueue_skill.plan.proposal import Proposal, Work
from pueue_skill.plan.whole import check
from pueue_skill.regex import regex
from pueue_skill.remote import Refusal

XARGS_KNOWN = {"-P", "--max-procs", "-I", "-n", "--max-args", "-L", "--max-lines", "-0", "--null", "-r", "--no-run-if-empty", "-d", "--delimiter"}  # fmt: skip
PARALLEL_KNOWN = {"-j", "-P", "--jobs", "--max-procs", "-k", "--keep-order", "--bar", "--eta", "--progress", "--will-cite", "-u", "--line-buffer", "--lb"}  # fmt: skip
PLACE = regex(r"\{(\d*)\}")
OTHER_PLACES = regex(r"\{(?:[./#%]|\d+[./]|=)[^{}]*\}")
MOST = 200
"""Items that are written out one by one; from there on the loop submits them itself."""


def fan_out(proposal: Proposal, node: Node, call: Simple, before: str, known: Mapping[str, Value]) -> list[Work]:
    """The jobs of `call`, an xargs or a parallel, which is `node` or the end of the pipeline that is."""
    inside = [c for c in proposal.commands if any(node.start <= loop.start < node.end for loop in c.loops)]
    if any(command.ssh for command in inside):
        raise Refusal("each item runs over ssh")
    check(proposal)
    if basename(call.words[0].value) == "parallel":
        if isinstance(node, Pipeline) or call.redirects:
            raise Refusal("parallel reads its items from elsewhere")
        return parallel(proposal, call, before, known)
    return xargs(proposal, node, call, before, known)


def xargs(proposal: Proposal, node: Node, call: Simple, before: str, known: Mapping[str, Value]) -> list[Work]:
    found, used = options(call.words[1:], FAN_OUT["xargs"])
    told = {name: value.value if value is not None else "" for name, value in found}
    words = call.words[1 + used :]
    if not {*told} <= XARGS_KNOWN or not words:
        raise Refusal(f"xargs is given {' '.join(sorted({*told} - XARGS_KNOWN)) or 'no command'}")
    outputs = [redirect for redirect in call.redirects if redirect.op not in ("<", "<<<")]
    if outputs:
        raise Refusal("all calls share one output")
    here, group = grouped(proposal.here, told.get("-P", told.get("--max-procs")))
    calls = calls_of(node, call, told, words, known)
    if calls is not None and len(calls) <= MOST:
        return [Work(here, before + quote.line(argv), group=group, label=label_of(items)) for argv, items in calls]
    text = proposal.script.text
    source = text[words[0].start : words[-1].end]
    around = Each(before + text[node.start : words[0].start], text[words[-1].end : node.end], words=source)
    return [Work(here, before + source, group=group, each=around)]


def calls_of(
    node: Node, call: Simple, told: Mapping[str, str], words: Sequence[Word], known: Mapping[str, Value]
) -> list[tuple[list[str], tuple[str, ...]]] | None:
    """The calls that xargs would make, each with its items, or None where only the shell knows them."""
    argv = fields(words, known)
    lines = lines_of(node, call, "-0" in told or "--null" in told, known)
    if argv is None or lines is None or told.keys() & {"-d", "--delimiter", "-L", "--max-lines"}:
        return None
    if "-I" in told:
        items = [line.lstrip(" \t") for line in lines]
        if any(re.search(r"[\"'\\]", item) for item in items) or not all(items):
            return None
        return [([word.replace(told["-I"], item) for word in argv], (item,)) for item in items]
    if "-0" not in told and "--null" not in told:
        if any(re.search(r"[\"'\\]", line) for line in lines):
            return None
        lines = [item for line in lines for item in re.split(r"[ \t\n]+", line) if item]
    size = told.get("-n", told.get("--max-args"))
    if size is None or not size.isdigit() or int(size) == 0:
        return None
    chunks = [tuple(lines[i : i + int(size)]) for i in range(0, len(lines), int(size))]
    return [([*argv, *chunk], chunk) for chunk in chunks]


def lines_of(node: Node, call: Simple, null: bool, known: Mapping[str, Value]) -> list[str] | None:
    """What xargs reads, cut at newlines (or NULs), if an echo, a printf, a seq or a here-string says it."""
    text: str | None = None
    if isinstance(node, Pipeline) and len(node.parts) == 2 and not call.redirects:
        text = printed(node.parts[0], known)
    elif not isinstance(node, Pipeline) and len(call.redirects) == 1 and call.redirects[0].op == "<<<":
        target = call.redirects[0].target
        text = target.value + "\n" if target is not None and target.static else None
    if text is None or (null and not text.endswith("\0")):
        return None
    return text.removesuffix("\0" if null else "\n").split("\0" if null else "\n") if text else []


def printed(node: Node, known: Mapping[str, Value]) -> str | None:
    """What echo, `printf '%s\\n'` or seq print."""
    if not isinstance(node, Simple) or node.redirects or node.assigns or len(node.words) < 2:
        return None
    values = fields(node.words, known)
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


def parallel(proposal: Proposal, call: Simple, before: str, known: Mapping[str, Value]) -> list[Work]:
    found, used = options(call.words[1:], FAN_OUT["parallel"])
    told = {name: value.value if value is not None else "" for name, value in found}
    rest = call.words[1 + used :]
    at = [i for i, word in enumerate(rest) if word.value == ":::"]
    strange = any(word.value in ("::::", ":::+", "::::+") for word in rest)
    if not {*told} <= PARALLEL_KNOWN or not at or at[0] == 0 or strange:
        raise Refusal("parallel is told more than a job can be")
    template = fields(rest[: at[0]], known)
    sources = [fields(rest[start + 1 : stop], known) for start, stop in zip(at, [*at[1:], len(rest)], strict=True)]
    known_sources = [source for source in sources if source is not None]
    if template is None or len(known_sources) < len(sources):
        raise Refusal("only the shell knows the items of parallel")
    line = " ".join(template)  # parallel(1) joins its command words and has the shell read them
    if OTHER_PLACES.search(line):
        raise Refusal("parallel fills in a part of each item")
    here, group = grouped(proposal.here, told.get("-j", told.get("--jobs", told.get("-P"))))
    items = list(itertools.islice(itertools.product(*known_sources), MOST + 1))
    if len(items) > MOST:
        raise Refusal(f"these are more than {MOST} jobs")
    return [Work(here, before + filled(line, values), group=group, label=label_of(values)) for values in items]


def filled(line: str, values: tuple[str, ...]) -> str:
    """A line of parallel with the items in place of {} and {N}, or after it."""
    if not PLACE.search(line):
        line += " {}"
    every = quote.line(list(values))

    def item(match: re.Match[str]) -> str:
        return every if not match[1] else quote.word(values[int(match[1]) - 1]) if int(match[1]) <= len(values) else ""

    return PLACE.sub(item, line)


def grouped(here: Host, at_once: str | None) -> tuple[Host, str | None]:
    """The group whose limit is the number of calls at once: a configured one, or one that is made."""
    if at_once is None or not at_once.isdigit():
        return here, None
    limit = int(at_once)
    for name, slots in here.groups:
        if slots == limit:
            return here, name
    name = f"parallel-{limit}"
    return here._replace(groups=(*here.groups, (name, limit))), name


def label_of(values: tuple[str, ...]) -> str | None:
    """`BTCUSDT`, `BTCUSDT@250`, `BTCUSDT@250:2024`; none where a value may be a secret."""
    if not values or any(map(secret, values)):
        return None
    return values[0] + ("@" + ":".join(values[1:]) if values[1:] else "")
