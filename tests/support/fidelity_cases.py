"""The cases of the differential proof: texts of tests/cases/fidelity or of a file, with what is expected of each."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pueue_skill.configuration.schema import Config
from pueue_skill.plan.analysis import Analysis, analyse
from pueue_skill.plan.whole_line import waits_for_background

CASES = Path(__file__).parent.parent / "cases/fidelity"
HOSTS = {
    "bigblack": "bash", "littleblack": "bash", "dashbox": "dash", "zshbox": "zsh", "fishbox": "fish", "tcshbox": "tcsh",
}  # fmt: skip
"""The hosts by name, with their login shells."""
SHELLS = ("dashbox", "zshbox", "fishbox", "tcshbox")

PROGRAMS = ("rec", "rec-in", "rec-err", "rec-exit", "rec-kill", "rec-slow")
"""The recorder's names: plain, copying its input, writing to stderr too, exiting with $1, dying of signal $1, taking its time."""
KNOWN = ("python", "python3", "uv")
"""Names of the recorder that the rules judge by themselves."""

CONFIG = "".join([f'[[programs]]\nprogram = "{name}"\nsize = "long"\n' for name in PROGRAMS])
CONFIG += "".join([f"[hosts.{name}]\n" for name in HOSTS])
"""The configuration, by which all that the recorder does is long."""


class Case(NamedTuple):
    """A text and what is expected of it.

    `row`: of the table of what becomes of commands. `files` are more files, one whose name begins with a host's and a colon only there.
    `leave`: it is left alone, and this stands in the reason. `ordered`: a queue that runs one job at once runs its parts in the
    order in which it does itself. `last`: so many executions come after the end of all others. `parallel`: parts run side by side,
    and their output comes in any order. `detached`: the text itself does not wait for its work, so that its output and exit status
    are not those of the work. `signal`: the work dies of a signal, which ssh tells as 255; `signal_over_ssh`: it does if ssh says 255. `meant`: the text that it was meant to be, where it is rewritten because it does something else.
    `around`: bash text before the command that runs it or `pueue-skill run`, whose job has what this sets; an invocation's has not.
    `not_slurm`: it does the same on pueue only, as references/slurm.md says.
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
    """All cases, from files that hold `texts` and tables `case`, with their defaults at the top.

    In a text HOST stands for each of `hosts`, and LONG for so many letters as `long` says.
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
    """The cases of a text file, separated by lines of `====`; what a table of cases would say of each is inferred from the text."""
    return [inferred(text.strip("\n")) for text in re.split(r"(?m)^====+[ \t]*$", texts) if text.strip()]


def inferred(text: str) -> Case:
    """A case that may be left as it is. Output of jobs side by side comes in any order; detached work outlives its text."""
    commands = analysed(text).commands
    names = [{command.name, *command.wrappers} for command in commands]
    side_by_side = any(command.background for command in commands) or any(
        "parallel" in used or ("xargs" in used and re.search(r"\s(-\w*P|--max-procs)", text)) for used in names
    )
    detached = not waits_for_background(commands) or any(
        used & {"tmux", "screen", "at", "batch", "setsid"} for used in names
    )
    over_ssh = any(command.ssh for command in commands)
    return Case(text, "file", parallel=side_by_side, detached=detached, signal_over_ssh=over_ssh, may_stay=True)


def analysed(text: str, configured: str = CONFIG) -> Analysis:
    """The analysis of a case's text, as the configuration has it."""
    config = Config.model_validate(tomllib.loads(configured))
    return analyse(text, config.by_name(), preferences=config.preferences({}))
