"""What `suggest` says of a command that it does not rewrite."""

from __future__ import annotations

from pathlib import Path

import pytest

from pueue_skill.cli import main
from pueue_skill.cli.console import ExitCode


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
