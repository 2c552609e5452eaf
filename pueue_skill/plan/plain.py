"""The plan for a line of plain words that the user queues explicitly: a text in, the same Plan out as plan_for_run makes, or None.

Most commands of `run` are such lines. Their plan needs no parser and no rules, whose import takes longer than all the rest.
"""

from __future__ import annotations

from collections.abc import Mapping

from pueue_skill.plan.model import Plan
from pueue_skill.plan.work import Work, plan_of_work
from pueue_skill.shell.model import LOCAL, Host
from pueue_skill.startup.regex import regex

PLAIN_LINE = regex(r"[A-Za-z0-9_./=:,@%+-]+(?: [A-Za-z0-9_./=:,@%+-]+)*")
NOT_PLAIN = (
    "ssh",
    "slogin",
    "pueue",
    "nohup",
    "setsid",
    "tmux",
    "screen",
    "byobu",
    "daemonize",
    "start-stop-daemon",
    "dtach",
    "abduco",
    "zellij",
)
"""Parts of words that may give a text another plan than the text itself: ssh and what detaches."""


def plain_plan(text: str, hosts: Mapping[str, Host], target: str = LOCAL, cwd: str | None = None) -> Plan | None:
    """The plan for a plain line on a configured host; None for every other text and host."""
    here = hosts.get(target)
    if here is None or not PLAIN_LINE.fullmatch(text) or any(part in text for part in NOT_PLAIN):
        return None
    return plan_of_work("asked for", [Work(here, text)], cwd, target, None)
