"""Prompts about queued jobs: a prompt and the configured hosts in; out, the hosts that it names and what the agent should know of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from pueue_skill.agents.prompt_rules import EDITS, HOST_RULES, LONG_NAMES, RULES, VERBS, Rule
from pueue_skill.shell import printable
from pueue_skill.shell.model import LOCAL, Host
from pueue_skill.startup.regex import regex
from pueue_skill.state import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

    from pueue_skill.agents.prompt_rules import Kind
    from pueue_skill.queues.model import Queue

MAX_CHARS = 20_000
"""The length to which a prompt is judged."""

ASCII, IGNORECASE, MULTILINE, DOTALL = 256, 2, 8, 16  # as in re
FLAGS = ASCII | IGNORECASE
"""Without ASCII, the Kelvin sign is a k, which the launcher cannot know."""

HOST, LONG_NAME, NAME = "pq0host", "pq0script", "pq0name"
"""Placeholders for the name of a host, of a script or function that runs long by its name, and of another file or function."""

POLITE = regex(
    r"^(?:(?:please|pls|ok(?:ay)?|now|so|then|and|also|next|first|finally|yes|yeah|great|good|perfect|nice|thanks|hey|hi|well|just|again|alright|right|cool|but|or"
    r"|after\s+that|afterwards|meanwhile|in\s+the\s+meantime|for\s+now|instead|immediately|directly|simply|go(?:\s+ahead)?(?:\s+and)?"
    r"|let'?s(?:\s+(?:just|also|now|try\s+to))?|let\s+us|(?:can|could|would|will)\s+you|(?:could|should|shall|can)\s+we"
    r"|(?:i|we)(?:'d|\s+would)?\s+(?:(?:also|still|really|now|just|only)\s+)*(?:want|need|like|love|have|plan)(?:\s+you)?\s+to"
    r"|(?:i|we)(?:'m|'re|\s+am|\s+are)\s+going\s+to|you\s+(?:can|could|should|may|need\s+to|have\s+to)|(?:we|i)(?:'ll|\s+(?:should|must|will))"
    r"|(?:it'?s\s+)?time\s+to|try\s+to|help\s+me(?:\s+to)?|(?:make|be)\s+sure\s+to|feel\s+free\s+to|remember\s+to|don'?t\s+forget\s+to"
    r"|step\s+\d+|\d+[.)]|[-*]|\[[ x]\])(?:\s*[,:]\s*|\s+))*",
    FLAGS,
)
QUESTION = regex(
    r"(?:how|why|what(?:'s)?|where|which|who|whose|explain|describe|tell\s+me|show\s+me|do\s+(?:you|we|they|i)|does|did|(?:can|could)\s+i"
    r"|i\s+wonder|any\s+idea)\b",
    FLAGS,
)
YES_NO = regex(r"(?:do|is|are|was|were|has|have|had|when|will|would|can|could|should|am)\b", FLAGS)
INDIRECT = regex(r"\w+\s+(?:out\s+)?(?:whether|if|why|how)\b", FLAGS)
VERB = regex(r"(?:(?:re|pre)-|fine[\s-]+(?=tune))?[a-z']+", FLAGS)
DO_NOT = regex(r"\bdo\s+not\b", FLAGS)
BLANK_OR_HYPHEN = regex(r"[\s-]+")

FENCED = regex(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1[ \t]*$|\Z)", MULTILINE | DOTALL)
PASTED = regex(
    r"^(?:\t|\d+\t|[ ]{4,}|[>|$%+]|<|\[?\d{4}-\d\d-\d\d|\[?\d\d:\d\d|Traceback|\s*at\s\S+\s\(|\s*File\s\"|[\w.]*(?:Error|Exception|Warning):"
    r"|(?:INFO|ERROR|WARN(?:ING)?|DEBUG)\b).*$",
    MULTILINE,
)
NAMES = regex(
    r"(?<![\w'])[@~]?[\w./~-]*(?:[\w)]/|/\w|\w_\w|\w\.[A-Za-z]{1,5}\b)[\w./~-]*(?:\(\))?|\b\w+\(\)|\b[a-z]+[A-Z]\w*",
    ASCII,
)
PROGRAM = regex(r"\.(?:py|sh|ipynb|jl|R|rs|js|ts|go|rb|pl)\b|^[^./]*$", ASCII)
WORD = regex(r"[A-Za-z]+", ASCII)
SENTENCE = regex(r"(?<=[.!?])\s+|\s*\n\s*|\s*;\s*")
CLAUSE = regex(r"\s*[,:()]\s+|\s+[-\u2013\u2014]+\s+|\s+(?=(?:and|then|but|so|or)\s)", ASCII)
PURPOSE = regex(r"\b(?:that|which|when|where|who|to)\b\s*", FLAGS)


def is_about_long_work(prompt: str, folder: str) -> bool:
    """Return whether a prompt asks for work that belongs in a queue, of this machine or of a host in the configuration for `folder`."""
    if not os.path.exists(paths.user_file()):
        return named_hosts(prompt, {}) is not None
    from pueue_skill.configuration import settings

    return named_hosts(prompt, settings.load(folder).hosts) is not None


def named_hosts(prompt: str, hosts: Mapping[str, Host]) -> list[str] | None:
    """Return the hosts that a prompt names, if it asks for work that belongs in a queue; None if it does not."""
    text = prompt[:MAX_CHARS]
    named = [name for name in hosts if name != LOCAL and host_pattern(name).search(text)]
    rules = possible_rules(text)
    if not rules and not named:
        return None
    for sentence in SENTENCE.split(without_code(text, named)):
        of_sentence = [*rules, *HOST_RULES] if HOST in sentence else rules
        for part, kind in parts_of(sentence):
            if any(kind in rule.kinds and applies(rule, part) for rule in of_sentence):
                return named
    return None


def possible_rules(text: str) -> list[Rule]:
    """Return the rules whose words are in `text`. The launcher does not start Python for a prompt without any."""
    words = {word.lower() for word in WORD.findall(text)}
    return [rule for rule in RULES if not any(words.isdisjoint(words_of.split()) for words_of in rule.lists)]


def applies(rule: Rule, part: str) -> bool:
    """Return whether a part of a sentence is of a rule's kind."""
    if not rule.verbs:
        return regex(rule.pattern, FLAGS).search(part) is not None
    verb, end = verb_of(part)
    return verb in rule.verbs.split() and regex(rule.pattern, FLAGS).match(part, end) is not None


