"""Estimates how long a command takes: a Command in, a Weight out.

The program alone rarely decides; its subcommand, the name of its script and its options do. An option that asks for help, a
version or a dry run makes a command quick.
"""

from __future__ import annotations

import re

from pueue_skill.rules import data_programs, table
from pueue_skill.rules.known import QUICK
from pueue_skill.rules.model import NO_PREFERENCES, Preferences, Program, Weight
from pueue_skill.rules.options import settings, turns_on
from pueue_skill.rules.scripts import script_of, weigh_code, weigh_script
from pueue_skill.rules.sql import SQL_CLIENTS, weigh_sql
from pueue_skill.rules.table import TABLE, find_match, launched, weigh_by_table, weight_of
from pueue_skill.rules.words import HELP_OPTIONS, QUICK_OPTIONS, SCRIPT_ANCHORS, SMALL_OPTIONS
from pueue_skill.shell.model import Command
from pueue_skill.startup.numbers import integer


def anchors() -> set[str]:
    """Every text with a command that is long by its own words contains one of these."""
    return {*SCRIPT_ANCHORS, *SQL_CLIENTS, *data_programs.anchors(), "pytest", "setup.py"} | table.anchors()


NO_RUN = ("--help", "--version", "--dry-run", "--dryrun", "--dry_run")
"""Options with which no program does its work, whatever the configuration says about it."""


def weigh(command: Command, preferences: Preferences = NO_PREFERENCES) -> Weight:
    """The Weight of `command` by its words and the sizes of its input; the user's programs and tools take precedence."""
    args = command.args
    if not set(NO_RUN).isdisjoint(args):
        return Weight("quick", "only asks for help, a version or a plan")
    known = configured(command, preferences)
    if known:
        return Weight(known.size, known.why, known.sure, source=known.source)
    own = weight_of(find_match(command, preferences.tools)) if preferences.tools else None
    if own:
        return own
    if quick_option(command.name, args):
        return Weight("quick", "only asks for help, a version or a plan")
    if command.name in data_programs.DATA_PROGRAMS:
        from pueue_skill.rules import sizes, transfers

        weight = sizes.weigh_by_size(command, preferences.long) or transfers.weigh_transfer(command, args)
        if weight:
            return weight
    inner = launched(command, preferences.tools)
    weight = weigh(inner, preferences) if inner else None
    if weight and weight.size != "unknown":
        return weight
    limit = small_limit(args)
    if limit and script_of(command)[0] is None:
        return Weight("quick", f"limited by {limit}")
    for judge in (weigh_by_table, weigh_sql, weigh_code, weigh_script):
        weight = judge(command, args)
        if weight:
            return weight
    if command.name in QUICK:
        return Weight("quick", f"{command.name} ends soon")
    return Weight("unknown", f"nothing is known about {command.name}")


def configured(command: Command, preferences: Preferences) -> Program | None:
    """The program of the user's configuration that the command runs, with its arguments; None without one."""
    return next(
        (
            known
            for known in preferences.programs
            if is_named(known.program, command.name) and set(known.arguments) <= set(command.args)
        ),
        None,
    )


def is_named(program: str, name: str) -> bool:
    """Whether a program of the configuration is `name`; `python` is also python3 and python3.12."""
    return program == name or (program == "python" and re.fullmatch(r"python[\d.]+", name) is not None)


def quick_option(name: str, args: tuple[str, ...]) -> bool:
    """Whether an option makes the command quick: help, a version, a dry run; for scripts also a status or a plan."""
    if turns_on(args, HELP_OPTIONS if name in TABLE else QUICK_OPTIONS) or (
        name == "make" and {"-n", "-q"} & set(args)
    ):
        return True
    for i, arg in enumerate(args):
        following = args[i + 1] if i + 1 < len(args) else "-"
        if arg in ("-h", "-V") and following[:1] == "-":
            return True
    return name in TABLE and any(arg in ("help", "version") for arg in args[:3])


def small_limit(args: tuple[str, ...]) -> str:
    """The option with its number that limits a program to little work (`--limit 10`), or nothing."""
    for given in settings(args):
        name = "-".join(given.words)
        count = integer(given.value) if given.written[0] == "-" and name in SMALL_OPTIONS else None
        if count is not None and count <= 1000:
            return f"{given.written} {given.value}"
    return ""
