"""The tools' files, and the patterns in them: what is long, quick, a server or a wait."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pueue_skill.agents import doctor
from pueue_skill.agents.hook import names_known_program
from pueue_skill.configuration import settings, tools
from pueue_skill.configuration.errors import ConfigError
from pueue_skill.rules import gate
from pueue_skill.rules.cost import weigh
from pueue_skill.rules.model import NO_PREFERENCES
from pueue_skill.rules.table import Entry, best_match, parse_pattern
from pueue_skill.shell.commands import commands
from pueue_skill.shell.parse import parse
from pueue_skill.shell.syntax import Script

FILES = sorted((Path(__file__).parents[2] / "pueue_skill/rules/tools").glob("*.toml"))


OF_OTHER_FILES = (
    "mix phx.server", "osm2pgsql -c planet.osm.pbf", "checkMesh", "drill example.com", "python -m pytest -q", "nvcc --version",
    "ps aux --sort=-%mem", "journalctl -fu nginx", "playwright test --repeat-each 20",
)  # fmt: skip
"""Examples of programs that another file has, or none."""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_examples_of_a_file(file: Path) -> None:
    loaded = tools.read(file, file.name)
    wrong = tools.misjudged(loaded, NO_PREFERENCES)
    assert [line for line in wrong if not any(f"`{text}` runs no program" in line for text in OF_OTHER_FILES)] == []
    assert [text for text in loaded.content.examples.long if not gate.interesting(text)] == []
    assert any(dict(loaded.content.examples).values()), "the file has no examples"
    assert loaded.content.source or all(table.source for table in loaded.content.tools), "a table has no source"


def fits(pattern: str, words: str, valued: tuple[str, ...] = (), letters: bool = False) -> bool:
    entry = Entry("", "a run", "high", "", (), valued, letters, False, (("long", pattern, 1),))
    return best_match((entry,), words.split()) is not None


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "anything"),
        ("create", "create a b"),
        ("create", "-r /repo create a"),
        ("create", "--repo=/repo -v create a"),
        ("copy|sync", "sync a b"),
        ("* wait", "ec2 wait instance-running"),
        ("assemble*", "assembleRelease"),
        ("-x -z", "-xzf a.tgz"),
        ("-x -z", "-z -x"),
        ("--max-epochs", "--max_epochs 3"),
        ("--max-epochs", "--max_epochs=3"),
        ("-count", "--count=2"),
        ("-n>100", "-n 1000"),
        ("-n>100", "-n1000"),
        ("-n>100", "-n=1e3"),
        ("-n>100", "-n $N"),
        ("-d>60", "-d 10m"),
        ("-d>60", "-d 1:30"),
        ("-d<61", "-d 0:03.5"),
        ("-d>3600", "-d 1:00:01"),
        ("-c<3", "-c 2"),
        ("--mode=full|all", "--mode all"),
        ("count>100", "if=/dev/zero of=x count=1000"),
        ("--a|-b", "-b"),
        ("!-n", "-m"),
        ("run !--list", "run --all"),
    ],
)
def test_a_pattern_fits(pattern: str, words: str) -> None:
    assert fits(pattern, words)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("create", "list create"),
        ("create", "--repo=/repo x create"),
        ("* wait", "wait"),
        ("assemble*", "reassemble"),
        ("-x -z", "-xf a.tgz"),
        ("-v", "-verbose"),
        ("-n>100", "-n 10"),
        ("-n>100", "-n x"),
        ("-c<3", "-c $N"),
        ("--mode=full|all", "--mode none"),
        ("!-n", "-vn"),
        ("run !--list", "run --list"),
    ],
)
def test_a_pattern_does_not_fit(pattern: str, words: str) -> None:
    assert not fits(pattern, words)


def test_the_values_of_declared_options_are_no_subcommand() -> None:
    assert fits("s3 sync", "--profile s3 sync a b")  # the value may be the first word
    assert not fits("s3 sync", "--profile s3 sync a b", ("-profile",))
    assert fits("s3 sync", "--profile s3 s3 sync a b", ("-profile",))


def test_the_first_word_may_be_a_bundle_of_letters() -> None:
    assert fits("-x -z", "xzf a.tgz", letters=True)
    assert not fits("-x -z", "xzf a.tgz")


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("--all run", "run is a word of the subcommand, and must precede all options"),
        ("a||b", "a||b has an empty alternative or value"),
        ("--mode=", "--mode= has an empty alternative or value"),
        ("-n>many", "-n>many compares with many, which is not a number"),
        ("!", "! is neither a word nor an option"),
    ],
)
def test_a_wrong_pattern_is_refused(pattern: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        parse_pattern(pattern)


def test_the_pattern_with_the_most_parts_decides_and_quick_wins_a_tie() -> None:
    rows = (("long", "", 1), ("quick", "list", 2), ("long", "list --deep", 3), ("long", "list", 4))
    entry = Entry("", "a run", "high", "", (), (), False, False, rows)

    def line(words: str) -> int:
        match = best_match((entry,), words.split())
        assert match
        return match.row.line

    assert [line(words) for words in ("x", "list", "list --deep")] == [1, 2, 3]


TOOL = """
[[tools]]
programs = ["frob"]
modules = ["frob.cli"]
noun = "a frobnication"
long = ["all !--lazy"]
quick = ["all --samples<10"]