def verb_of(part: str) -> tuple[str, int]:
    """Return the first word of `part` in lower case without a hyphen, and where it ends."""
    first = VERB.match(part)
    return (BLANK_OR_HYPHEN.sub("", first[0].lower()), first.end()) if first else ("", 0)


def host_pattern(name: str) -> re.Pattern[str]:
    """Return a pattern that finds a host's name, unless it is a part of a longer name or of a path."""
    # A host's name contains no other special character than the dot (configuration.schema.Name).
    return regex(rf"(?<![\w./-]){name.replace('.', '[.]')}(?![\w-]|[./]\w)", FLAGS)


def without_code(text: str, named: list[str]) -> str:
    """Return `text` without blocks of code and pasted output, and with placeholders for names."""
    text = PASTED.sub("", FENCED.sub("\n", text)).replace("`", "").replace("\u2019", "'")
    text = DO_NOT.sub("don't", text)
    for name in named:
        text = host_pattern(name).sub(HOST, text)
    return NAMES.sub(lambda match: placeholder_of(match[0]), text)


def placeholder_of(name: str) -> str:
    """Return the placeholder for the name of a file or function."""
    words = {word.lower() for word in WORD.findall(name)}
    long = PROGRAM.search(name) and words & {*LONG_NAMES.split()} and not words & {"test", "tests", "spec"}
    return LONG_NAME if long else NAME


