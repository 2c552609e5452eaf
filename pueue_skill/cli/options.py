"""Options and arguments that several commands share, and the values that they take."""

from __future__ import annotations

import argparse


def add_notify(one: argparse.ArgumentParser, when: str = "") -> None:
    one.add_argument(
        "--notify",
        action="store_true",
        help=f"{when}tell the people of the configuration's [[notify]] what has happened too",
    )


def add_selection(one: argparse.ArgumentParser) -> None:
    """Which jobs are meant."""
    one.add_argument(
        "jobs",
        metavar="JOB",
        nargs="*",
        help="HOST:ID, a label or a key (the newest such job; NAME~1 is the one before it)",
    )
    one.add_argument("--label", metavar="PATTERN", help="all jobs whose label is like this (*, ?, [a-z])")
    one.add_argument("--group", metavar="NAME", help="all jobs of this group")
    one.add_argument(
        "--host",
        metavar="NAME",
        action="append",
        default=[],
        help="only on this host; may be repeated (default: on all)",
    )


def add_job(one: argparse.ArgumentParser) -> None:
    """What can be said of a job that is submitted."""
    one.add_argument("--group", help="the queue's group")
    one.add_argument("--label", help="a name for the job")
    one.add_argument("--key", help="what makes it the same job when it is submitted again (default: always a new job)")
    one.add_argument(
        "--stdin", action="store_true", help="give the job what comes on standard input, whole (default: nothing)"
    )
    one.add_argument(
        "--stdin-limit",
        metavar="SIZE",
        type=size,
        default=16 << 30,
        help="refuse standard input that is longer (default: 16G, at most 90 %% of the free space on the host)",
    )


def add_or_detach(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--or-detach",
        action="store_true",
        help="exit 0 and not 75 when the wait ends before the job does: nothing that follows depends on the job",
    )


def add_agent(one: argparse.ArgumentParser) -> None:
    from pueue_skill.agents.event import AGENTS

    one.add_argument("agent", metavar="AGENT", choices=AGENTS, help=", ".join(AGENTS))
    one.add_argument("--scope", choices=("user", "project"), default="user", help="whose settings (default: user)")
    one.add_argument("--dry-run", action="store_true", help="show what would be changed, and change nothing")


def size(text: str) -> int:
    from pueue_skill.batches import items as batch_items

    return batch_items.size(text, "--stdin-limit")


def seconds(text: str) -> float:
    value = float(text)
    if value < 0:
        raise ValueError
    return value


def day(text: str) -> object:
    import datetime as dt

    return dt.date.fromisoformat(text)
