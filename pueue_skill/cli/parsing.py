"""A parser of arguments whose errors are UsageError and name what was probably meant; commands in groups; the values of options.

It knows no command: main.py has the table.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from pueue_skill.cli.fast_argparse import argparse
from pueue_skill.startup.errors import UsageError, did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


class Formatter(argparse.RawDescriptionHelpFormatter):
    """argparse's own, which makes one for each option, but without shutil, whose import takes as long as all options."""

    def __init__(self, prog: str) -> None:
        columns = os.environ.get("COLUMNS", "")
        try:
            width = int(columns) if columns.isdecimal() and int(columns) else os.get_terminal_size(1).columns
        except OSError:
            width = 0
        super().__init__(prog, width=(width or 80) - 2)


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises UsageError, and knows words that are nearly right. `groups` replace the list of its commands in help."""

    groups: str = ""

    def __init__(self, *words: Any, **options: Any) -> None:
        options.setdefault("formatter_class", Formatter)
        super().__init__(*words, **options)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            parser = self.of(options)
            name = unknown[0].partition("=")[0]
            if not name.startswith("-"):
                raise UsageError(f"unexpected argument: {unknown[0]}", f"{parser.prog} --help")
            raise UsageError(
                f"no such option: {name}{did_you_mean(name, parser.option_names())}", f"{parser.prog} --help"
            )
        return options

    def of(self, options: argparse.Namespace) -> Parser:
        """Return the parser of the command that was called."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                found = action.choices.get(getattr(options, action.dest, None) or "")
                if isinstance(found, Parser):
                    return found.of(options)
        return self

    def option_names(self) -> list[str]:
        return [name for action in self._actions for name in action.option_strings]

    def error(self, message: str) -> NoReturn:
        raise UsageError(message.removeprefix("argument "), f"{self.prog} --help")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Argparse asks here whether a value is one of the choices; of commands its own message lists all."""
        if action.choices is None or value in action.choices:
            return
        names = [str(name) for name in action.choices]
        if isinstance(action, argparse._SubParsersAction):
            raise UsageError(f"no such command: {value}{did_you_mean(str(value), names)}", f"{self.prog} --help")
        what = "/".join(action.option_strings) or action.metavar or action.dest
        raise UsageError(f"{what}: expected {listed(names)}, not {value!r}{did_you_mean(str(value), names)}")

    def format_help(self) -> str:
        if not self.groups:
            return super().format_help()
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        options = self._get_formatter()
        options.start_section("options")
        options.add_arguments([action for action in self._actions if action.option_strings])
        options.end_section()
        return f"{formatter.format_help()}\n{self.groups}\n{options.format_help()}\n{self.epilog or ''}".rstrip() + "\n"


def listed(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]]) if names[:-1] else names[0]


def refuse(options: argparse.Namespace, *pairs: tuple[str, str]) -> None:
    """Raise UsageError where an option is given without another, without which it does nothing. A pair is (option, the other)."""
    for option, needed in pairs:
        if is_given(options, option) and not is_given(options, needed):
            raise UsageError(f"{option} does nothing without {needed}")


def refuse_together(options: argparse.Namespace, *pairs: tuple[str, str]) -> None:
    """Raise UsageError where an option is given with another, with which it does nothing. A pair is (option, the other)."""
    for option, other in pairs:
        if is_given(options, option) and is_given(options, other):
            raise UsageError(f"{option} does nothing with {other}")


def is_given(options: argparse.Namespace, option: str) -> bool:
    value = getattr(options, option.lstrip("-").replace("-", "_"))
    return value is not None and value is not False


def number(text: str, expected: str, least: float) -> float:
    """Return the number that `text` is. Raises ArgumentTypeError for other text, an infinite number, and one below `least`."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < least:
        raise argparse.ArgumentTypeError(f"expected {expected}, not {text!r}")
    return value


def seconds(text: str) -> float:
    """Return seconds from 0 on."""
    return number(text, "a number of seconds from 0 on", 0)


def interval(text: str) -> float:
    """Return seconds of an interval, from 0.1 on: without a pause a host would do nothing but answer."""
    return number(text, "a number of seconds from 0.1 on", 0.1)


def count(text: str) -> int:
    """Return a whole number from 1 on."""
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, not {text!r}")
    return int(text)


def job_id(text: str) -> int:
    """Return the id of a job of pueue: a whole number from 0 on."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"expected the id of a job, a whole number from 0 on, not {text!r}")
    return int(text)


def size(text: str) -> int:
    """Return bytes, from text such as 100, 10M or 16G."""
    from pueue_skill.batches import items
    from pueue_skill.batches.model import BatchError

    try:
        found = items.size(text, "")
    except BatchError:
        found = 0
    if found <= 0:
        raise argparse.ArgumentTypeError(f"expected a size such as 500K, 10M or 16G, not {text!r}")
    return found


def day(text: str) -> object:
    import datetime as dt

    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a day as YYYY-MM-DD, not {text!r}") from None
