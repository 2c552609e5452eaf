"""Prompts about queued jobs: a prompt and the configured hosts in; out, the hosts that it names and what the agent should know of them."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from pueue_skill.hosts import client, poll
from pueue_skill.queues.model import Queue
from pueue_skill.shell import printable
from pueue_skill.shell.model import LOCAL, Host
from pueue_skill.startup.regex import regex

WORK = (
    r"(?:run|rerun|start|launch|queue|submit|schedule|execute|process|train|fine-?tune|backfill|populate|fill|(?:re)?build|"
    r"(?:re)?compute|(?:re)?generate|index|download|sync|sweep|simulate|backtest|evaluate|benchmark|render|migrate|import)"
)
MANY = r"(?:all|every|each|these|those|the|\d[\d,_]*)"
PHRASE = regex(
    rf"\b{WORK}\b[^.?!\n]{{0,80}}\b{MANY}\s+(?:\d[\d,_]*\s+)?(?:\w+\s+){{0,2}}(?:jobs|tasks|symbols|epochs|seeds|experiments|configs|shards|partitions|batches)\b"
    r"|\b(?:queue|submit|schedule)\s+(?:this|that|it|these|those|a|the|\d+)\b|\b(?:long[- ]running|batch[- ]processing|job queue|pueue)\b"
    r"|\bcache\s+population\b|\b(?:fill|populate|warm)\s+(?:up\s+)?(?:the\s+|our\s+)?(?:\w+\s+)?cache"
    rf"|\b{WORK}\b[^.?!\n]{{0,80}}\b(?:overnight|over\s+night|in\s+the\s+background|over\s+the\s+weekend|while\s+I\b)"
    r"|\b(?:on|to)\s+the\s+(?:GPU|workstation|cluster|remote)\b",
    2,  # re.IGNORECASE
)
ON_HOST = rf"\b{WORK}\b[^.?!\n]{{0,200}}\b(?:on|to|over\s+at|using|at)\s+(?:the\s+)?(?:NAMES)\b"


def named_hosts(prompt: str, hosts: Mapping[str, Host]) -> list[str] | None:
    """Return the hosts that a prompt names, if it asks for work that belongs in a queue; None if it does not."""
    low = prompt[:20_000].lower()
    named = [name for name in hosts if name != LOCAL and regex(rf"\b{pattern_of(name.lower())}\b").search(low)]
    if named and regex(ON_HOST.replace("NAMES", "|".join([pattern_of(name) for name in named])), 2).search(
        prompt[:20_000]
    ):
        return named
    return named if PHRASE.search(prompt[:20_000]) else None


def pattern_of(name: str) -> str:
    return name.replace(".", r"\.")  # a host's name contains no other special character (configuration.schema.Name)


def describe_hosts(hosts: list[Host], limit: float) -> str:
    """Return what the agent reads: the skill, and for each host its groups and how busy it is, if it answers within `limit` seconds."""
    lines = [
        "pueue-skill: this sounds like work for the job queue; the skill pueue-skill says how. "
        '`pueue-skill suggest "CMD"` gives the invocation for a command, `pueue-skill run [--host HOST] -- CMD` queues it.\n'
    ]
    left = poll.skipped_hosts()
    if hosts:
        with ThreadPoolExecutor(max_workers=len(hosts)) as pool:
            lines += pool.map(lambda host: describe_host(host, 0 if host.name in left else limit), hosts)
    return "".join(lines)


def describe_host(host: Host, limit: float) -> str:
    """Return one line about a host, which is not asked if `limit` is 0 seconds."""
    limits = ", ".join([f"{name} {count or 'without limit'}" for name, count in host.groups])
    try:
        queue = client.fetch_queue(host, limit) if limit else None
    except (client.Unreachable, OSError):
        queue = None
    if queue is None:
        return f"{host.name}: no answer now{f'; groups {limits}' if limits else ''}\n"
    return f"{host.name}: {describe_groups(queue)}{f'; load {printable.line(queue.load, 60)}' if queue.load else ''}\n"


def describe_groups(queue: Queue) -> str:
    """Return the groups of a queue with their running and waiting jobs."""
    parts = []
    for group in queue.groups:
        inside = [state.status for state in queue.states if state.group == group.name]
        waiting = inside.count("queued") + inside.count("stashed")
        parts.append(
            f"{printable.line(group.name, 60)} {inside.count('running')} of {group.limit or '∞'} running"
            + (f", {waiting} waiting" if waiting else "")
            + (f", {group.status}" if group.status != "running" else "")
        )
    return "; ".join(parts)
