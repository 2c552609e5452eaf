"""Arguments in; help, or an error for a misspelled name, a wrong value or options that contradict each other, out."""

from __future__ import annotations

import argparse
import re

import pytest
from commands import PARSERS

from pueue_skill.cli import main
from pueue_skill.cli.console import ExitCode
from pueue_skill.shell import quote


@pytest.fixture(autouse=True)
def _home(home: object) -> None:
    """Gives every test a home without a configuration."""


def call(line: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    words = quote.split(line)
    assert words is not None
    code = main.main(words)
    return code, *capsys.readouterr()


# Help.


@pytest.mark.parametrize("line", ["", "--help", "-h"])
def test_help_shows_every_command_in_its_group(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(line, capsys)
    assert code == ExitCode.DONE
    shown = {
        heading: re.findall(r"^  (\S+)  ", text, re.MULTILINE)
        for heading, text in re.findall(r"^([A-Z][a-z]+):\n((?:  .*\n)+)", out, re.MULTILINE)
    }
    assert list(shown) == list(main.GROUPS)
    for heading, names in shown.items():
        assert names == [name for name, command in main.COMMANDS.items() if command.group == heading]
    assert {command.group for command in main.COMMANDS.values()} <= {*main.GROUPS, ""}
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize("prog", PARSERS)
def test_help_begins_with_a_verb_and_ends_with_an_example(prog: str) -> None:
    """A verb in lower case, no full stop; the example is of this command, and its arguments can be parsed."""
    parser = PARSERS[prog]
    text = parser.format_help()
    name, *action = prog.split()[1:]
    help_line = main.COMMANDS[name].help
    if not action:
        assert re.fullmatch(r"[a-z].*[^.]", help_line)
        assert not re.match(r"(the|a|all|what|when|how|only)\b", help_line)
    example = text.partition("example:\n")[2].strip().splitlines()
    assert example
    for line in example:
        call = re.fullmatch(rf".*?({re.escape(prog)}\b[^)]*).*", line)
        assert call, line
        words = quote.split(call[1])
        assert words is not None
        words = words[: next((i for i, word in enumerate(words) if word[0] in "|&<"), None)]
        module = main.module_of(name)
        typed = module.separated(words[1:]) if hasattr(module, "separated") else words[1:]
        assert main.parser(name).parse_args(typed).name == name


@pytest.mark.parametrize("prog", PARSERS)
def test_every_argument_has_help_without_a_full_stop(prog: str) -> None:
    for action in PARSERS[prog]._actions:
        assert action.help or isinstance(action, argparse._SubParsersAction)
        if action.option_strings and not isinstance(action, argparse._HelpAction):
            assert action.help
            assert re.fullmatch(r"(?s)[a-z].*[^.]", action.help), action.option_strings


def test_abbreviations_of_other_tools() -> None:
    """The one-letter options that users of gh, kubectl and cargo try."""
    short = {
        "--follow": "-f", "--group": "-g", "--label": "-l", "--watch": "-w", "--detach": "-d", "--bytes": "-c", "--lines": "-n",
        "--quiet": "-q",
    }  # fmt: skip
    for prog, parser in PARSERS.items():
        for action in parser._actions:
            for option, letter in short.items():
                if option in action.option_strings and prog != "pueue-skill ssh":  # there they belong to ssh
                    assert letter in action.option_strings, prog


# Misspelled names, wrong values.


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("stats", "no such command: stats. Did you mean status?\nTry: pueue-skill --help"),
        ("xyzzy", "no such command: xyzzy\nTry: pueue-skill --help"),
        ("batch submitt b.toml", "no such command: submitt. Did you mean submit?\nTry: pueue-skill batch --help"),
        ("status --wacth", "no such option: --wacth. Did you mean --watch?\nTry: pueue-skill status --help"),
        ("run --folow ls", "no such option: --folow. Did you mean --follow?\nTry: pueue-skill run --help"),
        ("batch log b.toml x --byte=1 --bites=1", "no such option: --bites. Did you mean --bytes?\nTry: pueue-skill batch log --help"),
        ("rules PQ101", "unexpected argument: PQ101\nTry: pueue-skill rules --help"),
        ("install cluade", "AGENT: expected claude, codex, gemini, cursor, copilot or opencode, not 'cluade'. Did you mean claude?"),
        ("schema conf", "not 'conf'. Did you mean config?"),
        ("--json status", "--json belongs after the command: pueue-skill status --json\n"),
        ("--json batch check b.toml", "--json belongs after the command: pueue-skill batch check --json b.toml\n"),
        ("--host h run ls", "--host belongs after the command: pueue-skill run --host h ls\n"),
        ("--host=h run ls", "--host belongs after the command: pueue-skill run --host=h ls\n"),
        ("--verison", "no such option: --verison. Did you mean --version?\nTry: pueue-skill --help"),
        ("batch --hlep", "no such option: --hlep. Did you mean --help?\nTry: pueue-skill batch --help"),
        ("batch", "the following arguments are required: ACTION\nTry: pueue-skill batch --help"),
        ("-x status", "no such option: -x\nTry: pueue-skill status --help"),
        ("kill --label ''", "-l/--label: expected PATTERN, not ''"),
        ("clean --label=--", "-l/--label: expected PATTERN, not '--'"),
        ("run --key '' ls", "--key: expected KEY, not ''"),
        ("history --forget ''", "--forget: expected "),
        ("timeline --svg ''", "--svg: expected FILE, not ''"),
        ("help xyzzy", "no such command: xyzzy\nTry: pueue-skill --help"),
        ("rule long-scrpt", "there is no rule long-scrpt. Did you mean long-script? See: pueue-skill rules\n"),
        ("rule PQ999", "there is no rule PQ999. See: pueue-skill rules\n"),
        ("run -- -x", "-x is not a command: put options of run before the command and before --"),
        ("run -- '+x; ls'", "+x; is not a command"),
        ("run -", "run does not read the command from stdin\nTry: pueue-skill run -- \"$(cat)\"\n"),
        ("log -- -oProxyCommand=x:1", "'-oProxyCommand=x' is not the name of a host\n"),
        ("ssh '' ls", "'' is not the name of a host\n"),
        ("status locl", "no host is called locl; configured: local. Did you mean local?"),
        ("status big.black", "no host is called big.black; configured: local. To add a host, add this line to "),
        ("wait --host big.black 1", '/pueue-skill/config.toml: [hosts."big.black"]\n'),
        ("timeline --host bigblack", "/pueue-skill/config.toml: [hosts.bigblack]\n"),
        ("log --host locl 1", "no host is called locl; configured: local. Did you mean local?"),
        ("suggest", "the following arguments are required: CMD\nTry: pueue-skill suggest --help"),
        ("run", "the following arguments are required: CMD\nTry: pueue-skill run --help"),
    ],
)  # fmt: skip
def test_a_misspelled_name_gets_a_suggestion(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(line, capsys)
    assert (code, out) == (ExitCode.USAGE, "")
    assert err.startswith("pueue-skill: ")
    assert message in err


@pytest.mark.parametrize("host", ["''", "' '", "-oProxyCommand=x"])
@pytest.mark.parametrize(
    "command",
    ["run --host={} ls", "suggest --host={} ls", "log --host={} 1", "kill --host={} 1", "clean --host={} 1", "wait --host={} 1", "timeline --host={}",
     "setup -- {}", "audit -- {}", "doctor -- {}", "status -- {}", "top -- {}"],
)  # fmt: skip
def test_the_name_of_a_host_is_neither_blank_nor_an_option(
    command: str, host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(command.format(host), capsys)
    assert (code, out) == (ExitCode.USAGE, "")
    assert re.search(r"^pueue-skill: \S+: expected the name of a host, not '", err)


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("help", "--help"), ("help run", "run --help"), ("help ssh", "ssh --help"), ("help batch submit", "batch submit --help"),
        ("help run touch ran", "run --help"),
        ("rule long-script", "rule PQ302"), ("rule pq302", "rule PQ302"), ("-V", "--version"),
    ],
)  # fmt: skip
def test_other_forms_of_a_command(line: str, same: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(line, capsys)
    assert (code, err) == (ExitCode.DONE, "")
    assert out
    assert call(same, capsys) == (code, out, err)


def test_rules_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = call("rules", capsys)
    assert len({re.match(r"PQ\d+ +\S+ +(?=high|medium|low)", line)[0].__len__() for line in out.splitlines()}) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("status --watch --every -1", "--every: expected a number of seconds, at least 0.1, not '-1'"),
        ("status --watch --every 0", "--every: expected a number of seconds, at least 0.1, not '0'"),
        ("status --watch --every nan", "--every: expected a number of seconds, at least 0.1, not 'nan'"),
        ("top --every x", "--every: expected a number of seconds, at least 0.1, not 'x'"),
        ("batch watch b.toml --every -1", "--every: expected a number of seconds, at least 0.1, not '-1'"),
        ("run --wait -1 ls", "--wait: expected a number of seconds, at least 0, not '-1'"),
        ("run --wait inf ls", "--wait: expected a number of seconds, at least 0, not 'inf'"),
        ("ssh --wait=-1 h ls", "--wait: expected a number of seconds, at least 0, not '-1'"),
        ("run --stdin --stdin-limit x ls", "--stdin-limit: expected a size such as 500K, 10M or 16G, not 'x'"),
        ("run --stdin --stdin-limit 0 ls", "--stdin-limit: expected a size such as 500K, 10M or 16G, not '0'"),
        ("batch log b.toml x --bytes 0", "-c/--bytes: expected a whole number, at least 1, not '0'"),
        ("batch log b.toml x --bytes -1", "-c/--bytes: expected a whole number, at least 1, not '-1'"),
        ("log -n 0 x", "-n/--lines: expected a whole number, at least 1, not '0'"),
        ("notify --callback -1", "--callback: expected the ID of a pueue job, not '-1'"),
        ("timeline --day yesterday", "--day: expected a day as YYYY-MM-DD, not 'yesterday'"),
        ("install claude --scope usr", "--scope: expected user or project, not 'usr'. Did you mean user?"),
    ],
)
def test_a_wrong_value_is_refused(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(line, capsys)
    assert (code, out) == (ExitCode.USAGE, "")
    assert message in err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("setup local --remove --upgrade", "--upgrade does nothing with --remove"),
        ("setup local --remove --dry-run", "not allowed with"),
        ("doctor --start-groups", "--start-groups does nothing without --fix"),
        ("status --notify", "--notify does nothing without --watch"),
        ("status --every 5", "--every does nothing without --watch"),
        ("run --or-detach --follow ls", "--or-detach does nothing with --follow"),
        ("run --detach --or-detach ls", "--or-detach does nothing with --detach"),
        ("ssh --detach --or-detach h ls", "--or-detach does nothing with --detach"),
        ("run ''", "the command is empty"),
        ("run -- ' ' x", "the command is empty"),
        ("run 5 -- x", "--after takes one job: repeat it, as in --after 5; or put -- before the command"),
        ("run --stdin-limit 1G ls", "--stdin-limit does nothing without --stdin"),
        ("run --wait 1 --follow ls", "not allowed with"),
        ("run --host h --env full ls", "--env does nothing on h"),
        ("ssh --or-detach h ls", "--or-detach does nothing without --wait"),
        ("notify --result Failed", "--result does nothing without --callback"),
        ("log --follow --json x", "not allowed with"),
        ("log --lines 5 --json x", "--lines does nothing with --json"),
        ("watch --events --json", "not allowed with"),
        ("log -g default local:1", "select jobs by name, or by --label and --group, not both"),
        ("wait -l x local:1", "select jobs by name, or by --label and --group, not both"),
        ("kill -g default local:1", "select jobs by name, or by --label and --group, not both"),
        ("check --json --sarif x.sh", "not allowed with"),
        ("timeline b.toml --day 2026-01-01", "not allowed with"),
        ("run 'sleep 5; ls' --group g", "--group follows the command: put options of run before it"),
        ("suggest 'sleep 5; ls' --json", "--json follows the command: put options of suggest before it"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(
    line: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(line, capsys)
    assert (code, out) == (ExitCode.USAGE, "")
    assert message in err


# The words of a command.


@pytest.mark.parametrize(
    ("line", "words", "group"),
    [
        ("run ls -la", ["ls", "-la"], None),
        ("run ls -h", ["ls", "-h"], None),
        ("run -g g ls --group x -- y", ["ls", "--group", "x", "--", "y"], "g"),
        ("run -- ls -la", ["ls", "-la"], None),
        ("run -f -- -x", ["-x"], None),
        ("run 'ls | wc'", ["ls | wc"], None),
        ("suggest python train.py --json", ["python", "train.py", "--json"], None),
        ("suggest --group=g -- python train.py", ["python", "train.py"], "g"),
        ("suggest 5 -- x", ["5", "--", "x"], None),
        ("suggest -", ["-"], None),
        ("suggest --host h - --group g", ["-"], "g"),
        ("suggest -g g python -", ["python", "-"], "g"),
    ],
)
def test_everything_from_the_first_word_on_is_the_command(line: str, words: list[str], group: str | None) -> None:
    from pueue_skill.cli import options

    typed = quote.split(line)
    assert typed is not None
    module = main.module_of(typed[0])
    typed = module.separated(typed) if hasattr(module, "separated") else typed
    parsed = main.parser(typed[0]).parse_args(typed)
    parsed.typed = typed
    assert (options.command_of(parsed), parsed.group) == (words, group)


def test_suggest_takes_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("suggest python train.py 'a b'", capsys) == call("suggest \"python train.py 'a b'\"", capsys)
