"""Cases that hypothesis generates for the differential test.

`hostile` puts hostile words into the forms that agents write; `dynamic` makes work whose items only the shell knows. A count and a
strategy in, that many Cases out, the same each time.
"""

from __future__ import annotations

import re

from fidelity_cases import SHELLS, Case, analysed
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from pueue_skill.queues.registry import invocation
from pueue_skill.shell import quote

SIGNS = st.text(st.sampled_from("ab '\"$`\\!*?[]{}()<>|&;#~=%\n\t-^,äß€\u2028\udcff"), max_size=12)
WORD = st.one_of(
    SIGNS,
    st.sampled_from([
        "", "-n", "--", "-", "*", "$HOME", "`id`", "$(id)", "a\\nb", "!!", "{1..3}", "~", "e\u0301", "\x7f\x1b", "PUEUE", "'", '"',
        "\\", "\n", "x" * 5_000, "%s", "EOF", "a'b\"c", "${x:-'}", "=ls", "#c", "\udcff\udc80",
    ]),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=8),
)  # fmt: skip
WORDS = st.lists(WORD, min_size=1, max_size=3)
FILE = SIGNS.map(lambda text: "f" + text.replace("/", "_"))


def single(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def double(word: str) -> str:
    return '"' + re.sub(r'[$`"\\]', r"\\\g<0>", word) + '"'


def escaped(word: str) -> str:
    return re.sub(r"[^A-Za-z0-9_\n]", r"\\\g<0>", word).replace("\n", "'\n'") or "''"


def mixed(word: str) -> str:
    return single(word[: len(word) // 2]) + double(word[len(word) // 2 :])


QUOTE = st.sampled_from([single, double, escaped, mixed, quote.word])


@st.composite
def hostile(draw: st.DrawFn) -> Case:
    """Return a case with hostile words, each quoted in some way, where agents put words."""
    words = draw(WORDS)
    line = " ".join([draw(QUOTE)(word) for word in words])
    one, name, quoted = draw(QUOTE)(words[0]), draw(QUOTE)(draw(FILE)), draw(QUOTE)
    host = draw(st.sampled_from(["bigblack", "bigblack", "littleblack", *SHELLS]))
    body = "\n".join([word for word in words if word != "EOF"])
    remote = f"ssh {host} {quoted(f'rec {line}')}"
    text = draw(st.sampled_from([
        f"rec {line}",
        f"x={one}; rec \"$x\" $x '$x' {line}",
        f"A={one} rec a; export B={one}; rec b",
        f"rec {line} > {name}; rec-in < {name}",
        f"mkdir {name} && cd {name} && rec \"$PWD\" {line}",
        f"rec-in <<'EOF'\n{body}\nEOF\nrec after",
        f"rec-in <<< {one}; rec \"$(printf %s {one})\"",
        f"bash -c {quoted(f'rec {line}')}; sh -c {quoted(f'rec {line}')} {line}",
        f"eval {quoted(f'rec {line}')}",
        f"for s in {line}; do rec \"$s\" $s \"x$s\"; done",
        f"for s in {line}; do rec {line} > \"$s.out\"; done",
        f"for s in {line}; do ssh bigblack \"rec fixed\" {quoted('#')}; done",
        f"while IFS= read -r s; do rec \"$s\" {line}; done <<'EOF'\n{body}\nEOF",
        f"printf '%s\\0' {line} | xargs -0 -n1 rec {one}",
        f"printf '%s\\n' {line} | xargs -d '\\n' -I{{}} rec {{}} x{{}}",
        f"nohup rec {line} > {name} 2>&1 &",
        remote,
        f"{remote} | rec-in",
        f"x=$({remote}); rec \"$x\"",
        f"ssh {host} rec {line}",
        f"ssh {host} rec {' '.join([quote.nested(word, 2) for word in words])}",
        f"ssh {host} bash -s <<'EOF'\nrec {line}\nEOF",
        f"ssh {host} {quoted('rec-in; rec b')} <<'EOF'\n{body}\nEOF",
        f"ssh bigblack ssh littleblack {quoted(quoted(f'rec {line}'))}",
        f"printf '%s\\n' {line} | ssh {host} rec-in > {name}",
    ]))  # fmt: skip
    return Case(text, "hostile words", detached=text.startswith("nohup"), may_stay=True)


LINE = st.one_of(
    st.sampled_from([
        "BTC", "ETH", "SOL", "a b", "a.csv", "2024", "$(touch pwned)", "`touch pwned`", "; touch pwned; echo ", "x' ; touch pwned; '",
        'x" ; touch pwned; "', "'", '"', "\\", "a\\b", "-n", "--", "-", "%", "{}", "@", "_", "  lead", "trail  ", "*", "~", "$HOME", "x${x:-y}", "a,b",
        "x|y", "#c", "!!", "100%", "a\tb", "é€", "&", ">pwned", "x" * 300,
    ]),
    SIGNS.map(lambda text: text.replace("\n", " ")),
)  # fmt: skip
"""A line from which work reads its item; it must never be read as shell text."""

NAMES = st.sampled_from(
    ["s", "symbol", "file", "folder", "work", "turn", "job", "id", "line", "item", "x", "_x", "FILE", "KEY"]
)
OWN_NAMES = re.compile(r"\b[a-z_]\w{0,30}\b")
RESERVED = {
    "if", "then", "else", "elif", "fi", "case", "esac", "for", "select", "while", "until", "do", "done", "in", "function", "time", "coproc", "_",
}  # fmt: skip

PREFIXES = (
    "",
    "",
    "",
    "cd data && ",
    "set -u; ",
    "set -f; ",
    "IFS=,; ",
    "shopt -s nullglob; ",
    "export LC_ALL=C; ",
    "umask 027; ",
)
LISTS = (
    "$(cat items.txt)", '"$(cat items.txt)"', "$(sort -u items.txt)", "$(head -n 2 items.txt | tac)", "$(grep -v '^#' items.txt)",
    "$(awk '{print $1}' items.txt)", "$(seq 1 $(wc -l < items.txt))", "$(ls data)", "$(find data -name '*.csv' | sort)", "data/*", "data/*.csv", "*.txt",
    "$(cut -d, -f1 items.txt) last", "first $(< items.txt)",
)  # fmt: skip
"""Words that a `for` iterates over."""
READS = (
    "while IFS= read -r NAME; do BODY; done < items.txt",
    "while read -r NAME; do BODY; done < items.txt",
    "while read -r NAME rest; do BODY; done < items.txt",
    "while IFS=, read -r NAME rest; do BODY; done < items.txt",
    "cat items.txt | while IFS= read -r NAME; do BODY; done",
    "sort items.txt | grep . | while read -r NAME; do BODY; done",
    "while IFS= read -r NAME; do BODY; done < <(tac items.txt)",
    'while IFS= read -r NAME; do BODY; done <<< "$(cat items.txt)"',
    "find data -type f -print0 | sort -z | while IFS= read -r -d '' NAME; do BODY; done",
    'mapfile -t all < items.txt; for NAME in "${all[@]}"; do BODY; done',
    "all=$(cat items.txt); for NAME in $all; do BODY; done",
)
"""Other loops, over NAME and around BODY."""
BODIES = (
    'rec "$NAME"', "rec $NAME", 'rec a "${NAME}" \'$NAME\' end', 'rec "--symbol=$NAME" x', 'A="$NAME" rec "$NAME"', 'rec "${NAME%.csv}" "${#NAME}"',
    '(cd data && rec "$NAME")', 'copy="x $NAME"; rec "$copy"', 'rec "$NAME" && rec next "$NAME"', 'echo "$NAME" | rec-in', 'rec "$NAME" | rec-in',
    'rec-in <<< "$NAME"', 'bash -c \'rec "$1"\' _ "$NAME"', '[ -n "$NAME" ] && rec "$NAME"', 'if [ -n "$NAME" ]; then rec "$NAME"; fi',
    'rec "$NAME" </dev/null', 'ssh HOST "rec $(printf %q "$NAME")" </dev/null', 'rec "$(echo "$NAME" | tr a-z A-Z)"',
)  # fmt: skip
FEEDS = (
    ("cat items.txt", ""), ("sort -u items.txt", ""), ("grep -v '^#' items.txt", ""), ("cat items.txt", " -d '\\n'"), ("tac items.txt", " -d '\\n'"),
    ("tr '\\n' '\\0' < items.txt", " -0"), ("find data -type f -print0 | sort -z", " -0"), ("ls data", " -d '\\n'"), ("seq $(wc -l < items.txt)", ""),
)  # fmt: skip
"""Input for xargs, and the option for it."""
MARKS = st.one_of(
    st.sampled_from(["{}", "{}", "%", "@", "_", "f", "1", "$", "PWD", "X", "ITEM", "+", "%%", "quote", "=", ",", ":", ".", "s", "$1", "'", '"', "\\", ";", "-c", "exec"]),
    st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789{}%@+=,:.^$#\"'"), min_size=1, max_size=2),
)  # fmt: skip
"""Replace strings of xargs; any of them may also occur in the generated text."""
CALLS = (
    "rec MARK",
    "rec a MARK xMARKy",
    "rec --symbol=MARK '$HOME' \"q\"",
    "rec-in",
    "env A=MARK rec MARK",
    "sh -c 'rec \"$1\"' _ MARK",
    "rec 'MARK'",
)
WHOLE = (
    "cat items.txt | rec-in", "sort items.txt | rec-in | tail -n 1", 'x=$(cat items.txt); rec "$x"', "rec $(cat items.txt)", 'rec "$(cat items.txt)" end',
    "rec data/*", "rec-in < items.txt > out.txt", "find data -type f -exec rec {} \\;", "find data -type f -exec rec x {} +",
    "cat items.txt | ssh HOST rec-in", "ssh HOST rec-in < items.txt", "ssh HOST cat < items.txt | rec-in", "ssh HOST rec-in < items.txt > out.txt",
    'x=$(ssh HOST rec-in < items.txt); rec "$x"', "tac items.txt | ssh HOST 'rec-in; rec b' | rec-in", "cat items.txt | tee copy.txt | rec-in",
)  # fmt: skip


@st.composite
def dynamic(draw: st.DrawFn) -> Case:
    """Return a loop, a fan-out or a pipeline over items that only the shell knows."""
    lines = draw(st.lists(LINE, min_size=1, max_size=4))
    files = {"items.txt": "\n".join(lines) + draw(st.sampled_from(["\n", "\n", ""]))}
    files["data/items.txt"] = files["items.txt"]  # for those that `cd data`
    host = draw(st.sampled_from(["bigblack", "bigblack", *SHELLS]))
    prefix = draw(st.sampled_from(PREFIXES))
    kind = draw(st.sampled_from(["for", "for", "read", "read", "xargs", "xargs", "xargs", "whole"]))
    if kind == "whole":
        return Case(
            (prefix + draw(st.sampled_from(WHOLE))).replace("HOST", host), "dynamic input", files, may_stay=True
        )
    if kind == "xargs":
        feed, option = draw(st.sampled_from(FEEDS))
        mark = draw(MARKS)
        words = draw(st.sampled_from(["-n1", "-n 2", "-L1", "-I", "-I", "-I ", "--replace="]))
        call = draw(st.sampled_from(CALLS))
        if "I" in words or "=" in words:
            words += draw(QUOTE)(mark)
            call = call.replace("MARK", mark if re.fullmatch(r"[\w{}%@+=,:.^-]+", mark) else single(mark))
        else:
            call = call.replace("MARK", "m")
        at_once = draw(st.sampled_from(["", "", " -P4", " -P 2"]))
        text = f"{prefix}{feed} | xargs{option}{at_once} {words} {call}"
        return Case(text, "dynamic input", files, parallel=True, may_stay=True)
    if kind == "for":
        text = f"{prefix}for NAME in {draw(st.sampled_from(LISTS))}; do BODY; done"
    else:
        text = prefix + draw(st.sampled_from(READS))
    text = text.replace("BODY", draw(st.sampled_from(BODIES))).replace("HOST", "bigblack")
    # The invocation contains names of its loop: the variable may have any of these names too.
    taken = OWN_NAMES.findall(invocation(analysed(text.replace("NAME", "symbol")).plan) or "")
    name = draw(st.one_of(NAMES, st.sampled_from(sorted({"s", *taken} - RESERVED))))
    text = re.sub(r"NAME", name, text)
    if draw(st.integers(0, 5)) == 0 and "ssh" not in text:
        files |= {f"{host}:{file}": content for file, content in files.items()}
        text = f"ssh {host} bash -s <<'EOF'\n{text}\nEOF" if host != "bigblack" else f"ssh {host} {quote.word(text)}"
    return Case(text, "dynamic input", files, parallel=True, may_stay=True)


def made_up(count: int, strategy: st.SearchStrategy[Case]) -> list[Case]:
    """Return `count` different cases of a strategy. It starts over often, because most examples resemble the one before."""
    found: dict[str, Case] = {}

    @settings(max_examples=20, database=None, phases=[Phase.generate], deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(strategy)
    def make(case: Case) -> None:
        found[case.text] = case

    number = 0
    while len(found) < count:
        seed(number)(make)()
        number += 1
    return list(found.values())[:count]
