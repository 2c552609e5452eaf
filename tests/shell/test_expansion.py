"""Values of words: the same fields, and the same source after substitution, as in bash, or none."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pueue_skill.shell import quote
from pueue_skill.shell.expansion import Value, assigned_names, expand_words, mentioned_names, substitute
from pueue_skill.shell.expansion import after_assignments as settings_of
from pueue_skill.shell.parse import parse
from pueue_skill.shell.syntax import Script, Simple

KNOWN: Mapping[str, Value] = {"x": "BTC", "y": "a b", "n": "7", "e": "", "arr": ("p", "q r", ""), "g": "*"}
SETUP = "x=BTC y='a b' n=7 e= arr=(p 'q r' '') g='*'\n"


def script_of(text: str) -> Script | None:
    script = parse(text)
    return script if isinstance(script, Script) else None


def expanded(words: str) -> tuple[str, ...] | None:
    script = script_of(f"show {words}")
    node = script.nodes[0] if script and len(script.nodes) == 1 else None
    return expand_words(node.words[1:], KNOWN) if isinstance(node, Simple) and not node.redirects else None


def by_bash(text: str, folder: Path) -> str:
    show = "show() { printf '<%s>' \"$@\"; }\n"
    done = subprocess.run(
        ["bash", "-c", show + text], capture_output=True, text=True, cwd=folder, timeout=10, env={"LC_ALL": "C.UTF-8"}
    )
    return done.stdout


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("a 'b c' \"d\" e\\ f", 4),
        ("{a,b}{1..3} x{,y} {01..10..3} {c..a} {5..1..2}", 18),
        ("{a,{b,c}}d {a} {} a{b}c", 6),
        ('$x "$x" ${x}y "$y" $y', 6),
        ('"${arr[@]}" ${arr[1]}', 5),
        ("$(seq 3) `seq 2 3` $(seq -w 8 10) $(seq 9 -3 1)", 11),
        ("$e a", 1),
        ('"$e" a', 2),
        ("$'a\\tb' \"$x{1,2}\"", 2),
    ],
)
def test_values_known_from_the_text(words: str, count: int, tmp_path: Path) -> None:
    found = expanded(words)
    assert found is not None
    assert "".join([f"<{field}>" for field in found]) == by_bash(SETUP + f"show {words}", tmp_path)
    assert len(found) == count


@pytest.mark.parametrize(
    "words",
    [
        "*.csv",
        "a?",
        "[ab]",
        "~",
        "$unknown",
        "${x%C}",
        "$(cat f)",
        "$(date)",
        "$((1+1))",
        "$g",
        "<(a)",
        "$1",
        "$@",
        "{1..99999999}",
        "$n{1,2}",
        "{'a,b'..c}",
        "{1,$n}y",
        "x{},y}",
        "x{a}b,c}",
        "{,}" * 60,
        "$(seq 3 1)",
        "$(seq 999999 1000001)",
        '"${arr[*]}"',
    ],
)
def test_values_known_only_to_the_shell(words: str) -> None:
    assert expanded(words) is None


WORD = st.text(alphabet="ab1{},.\"'$xyn \\", max_size=14).filter(lambda text: not text.endswith("\\"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(WORD, min_size=20, max_size=20))
def test_fields_equal_those_of_bash(texts: list[str], tmp_path: Path) -> None:
    known = [(text, found) for text in texts if (found := expanded(text)) is not None]
    shown = by_bash(SETUP + "".join([f"show {text}\necho\n" for text, _ in known]), tmp_path)
    ours = "".join(["".join([f"<{field}>" for field in found] or ["<>"]) + "\n" for _, found in known])
    assert ours == shown, [text for text, _ in known]


@pytest.mark.parametrize(
    ("body", "value", "becomes"),
    [
        ('show --symbol $s --out "out/$s.log"', "BTC", 'show --symbol BTC --out "out/BTC.log"'),
        ("show ${s}x $sx '$s' \\$s", "BTC", "show BTCx $sx '$s' \\$s"),
        ("show $s", "a b", "show a b"),
        ('show "$s"', 'a"b$c', 'show "a\\"b\\$c"'),
        ("echo $s>file", "2", "echo '2'>file"),
        ("$s x", "if", "'if' x"),
        ('"$s" x', "python3", '"python3" x'),
        ("$s/$t x", "/opt", "/opt/$t x"),
        ("A=$s show", "a b", "A='a b' show"),
        ('ssh h "python x.py $s"', "BTC", 'ssh h "python x.py BTC"'),
    ],
)
def test_substituted(body: str, value: str, becomes: str) -> None:
    script = script_of(body)
    assert script
    assert substitute(body, script.nodes[0], {"s": value}) == becomes


@pytest.mark.parametrize(
    "body",
    ["show ${s%x}", "show ${#s}", "show $((s + 1))", "s=2; show $s", "eval 'show $s'", "read s; show $s", "show $(echo $s)",
     "show `echo $s`", "f() { show $s; }", "show <<E\n$s\nE", "show $s*[x]$s", "(( s > 1 ))", "for s in 1; do show $s; done",
     "case x in $s) show a ;; esac", "[[ x == $s ]] && show a", "[[ s -eq 1 ]]", "show {$s..3}", "A=$s~/x show", "show ${!t} $s",
     "declare -n t=s; show $t", "trap 'show $s' EXIT; show $s", "mapfile -t s < f; show $s"],
)  # fmt: skip
def test_not_substituted(body: str) -> None:
    script = script_of(body)
    assert script
    found = substitute(body, script.nodes[0], {"s": "a b"})
    assert found is None or "$s" not in found.replace("'$s'", "")


@pytest.mark.parametrize("body", ["$s=1", "$s='x y'", "$s+=1", "$s[1]=2", "${s}_1=x show"])
def test_a_command_does_not_become_an_assignment(body: str) -> None:
    script = script_of(body)
    assert script
    assert substitute(body, script.nodes[0], {"s": "a"}) is None


BODIES = (
    'show $s', 'show "$s"', 'show x$s', 'show "$s"x ${s}', "show '$s' \"a $s b\"", 'A=$s; show "$A"', 'show a >"$s.f"; show b',
    'if [ "$s" = 1 ]; then show $s; else show no; fi', 'show {a,$s} "$x$s"', 'case $s in a) show A ;; *) show "$s" ;; esac',
    'for t in $s 1; do show "$t"; done', 'show $s | cat', '(show $s; show "$s")', 'show "\\$s" \\"$s\\"', 'show $s$s "${s}-$n"',
)  # fmt: skip
VALUE = st.one_of(
    st.sampled_from(["BTC", "2", "a b", "", "*", "if", "~", "-n", "{a,b}", "A=1", "ä"]),
    st.text(alphabet="ab \"'$`\\*~={},!;&|<>#\n-", max_size=6),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(VALUE, min_size=8, max_size=8))
def test_a_substituted_value_expands_like_the_variable(values: list[str], tmp_path: Path) -> None:
    original, ours = SETUP, SETUP
    for i, value in enumerate(values):
        body = BODIES[(i + len(value)) % len(BODIES)]
        script = script_of(body)
        assert script
        parts = [substitute(body, node, {"s": value}) for node in script.nodes]
        if None in parts:
            continue
        original += f"( s={quote.ansi_c(value)}\n{body}\n)\necho\n"
        ours += "( " + "\n".join([str(part) for part in parts]) + "\n)\necho\n"
    assert by_bash(ours, tmp_path) == by_bash(original, tmp_path)


def test_variables_set_and_read() -> None:
    def nodes(text: str) -> Script:
        script = script_of(text)
        assert script
        return script

    for text, names in (
        ("a=1 b=2", {"a", "b"}),
        ("a=1 cmd", set()),
        ("export a=1; read -r b c; mapfile d; printf -v e x", {"a", "b", "c", "d", "e"}),
        ("((i++)); let j=1; for k in 1; do :; done; echo ${m:=1} $((o = 2))", {"i", "j", "k", "m", "o"}),
        ("eval x", {"*"}),
        ("mapfile -t d", {"d"}),
        ("getopts ab o", {"o", "OPTARG", "OPTIND"}),
        ("read", {"REPLY"}),
    ):
        assert assigned_names(nodes(text).nodes) == names, text
    for text, names in (("echo $a ${b%x} \"${#c}\" '$d'", {"a", "b", "c", "d"}), ("echo $((e + f))", {"e", "f"})):
        assert names <= mentioned_names(text, nodes(text).nodes), text


def test_values_known_after_shell_options_are_set() -> None:
    def after(text: str, known: Mapping[str, Value]) -> dict[str, Value] | None:
        script = script_of(text)
        assert script
        return settings_of(script.nodes[0], known)

    assert after("S=(A 'B C' {1..2})", {}) == {"S": ("A", "B C", "1", "2")}
    assert after("N=$x-1", {"x": "7"}) == {"x": "7", "N": "7-1"}
    assert after("export N=3", {}) == {"N": "3"}
    assert after("S+=(C)", {"S": ("A",)}) == {"S": ("A", "C")}
    assert after("N=$(date)", {"N": "1"}) == {}
    assert after("python x.py", {"N": "1"}) is None
