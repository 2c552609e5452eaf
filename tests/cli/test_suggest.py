"""What `suggest` says of a command that it does not rewrite."""

from __future__ import annotations

from pathlib import Path

import pytest

from pueue_skill.cli import main
from pueue_skill.cli.console import ExitCode
from pueue_skill.plan.analysis import analyse
from pueue_skill.rules.shapes import shapes
from pueue_skill.state import runs


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("if true; then x", "left as is: the `if` at character 0 is not closed\n"),
        ("python train.py 'a b'", "Try: pueue-skill run -- \"python train.py 'a b'\"\n"),
    ],
)
def test_the_reason_says_what_to_type(text: str, note: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = home / ".config/pueue-skill/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[rules]\nPQ302 = "advice"\n')
    assert main.main(["suggest", "--", text]) == ExitCode.DONE
    out, err = capsys.readouterr()
    assert out == f"{text}\n"
    assert err.endswith(note)


def test_explain_shows_the_sizes_that_decide(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, size in {"disk.img": 80_000_000_000, "small.img": 80_000}.items():
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    monkeypatch.chdir(tmp_path)
    explained = {}
    for options in (["disk.img"], ["small.img"]):
        main.main(["suggest", "--explain", "sha256sum", *options])
        explained[options[0]] = capsys.readouterr().err.splitlines()
    assert "size      disk.img: 80.0 GB" in explained["disk.img"]
    assert "size      small.img: 80.0 kB" in explained["small.img"]
    assert any(line.startswith("finding   PQ301") for line in explained["disk.img"])
    assert not any(line.startswith("finding") for line in explained["small.img"])
    main.main(["suggest", "--explain", "--host", "bigblack", "sha256sum disk.img"])  # a host with other files
    assert "80.0 GB" not in capsys.readouterr().err
    monkeypatch.chdir("/")
    main.main(["suggest", "--explain", "--cwd", str(tmp_path), "sha256sum disk.img"])
    assert "size      disk.img: 80.0 GB" in capsys.readouterr().err


def test_explain_asks_about_the_configuration_as_the_hook_does(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file, text in {
        "tools/frob.toml": '[[tools]]\nprograms = ["frob"]\nwait = ["on"]\n',
        "config.toml": '\n[[programs]]\nprogram = "quux"\nsize = "server"\n',
    }.items():
        place = home / ".config/pueue-skill" / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    for command, gate, source in [
        ("frob on", "it names a program of your configuration, or one that was slow here", "tools/frob.toml:3)"),
        ("quux", "it names a program of your configuration, or one that was slow here", "config.toml:2)"),
        ("ls", "no rule can match", ""),
    ]:
        main.main(["suggest", "--explain", "--", command])
        lines = capsys.readouterr().err.splitlines()
        assert lines[0] == f"gate      {gate}"
        assert source in lines[2]


def test_earlier_runs_that_decide_are_named(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shape = f"python {tmp_path}/train.py"
    (command,) = analyse("python train.py", {}).commands
    same_words = shapes(command, str(tmp_path))[0]
    runs.record([runs.Run(name, 2, flagged=True) for name in (shape, same_words) for _ in range(3)])
    decided = (
        "3 earlier runs with a median of 2s: short, so they decided, not the words of the command. "
        f"To delete them: pueue-skill history --forget '{shape}'"
    )
    main.main(["suggest", "--explain", "python train.py"])
    err = capsys.readouterr().err
    assert f"runs      {decided}\n" in err
    assert err.endswith(f"left as is: {decided}\n")
    assert main.main(["history", "--forget", shape]) == ExitCode.DONE
    main.main(["suggest", "--explain", "python train.py"])
    err = capsys.readouterr().err
    assert "runs   " not in err
    assert "finding   PQ302" in err