def parts_of(sentence: str) -> Iterator[tuple[str, Kind]]:
    """Yield the parts of a sentence, each from its verb to the next part, and the kind of each."""
    part = POLITE.sub("", sentence, count=1)
    starts, kinds = [0], [kind_of_first(part, sentence)]
    for gap in CLAUSE.finditer(sentence):
        rest = sentence[gap.end() :]
        part = POLITE.sub("", rest, count=1)
        if verb_of(part)[0] not in VERBS:
            continue
        joined = rest[:4].lower() in ("and ", "or ") and rest[4:9].lower() != "then "
        inherits = joined and (
            kinds[0] == "question" or (kinds[-1] == "edit" and has_purpose(sentence[starts[-1] : gap.start()]))
        )
        starts.append(gap.end())
        kinds.append(kinds[-1] if inherits else kind_of(part))
    for start, end, kind in zip(starts, [*starts[1:], len(sentence)], kinds, strict=True):
        yield POLITE.sub("", sentence[start:end], count=1), kind


def has_purpose(part: str) -> bool:
    """Return whether a part says what code does, as in "a script that trains" and "a button to start": the next verb may do so too."""
    return any(
        word[0].strip().lower() != "to" or verb_of(part[word.end() :])[0] in VERBS for word in PURPOSE.finditer(part)
    )


def kind_of_first(part: str, sentence: str) -> Kind:
    """Return the kind of the first part of a sentence, which may be a question."""
    if QUESTION.match(part) or INDIRECT.match(part) or (sentence.rstrip().endswith("?") and YES_NO.match(part)):
        return "question"
    return kind_of(part)


def kind_of(part: str) -> Kind:
    verb = verb_of(part)[0]
    return "edit" if verb in EDITS else "request" if verb in VERBS else "statement"


def describe_hosts(hosts: list[Host], limit: float) -> str:
    """Return what the agent reads: the skill, and for each host its groups and how busy it is, if it answers within `limit` seconds."""
    lines = [
        "pueue-skill: this sounds like work for the job queue; the skill pueue-skill says how. "
        '`pueue-skill suggest "CMD"` gives the invocation for a command, `pueue-skill run [--host HOST] -- CMD` queues it.\n'
    ]
    if hosts:
        from concurrent.futures import ThreadPoolExecutor

        from pueue_skill.hosts import poll

        left = poll.skipped_hosts()
        with ThreadPoolExecutor(max_workers=len(hosts)) as pool:
            lines += pool.map(lambda host: describe_host(host, 0 if host.name in left else limit), hosts)
    return "".join(lines)


def describe_host(host: Host, limit: float) -> str:
    """Return one line about a host, which is not asked if `limit` is 0 seconds."""
    from pueue_skill.hosts import client

    limits = ", ".join([f"{name} {count or 'without limit'}" for name, count in host.groups])
    try:
        queue = client.fetch_queue(host, limit) if limit else None
    except (client.Unreachable, OSError):
        queue = None
    if queue is None:
        return f"{host.name}: no answer now{f'; groups {limits}' if limits else ''}\n"
    return f"{host.name}: {describe_groups(queue)}{f'; load {printable.line(queue.load, 60)}' if queue.load else ''}\n"


def describe_groups(queue: Queue) -> str:
    """Return the groups of a queue with their running and waiting jobs."""
    parts = []
    for group in queue.groups:
        inside = [state.status for state in queue.states if state.group == group.name]
        waiting = inside.count("queued") + inside.count("stashed")
        parts.append(
            f"{printable.line(group.name, 60)} {inside.count('running')} of {group.limit or '∞'} running"
            + (f", {waiting} waiting" if waiting else "")
            + (f", {group.status}" if group.status != "running" else "")
        )
    return "; ".join(parts)
