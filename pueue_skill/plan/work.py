"""The Work of jobs in, the Plan that submits it out."""

from __future__ import annotations

from pueue_skill.plan.model import Job, Plan
from pueue_skill.shell.model import Host
from pueue_skill.startup.digest import digest
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.plan.literals import Shell
    from pueue_skill.plan.model import Each


class Work(NamedTuple):
    """The text of one job. `after` are indexes of its dependencies in the same list; `note` is the reason why it is
    not split."""

    host: Host
    text: str
    shell: Shell = "bash"
    group: str | None = None
    label: str | None = None
    cwd: str | None = None
    after: tuple[int, ...] = ()
    if_failed: bool = False
    each: Each | None = None
    note: str = ""


def plan_of_work(reason: str, done: list[Work], cwd: str | None, target: str, group: str | None) -> Plan:
    """The plan that submits the work. Raises NotQueueable if two hosts have the same name."""
    hosts: dict[str, Host] = {}
    jobs: list[Job] = []
    for work in done:
        known = hosts.setdefault(work.host.name, work.host)
        if known.ssh != work.host.ssh:
            from pueue_skill.shell.ssh_target import NotQueueable  # which imports the parser

            raise NotQueueable(f"{work.host.name} is reached in two different ways")
        hosts[work.host.name] = known._replace(groups=tuple(dict.fromkeys((*known.groups, *work.host.groups))))
        job = job_for(work, cwd if work.host.name == target else None, group)
        same = [one for one in jobs if one.key.partition("-")[0] == job.key]
        jobs.append(job._replace(
            key=f"{job.key}-{len(same) + 1}" if same else job.key, after=tuple([jobs[i].key for i in work.after])
        ))  # fmt: skip
    notes = [work.note for work in done if work.note]
    return Plan(
        "queue", f"{reason}; it stays one job: {notes[0]}" if notes else reason, tuple(jobs), tuple(hosts.values())
    )


def job_for(work: Work, cwd: str | None, group: str | None = None) -> Job:
    """The Job of one Work."""
    cwd = work.cwd or cwd
    group = group or work.group or work.host.group or None
    return Job(
        job_key(work.host.name, cwd, group, work.label, work.text),
        work.host.name, work.host.backend, group, work.label, cwd, work.text,
        if_failed=work.if_failed, shell=work.shell, each=work.each,
    )  # fmt: skip


def job_key(*parts: str | None) -> str:
    """The key of a job defined by `parts`: 12 hexadecimal digits."""
    raw = "\0".join(["" if part is None else part for part in parts]).encode("utf-8", "surrogateescape")
    return digest(raw, 12)
