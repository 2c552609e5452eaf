"""Texts for the tests of the readers: commands of people and agents, one text for each construct of bash, and combinations of both."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

CASES = Path(__file__).parent.parent / "cases"
CORPUS = list(
    dict.fromkeys(
        json.loads(line)["command"]
        for name in ("queue", "leave", "heldout")
        for line in (CASES / "corpus" / f"{name}.jsonl").read_text().splitlines()
    )
)
CONSTRUCTS = [json.loads(line) for line in (CASES / "constructs.jsonl").read_text().splitlines()]

# Where a text is put that may hold lines, comments and heredocs; the words before and after it run a: and z:.
AROUND = (
    "(\n{}\n)",
    "{{\n{}\n}} > out 2>&1",
    "f() {{\n{}\n}}",
    "if a:; then\n{}\nelse\nz:\nfi",
    "if a:\nthen\nb:\nelif\n{}\nthen\nz:\nfi",
    "for i in 1 2; do\n{}\ndone < in",
    "for ((i = 0; i < 3; i++)); do\n{}\ndone",
    "while\n{}\ndo\nz:\ndone",
    "until a:; do\n{}\ndone",
    "a: && {{\n{}\n}} || z:",
    "{{\n{}\n}} | z:",
    "a: | (\n{}\n)",
    "x=$(\n{}\n)",
    'a: "$(\n{}\n)"',
    'z: "${{x:-$(\n{}\n)}}"',
    "a: <(\n{}\n)",
    "case x in\nx)\n{}\n;;\n*) z: ;;\nesac",
    "! {{\n{}\n}}",
    "time (\n{}\n)",
    "coproc {{\n{}\n}}",
    "select i in 1; do\n{}\ndone",
    "a:\n{}\nz:",
    "# a comment, it's one\n{}\n# and one more",
    "z: <<END-OF-ALL\n$(\n{}\n)\nEND-OF-ALL",
)
# And where one that is a line may stand.
LINE = (
    "({})",
    "{{ {}; }}",
    "a: && {}",
    "{} && z:",
    "a: | {}",
    "if a:; then {}; fi",
    "for i in 1 2; do {}; done",
    "while a:; do {}; done",
    "x=$({})",
    'a: "$({})"',
    "{} > /dev/null",
    "{} &",
    "a: ; {} ; z:",
    "{} # a comment",
    "a: `{}`",
)

PIECES = (
    "&&", "||", "|", ";", "&", "\n", "(", ")", "{ ", "; }", "$(", "`", '"', "'", "\\", "\\\n", "<<E\n", "\nE\n", "<", ">", "2>&1", "<<<",
    " if ", " then ", "; fi", " do ", "; done", " for i in a; do ", " while ", " case x in ", " a) ", ";;", " esac", " [[ ", " ]] ",
    "((", "))", "$((", "${", "}", "! ", "time ", "coproc ", "f() ", "# ", "=", "a=(", "[", "]", "$", "<(", "$'", " in ", " ", "é", "\t",
)  # fmt: skip


def compositions() -> Iterator[tuple[str, str]]:
    """Yield (inner, outer) pairs: every command of the corpus in some of the constructs above, in turn."""
    around, line = itertools.cycle(AROUND), itertools.cycle(LINE)
    for text in CORPUS:
        for _ in range(2):
            yield text, next(around).format(text)
        if not re.search(r"[\n#`\\]|[;&]\s*$|^\s*(time |! |\()", text):
            yield text, next(line).format(text)


def mutations(times: int) -> Iterator[str]:
    """Yield each construct `times` times with a random insertion, the same texts at each call."""
    chance = random.Random(1)  # noqa: S311 the same texts each time, not secret ones
    for row in CONSTRUCTS * times:
        text = row["text"]
        at = chance.randrange(len(text) + 1)
        yield text[:at] + chance.choice(PIECES) + text[at + chance.choice((0, 0, 1, 2)) :]