[[tools]]
programs = ["make"]
quick = true

[[tools]]
programs = ["frun"]
launches = "python"
value_options = ["-n"]
"""


def own_tools(home: Path, text: str) -> Path:
    file = home / ".config/pueue-skill/tools/frob.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return file


def weights(text: str) -> list[tuple[str, str]]:
    """The size and the source of each command of a text, with the user's tool files."""
    script = parse(text)
    assert isinstance(script, Script)
    preferences = settings.load("/").preferences
    found = [weigh(command, preferences) for command in commands(script)]
    return [(weight.size, weight.source.rpartition("/")[2]) for weight in found]


def test_a_tool_file_of_the_user(home: Path) -> None:
    own_tools(home, TOOL)
    for _ in range(2):  # the second time from the cache
        assert weights("frob -v all") == [("long", "frob.toml:6")]
        assert weights("frob all --samples 3") == [("quick", "frob.toml:7")]
        assert weights("frob all --lazy")[0][0] == "unknown"
        assert weights("python3 -m frob.cli all") == [("long", "frob.toml:6")]
        assert weights("make -j8 all") == [("quick", "frob.toml:11")]
        assert weights("frob all --help")[0][0] == "quick"
        assert weights("frun -n 2 train.py")[0][0] == "long"
        assert weights("frun -n 2 -m pytest")[0][0] == "quick"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (TOOL.replace("noun =", "nuon ="), "frob.toml:5: tools[0].nuon: unknown key. Did you mean noun?"),
        (
            TOOL.replace("all !--lazy", "frob all"),
            'frob.toml:6: tools[0].long[0]: a pattern is what follows frob: write "all"',
        ),
        (
            TOOL.replace("all !--lazy", "frob"),
            "frob.toml:6: tools[0].long[0]: a pattern is what follows frob: write true",
        ),
        (
            TOOL.replace('["-n"]', '["n"]'),
            "frob.toml:16: tools[2].value_options[0]: an option is one word that begins with a dash: -n",
        ),
        (
            TOOL.replace('["frob"]', '["/usr/bin/frob"]'),
            "frob.toml:3: tools[0].programs[0]: a name has no folder: frob",
        ),
        (
            TOOL.replace('["frob"]', '["fr\\u006fb"]'),
            "frob.toml:3: tools[0].programs: put all names on the line of the key, without escapes",
        ),
        (
            TOOL.replace('["all !--lazy"]', '[""]'),
            "frob.toml:6: tools[0].long[0]: a pattern has words or options; for any arguments, write true",
        ),
        (
            TOOL.replace('["all !--lazy"]', "True"),
            "frob.toml:6: Invalid value: a text is quoted, and true and false are lower-case",
        ),
        (
            'source = "http://x/y"' + TOOL,
            'frob.toml:1: source: expected a URL that begins with https://, found "http://x/y"',
        ),
        (TOOL.replace("all !--lazy", "--lazy all"), "frob.toml:6: tools[0].long[0]: all is a word of the subcommand"),
        (
            TOOL.replace('["frob"]', '[\n  "frob"\n]'),
            "frob.toml:3: tools[0].programs: put all names on the line of the key",
        ),
    ],
)
def test_a_wrong_tool_file_is_ignored_by_the_hook_and_named_by_commands(home: Path, text: str, problem: str) -> None:
    own_tools(home, text)
    assert weights("frob all")[0][0] == "unknown"
    with pytest.raises(ConfigError, match=re.escape(problem)):
        settings.load_strictly("/")


def test_programs_of_the_configuration(home: Path) -> None:
    file = home / ".config/pueue-skill/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(
        '[[programs]]\nprogram = "python"\narguments = ["serve.py"]\nsize = "server"\n'
        '[[programs]]\nprogram = "frob"\nsize = "long"\n'
    )
    assert weights("python3.12 serve.py") == [("server", "config.toml:1")]
    assert weights("frob a") == [("long", "config.toml:5")]
    assert weights("frob a --dry-run")[0][0] == "quick"


def test_the_hook_asks_python_about_programs_of_tool_files(home: Path) -> None:
    assert not names_known_program("frob all", "/")
    own_tools(home, TOOL)
    assert names_known_program("frob all", "/")
    assert names_known_program("python -m frob.cli all", "/")
    assert not names_known_program("ls all", "/")


