"""The parser of arguments: raises UsageError with the nearest valid name, and lists commands in groups. And the types of option values."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from pueue_skill.cli.fast_argparse import argparse
from pueue_skill.startup.errors import UsageError, did_you_mean
from pueue_skill.startup.numbers import integer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


class Formatter(argparse.RawDescriptionHelpFormatter):
    """argparse's own without shutil, whose import takes as long as adding all options; argparse creates one for each option."""

    def __init__(self, prog: str) -> None:
        try:
            width = integer(os.environ.get("COLUMNS", "")) or os.get_terminal_size(1).columns
        except OSError:
            width = 0
        super().__init__(prog, width=(width or 80) - 2)


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises UsageError, and suggests the nearest valid word. In the help, `command_list` replaces the list of commands."""

    command_list: str = ""

    def __init__(self, *words: Any, **options: Any) -> None:
        options.setdefault("formatter_class", Formatter)
        super().__init__(*words, **options)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        options, unknown = self.parse_known_args(args, namespace)
        parser = self.called(options)
        if unknown:
            name = unknown[0].partition("=")[0]
            if not name.startswith("-"):
                raise UsageError(f"unexpected argument: {unknown[0]}", f"{parser.prog} --help")
            if name in parser.option_names():
                from pueue_skill.shell import quote

                command = parser.prog.split()
                others = [argument for argument in args or [] if argument != unknown[0]][len(command) - 1 :]
                raise misplaced(name, quote.line([*command, unknown[0], *others]))
            raise UsageError(
                f"no such option: {name}{did_you_mean(name, parser.option_names())}", f"{parser.prog} --help"
            )
        # argparse's `required` would report a missing command before a misspelled option.
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                parser.error(f"the following arguments are required: {action.metavar}")
        return options

    def called(self, options: argparse.Namespace) -> Parser:
        """Return the parser of the called command."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                parser = action.choices.get(getattr(options, action.dest, None) or "")
                if isinstance(parser, Parser):
                    return parser.called(options)
        return self

    def option_names(self) -> list[str]:
        return [name for action in self._actions for name in action.option_strings]

    def error(self, message: str) -> NoReturn:
        raise UsageError(message.removeprefix("argument "), f"{self.prog} --help")

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """Return the value of an option or argument. An option's value is not empty: `--label "$unset"` would mean no label, or every job.

        argparse makes an empty list of `--label=--`.
        """
        given = list(arg_strings)  # from which argparse removes `--`
        value = super()._get_values(action, arg_strings)
        if action.option_strings and given and value in ("", []):
            raise UsageError(
                f"{'/'.join(action.option_strings)}: expected {action.metavar or action.dest.upper()}, not {given[0]!r}"
            )
        return value

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Check that a value is one of the choices, for argparse, whose own message lists all commands."""
        if action.choices is None or value in action.choices:
            return
        names = [str(name) for name in action.choices]
        if isinstance(action, argparse._SubParsersAction):
            raise UsageError(f"no such command: {value}{did_you_mean(str(value), names)}", f"{self.prog} --help")
        name = "/".join(action.option_strings) or action.metavar or action.dest
        raise UsageError(f"{name}: expected {listed(names)}, not {value!r}{did_you_mean(str(value), names)}")

    def format_help(self) -> str:
        if not self.command_list:
            return super().format_help()
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        options = self._get_formatter()
        options.start_section("options")
        options.add_arguments([action for action in self._actions if action.option_strings])
        options.end_section()
        return (
            f"{formatter.format_help()}\n{self.command_list}\n{options.format_help()}\n{self.epilog or ''}".rstrip()
            + "\n"
        )


def misplaced(option: str, call: str) -> UsageError:
    """Return the error for an option of a command that precedes the command; `call` shows it in its place."""
    return UsageError(f"{option} belongs after the command: {call}")


def listed(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]]) if names[:-1] else names[0]


def refuse(options: argparse.Namespace, *pairs: tuple[str, str]) -> None:
    """Raise UsageError if an option is given without the one that it needs; a pair is (option, needed option)."""
    for option, needed in pairs:
        if is_given(options, option) and not is_given(options, needed):
            raise UsageError(f"{option} does nothing without {needed}")


def refuse_together(options: argparse.Namespace, *pairs: tuple[str, str]) -> None:
    """Raise UsageError if an option is given with another, with which it does nothing; a pair is (option, other option)."""
    for option, other in pairs:
        if is_given(options, option) and is_given(options, other):
            raise UsageError(f"{option} does nothing with {other}")


def is_given(options: argparse.Namespace, option: str) -> bool:
    value = getattr(options, option.lstrip("-").replace("-", "_"))
    return value is not None and value is not False


def number(text: str, expected: str, minimum: float) -> float:
    """Return `text` as a finite number of at least `minimum`. Raises ArgumentTypeError, which names what was `expected`."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < minimum:
        raise argparse.ArgumentTypeError(f"expected {expected}, not {text!r}")
    return value


def seconds(text: str) -> float:
    return number(text, "a number of seconds, at least 0", 0)


def interval(text: str) -> float:
    """Return an interval in seconds, at least 0.1: a shorter one would keep the hosts busy."""
    return number(text, "a number of seconds, at least 0.1", 0.1)


def count(text: str) -> int:
    value = integer(text)
    if not value:
        raise argparse.ArgumentTypeError(f"expected a whole number, at least 1, not {text!r}")
    return value


def job_id(text: str) -> int:
    value = integer(text)
    if value is None:
        raise argparse.ArgumentTypeError(f"expected the ID of a pueue job, not {text!r}")
    return value


def host_name(text: str) -> str:
    from pueue_skill.jobs import select

    if not select.is_host_name(text):
        raise argparse.ArgumentTypeError(f"expected the name of a host, not {text!r}")
    return text


def size(text: str) -> int:
    """Return a size in bytes, such as 100, 10M or 16G."""
    from pueue_skill.batches.sizes import parse_size

    try:
        size_bytes = parse_size(text)
    except ValueError:
        size_bytes = 0
    if size_bytes <= 0:
        raise argparse.ArgumentTypeError(f"expected a size such as 500K, 10M or 16G, not {text!r}")
    return size_bytes


def day(text: str) -> object:
    import datetime as dt

    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a day as YYYY-MM-DD, not {text!r}") from None
