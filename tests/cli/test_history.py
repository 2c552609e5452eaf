"""`history --forget`: a shape, or a part of one, in; its run times deleted."""

from __future__ import annotations

import pytest

from pueue_skill.cli import main
from pueue_skill.cli.console import ExitCode
from pueue_skill.state import runs

SHAPES = (
    "python /w/analysis.py",
    "python /w/train.py",
    "python /w/train.py --stage",
    "/w: make all",
    "make x && /w/run",
)


@pytest.fixture
def recorded(home: object) -> None:
    shapes = [f"{shape}{digest}" for shape in SHAPES for digest in ("", " #0123456789ab")]
    runs.record([runs.Run(shape, 20) for shape in shapes])


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize(
    ("wanted", "shape"),
    [
        ("python /w/analysis.py", "python /w/analysis.py"),
        ("python analysis.py", "python /w/analysis.py"),
        ("analysis", "python /w/analysis.py"),
        ("python train.py", "python /w/train.py"),
        ("stage", "python /w/train.py --stage"),
        ("make all", "/w: make all"),
        ("make x && run", "make x && /w/run"),
    ],
)
def test_a_part_of_one_shape_is_enough(wanted: str, shape: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["history", "--forget", wanted]) == ExitCode.DONE
    assert capsys.readouterr().err == "pueue-skill: deleted the run times of 1 shape\n"
    assert {runs.without_digest(left) for left in runs.load()} == set(SHAPES) - {shape}


@pytest.mark.usefixtures("recorded")
def test_the_candidates_are_listed_with_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["history", "--forget", "train"]) == ExitCode.FINDINGS
    assert capsys.readouterr().err == (
        "pueue-skill: 2 shapes contain `train`. Try one of:\n"
        "  pueue-skill history --forget 'python /w/train.py'\n"
        "  pueue-skill history --forget 'python /w/train.py --stage'\n"
    )
    assert main.main(["history", "--forget", "evaluate"]) == ExitCode.FINDINGS
    assert capsys.readouterr().err == (
        "pueue-skill: nothing is deleted: no shape contains `evaluate`. Try: pueue-skill history\n"
    )
    assert len(runs.load()) == 2 * len(SHAPES)
    assert main.main(["history", "--forget", "all"]) == ExitCode.DONE
    assert capsys.readouterr().err == "pueue-skill: deleted the run times of 5 shapes\n"
    assert main.main(["history", "--forget", "all"]) == ExitCode.FINDINGS
    assert capsys.readouterr().err == "pueue-skill: nothing is deleted: there are no run times\n"