@pytest.mark.parametrize(
    "pattern",
    [
        "reindex, rebuild",
        "(a|b)",
        "^re.*",
        "reindex [--all]",
        "reindex -- --plan",
        "reindex 'a",
        "run --mode='full'",
        "\\\\d+",
    ],
)
def test_a_pattern_with_signs_of_another_language_is_refused(home: Path, pattern: str) -> None:
    own_tools(home, TOOL.replace("all !--lazy", pattern))
    with pytest.raises(ConfigError, match=r"frob.toml:6: tools\[0\].long\[0\]: .* means nothing in a pattern"):
        settings.load_strictly("/")


def test_files_that_are_not_read_are_named(home: Path) -> None:
    """Also when nothing else is configured; the hook works without them."""
    folder = home / ".config/pueue-skill/tools"
    folder.mkdir(parents=True)
    assert settings.load("/").refused == ()
    for name in (".hidden", "README.md", "frob.toml~"):
        (folder / name).touch()
    assert settings.load("/").refused == ()
    (folder / "frob.TOML").write_text(TOOL)
    (folder / "sub").mkdir()
    (folder / "x.toml").symlink_to("/nowhere")
    messages = [
        f"{folder}/frob.TOML: not read, because its name does not end in .toml. Try: mv -i {folder}/frob.TOML {folder}/frob.toml",
        f"{folder}/sub: subfolders are not read. Try: mv -i {folder}/sub/*.toml {folder}",
        f"{folder}/x.toml: No such file or directory. Try: ls -ld {folder}/x.toml",
    ]
    for _ in range(2):  # the second time from the cache
        assert settings.load("/").refused == tuple(messages)
    checks = list(doctor.configuration())
    assert [(check.result, f"{check.what}. Try: {check.fix}") for check in checks] == [
        ("failure", message) for message in messages
    ]


def test_a_file_that_becomes_readable_is_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its permissions are all that changes."""

    def denied(*_: object) -> str:
        raise PermissionError(13, "Permission denied")

    file = own_tools(home, TOOL)
    with monkeypatch.context() as patched:  # root may read every file
        patched.setattr(Path, "read_text", denied)
        assert settings.load("/").refused == (f"{file}: Permission denied. Try: ls -ld {file}",)
    file.chmod(0o600)
    assert settings.load("/").refused == ()


def test_doctor_names_mistakes_and_misjudged_examples_of_tool_files(home: Path) -> None:
    (check,) = doctor.configuration()
    assert (check.result, check.what) == ("ok", f"0 hosts; there is no {home}/.config/pueue-skill/config.toml")
    file = own_tools(home, TOOL)
    (check,) = doctor.configuration()
    assert (check.result, check.what) == ("ok", f"0 hosts; {file}")
    file.write_text(TOOL.replace("noun =", "nuon ="))
    (check,) = doctor.configuration()
    assert check.result == "failure"
    assert check.what == f"{file}:5: tools[0].nuon: unknown key. Did you mean noun?"
    assert check.fix == "correct the file. All keys: pueue-skill schema tool"
    file.write_text(
        '[examples]\nlong = ["frob all --samples 3"]\nquick = [\n"frob all", "forb x", "frob x", "if"]\nwait = ["make"]\n'
        + TOOL
    )
    assert [check.what.removeprefix(f"{file}:") for check in doctor.configuration()] == [
        f"2: examples.long[0]: `frob all --samples 3` is quick: quick with these arguments ({file}:12)",
        f"4: examples.quick[0]: `frob all` is long: a frobnication ({file}:11)",
        "4: examples.quick[1]: `forb x` runs no program of the file: -m frob.cli, frob, frun, make",
        "4: examples.quick[3]: `if` cannot be parsed: the `if` at character 0 is not closed",
        f"5: examples.wait[0]: `make` is quick: quick with these arguments ({file}:16)",
    ]


def test_the_hook_knows_python_of_the_configuration_by_its_other_names(home: Path) -> None:
    file = home / ".config/pueue-skill/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[[programs]]\nprogram = "python"\narguments = ["foo.py"]\nsize = "long"\n')
    for text in ("python foo.py", "python3 foo.py", "python3.11 foo.py"):
        assert names_known_program(text, "/")
    assert not names_known_program("ls foo.py", "/")


def test_make_gen_prints_a_mistake_in_a_tool_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "tools")
    import gen

    (tmp_path / "pueue_skill/rules/tools").mkdir(parents=True)
    (tmp_path / "pueue_skill/rules/tools/frob.toml").write_text(TOOL.replace("noun =", "nuon ="))
    monkeypatch.setattr(gen, "ROOT", tmp_path)
    assert gen.main(check=True) == 2
    assert capsys.readouterr().err.startswith(
        "rules/tools/frob.toml:5: tools[0].nuon: unknown key. Did you mean noun?\n"
    )
