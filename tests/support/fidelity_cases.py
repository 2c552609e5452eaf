"""The cases of the differential test: texts in tests/cases/fidelity or in a file, with the expectations for each."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pueue_skill.configuration.schema import Config
from pueue_skill.plan.analysis import Analysis, analyse
from pueue_skill.plan.background import waits_for_background

CASES = Path(__file__).parent.parent / "cases/fidelity"
HOSTS = {
    "bigblack": "bash", "littleblack": "bash", "dashbox": "dash", "zshbox": "zsh", "fishbox": "fish", "tcshbox": "tcsh",
}  # fmt: skip
"""The hosts, with their login shells."""
SHELLS = ("dashbox", "zshbox", "fishbox", "tcshbox")

PROGRAMS = ("rec", "rec-in", "rec-err", "rec-exit", "rec-kill", "rec-slow")
"""The names of the recorder: plain, copying its input, writing to stderr, exiting with $1, killed by signal $1, slow."""
KNOWN = ("python", "python3", "uv")
"""Names of the recorder that the rules know by themselves."""

CONFIG = "".join([f'[[programs]]\nprogram = "{name}"\nsize = "long"\n' for name in PROGRAMS])
CONFIG += "".join([f"[hosts.{name}]\n" for name in HOSTS])
"""A configuration in which the recorder is a long-running program."""


class Case(NamedTuple):
    """A text and its expectations.

    `row`: of the table of rewrites in the documents.
    `files`: more files; with `HOST:` before the name, only on that host.
    `leave`: the text is left as is, and the reason contains this.
    `ordered`: a queue with one slot runs the parts in the order of the text.
    `last`: the number of executions that start after all others have ended.
    `parallel`: parts run concurrently, and their output is in any order.
    `detached`: the text does not wait for its work, so its output and exit status are not those of the work.
    `signal`: a signal kills the work, which ssh reports as 255. `signal_over_ssh`: the same, if ssh reports 255.
    `meant`: the text that the user meant, if the text itself does something else and is therefore rewritten.
    `around`: bash text before the command, or before `pueue-skill run`, whose job gets its settings; the jobs of an invocation do not.
    `not_slurm`: it does the same work on pueue only, as references/slurm.md says.
    """

    text: str
    row: str = ""
    files: Mapping[str, str] = {}
    leave: str | None = None
    ordered: bool = False
    last: int = 0
    parallel: bool = False
    detached: bool = False
    meant: str | None = None
    variables: Mapping[str, str] = {}
    except_variables: Sequence[str] = ()
    signal: bool = False
    signal_over_ssh: bool = False
    may_stay: bool = False
    around: str = ""
    not_slurm: bool = False


def cases(folder: Path = CASES) -> list[Case]:
    """Return all cases of the files, which have `texts`, tables `case`, and their defaults at the top.

    In a text, HOST stands for each of `hosts`, and LONG for `long` letters.
    """
    found = []
    for file in sorted(folder.glob("*.toml")):
        table = tomllib.loads(file.read_text("utf-8"))
        texts, own = table.pop("texts", []), table.pop("case", [])
        for one in [*[{"text": text} for text in texts], *own]:
            one = {**table, **one}
            text, long, hosts = one.pop("text"), "x" * one.pop("long", 0), one.pop("hosts", [])
            text = text.replace("LONG", long) if long else text
            found += [Case(text.replace("HOST", host), **one) for host in (hosts if "HOST" in text else [""])]
    return found


def cases_of(texts: str) -> list[Case]:
    """Return the cases of a text file, separated by lines of `====`; their expectations are inferred from the texts."""
    return [inferred(text.strip("\n")) for text in re.split(r"(?m)^====+[ \t]*$", texts) if text.strip()]


def inferred(text: str) -> Case:
    """Return a case that may be left as is. Output of concurrent jobs is in any order; detached work outlives its text."""
    script, commands, *_ = analysed(text)
    names = [{command.name, *command.wrappers} for command in commands]
    side_by_side = any(command.background for command in commands) or any(
        "parallel" in used or ("xargs" in used and re.search(r"\s(-\w*P|--max-procs)", text)) for used in names
    )
    detached = not waits_for_background(script, commands) or any(
        used & {"tmux", "screen", "at", "batch", "setsid"} for used in names
    )
    over_ssh = any(command.ssh for command in commands)
    return Case(text, "file", parallel=side_by_side, detached=detached, signal_over_ssh=over_ssh, may_stay=True)


def analysed(text: str, configured: str = CONFIG) -> Analysis:
    """Return the analysis of a case's text with this configuration."""
    config = Config.model_validate(tomllib.loads(configured))
    return analyse(text, config.by_name(), preferences=config.preferences({}))
