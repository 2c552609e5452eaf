"""Options and arguments that several commands share."""

from __future__ import annotations

import argparse

from pueue_skill.cli import parsing
from pueue_skill.startup.errors import UsageError

DEFAULT_STDIN_LIMIT_BYTES = 16 << 30


def add_notify(parser: argparse.ArgumentParser, condition: str = "") -> None:
    parser.add_argument(
        "--notify", action="store_true", help=f"{condition}also notify the [[notify]] targets of the configuration"
    )


def add_interval(parser: argparse.ArgumentParser, default: float | None, help: str) -> None:
    parser.add_argument("--every", metavar="S", type=parsing.interval, default=default, help=help)


def add_json(parser: argparse.ArgumentParser | argparse._MutuallyExclusiveGroup, schema: str, what: str) -> None:
    parser.add_argument("--json", action="store_true", help=f"print {what} as JSON (pueue-skill schema {schema})")


def add_quiet(parser: argparse.ArgumentParser, help: str) -> None:
    """Add --quiet, with which console.note prints nothing."""
    parser.add_argument("-q", "--quiet", action="store_true", help=help)


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the names and options that select jobs."""
    parser.add_argument(
        "jobs",
        metavar="JOB",
        nargs="*",
        help="HOST:ID, a label or a key (the newest such job; NAME~1 is the one before it)",
    )
    parser.add_argument("-l", "--label", metavar="PATTERN", help="select every job whose label matches (*, ?, [a-z])")
    parser.add_argument("-g", "--group", metavar="NAME", help="select every job of this group")
    add_hosts(parser, "select jobs of this host only; may be repeated (default: all hosts)")


def add_hosts(parser: argparse.ArgumentParser, help: str) -> None:
    parser.add_argument("--host", metavar="NAME", type=parsing.host_name, action="append", default=[], help=help)


def add_job(parser: argparse.ArgumentParser, short: bool) -> None:
    """Add the options of a submitted job; with `short`, also as one letter."""
    parser.add_argument(*(["-g"] if short else []), "--group", help="submit to this group of the queue")
    parser.add_argument(*(["-l"] if short else []), "--label", help="give the job a name")
    parser.add_argument(
        "--key", help="submit the job only if the queue has none with this key (default: always submit a new job)"
    )
    parser.add_argument("--stdin", action="store_true", help="pass all of stdin to the job (default: nothing)")
    parser.add_argument(
        "--stdin-limit",
        metavar="SIZE",
        type=parsing.size,
        help="refuse longer stdin (default: 16G, at most 90 %% of the free space on the host)",
    )


def stdin_limit(options: argparse.Namespace) -> int:
    """Return the limit of stdin in bytes. Raises UsageError if it is given without --stdin."""
    parsing.refuse(options, ("--stdin-limit", "--stdin"))
    return options.stdin_limit or DEFAULT_STDIN_LIMIT_BYTES


def add_waiting(parser: argparse.ArgumentParser, default: str, short: bool = False, follow: bool = False) -> None:
    """Add the options that limit how long a command waits for its job, `default` otherwise; with `follow`, --follow removes the limit."""
    limit = parser.add_mutually_exclusive_group()
    limit.add_argument(
        "--wait",
        metavar="S",
        type=parsing.seconds,
        help=f"wait at most S seconds, then exit 75 (default: {default})",
    )
    limit.add_argument(
        *(["-d"] if short else []),
        "--detach",
        action="store_true",
        help="print HOST:ID and exit once the job is queued",
    )
    if follow:
        limit.add_argument("-f", "--follow", action="store_true", help="wait until the job ends, without a timeout")
    parser.add_argument(
        "--or-detach",
        action="store_true",
        help="exit 0, not 75, when the wait ends before the job; use it if no later command depends on the job",
    )


def add_agent(parser: argparse.ArgumentParser) -> None:
    from pueue_skill.agents.event import AGENTS

    parser.add_argument("agent", metavar="AGENT", choices=AGENTS, help=", ".join(AGENTS))
    parser.add_argument(
        "--scope", choices=("user", "project"), default="user", help="whose settings to change (default: user)"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the changes without making them")
    add_json(parser, "changes", "the changes")


def refuse_names_with_patterns(options: argparse.Namespace) -> None:
    """Raise UsageError if jobs are selected by name and also by label or group."""
    if options.jobs and (options.label is not None or options.group):
        raise UsageError("select jobs by name, or by --label and --group, not both")


def add_command(parser: argparse.ArgumentParser, help: str) -> None:
    """Add the command to run as a job: everything from the first word that is not an option."""
    parser.add_argument("command", metavar="CMD", nargs=argparse.PARSER, help=help)


def command_of(options: argparse.Namespace) -> list[str]:
    """Return the words of the command. Raises UsageError if they seem to contain options of this program."""
    words: list[str] = options.command
    if words[0] == "--":  # Python 3.13 removes it
        return words[1:]
    if options.typed[-len(words) - 1] == "--":
        return words
    if "--" in words and hasattr(options, "after"):
        from pueue_skill.jobs import select

        if select.is_id(words[0].rpartition(":")[2]):
            raise UsageError(
                f"--after takes one job: repeat it, as in --after {words[0]}; or put -- before the command"
            )
    if len(words) > 1 and words[1].startswith("--") and any(char in words[0] for char in " ;|&<>"):
        raise UsageError(
            f"{words[1]} follows the command: put options of {options.name} before it; or put -- before the command"
        )
    return words
