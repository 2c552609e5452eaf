"""The kinds of queue, by name: each is a package whose modules together implement the Protocol Kind.

A new kind is a package with the modules of MODULES, and one line in KINDS. A module is imported when one of its members is first used,
because the hook needs only the invocation.
"""

from __future__ import annotations

from importlib import import_module

from pueue_skill.plan.model import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, cast

    from pueue_skill.queues.protocol import Kind

MODULES = {
    "invocation": ("invocation", "submissions"),
    "submit": ("submit_script", "read_submission"),
    "state": ("ID", "status_script", "read_status"),
    "follow": ("follow_script", "read_state", "tails_script", "failures_script"),
    "site": ("ALLOCATORS", "MANAGED", "RECORDS_OUTCOMES", "versions_script", "data_folder", "explain_failure", "with_advice"),
    "actions": ("UNSUPPORTED", "GROUP_VERBS", "action_script", "read_actions"),
    "batch": (
        "PACKS", "RESTARTS_IN_PLACE", "preflight_script", "read_preflight", "submission", "batch_script", "read_batch", "restart_script",
        "read_restart", "item_tails_script", "cancel_script", "capacity_script", "read_capacity",
    ),
}  # fmt: skip
"""The module of a kind's package that holds each member of the Protocol."""

MODULE_OF = {member: module for module, members in MODULES.items() for member in members}


class Package:
    """A kind of queue; its attributes are the members that its package defines."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, member: str) -> Any:
        if member not in MODULE_OF:
            raise AttributeError(member)
        value = getattr(import_module(f"pueue_skill.queues.{self.name}.{MODULE_OF[member]}"), member)
        setattr(self, member, value)
        return value


if TYPE_CHECKING:

    def package(name: str) -> Kind:
        return cast("Kind", Package(name))
else:
    package = Package

KINDS: dict[str, Kind] = {"pueue": package("pueue"), "slurm": package("slurm")}


def invocation(plan: Plan) -> str | None:
    """Return the shell text that submits `plan`, or that replaces its command; None if only advice is safe."""
    if plan.in_place is not None:
        return plan.in_place.rstrip("\n") + "\n"
    text = ""
    for host in plan.hosts:
        jobs = tuple([job for job in plan.jobs if job.host == host.name])
        try:
            text += KINDS[host.backend].invocation(jobs, host)
        except ValueError:
            return None
    return text or None
