"""A Plan and its parts: jobs, their resources, and the environment of a job on this host."""

from __future__ import annotations

from pueue_skill.shell.model import Host
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.plan.literals import Shell, Verdict


MINIMAL = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
    "XDG_DATA_HOME", "PUEUE_CONFIG_PATH",
)  # fmt: skip
"""The variables that every job gets, as shell patterns."""


class Environment(NamedTuple):
    """The variables of the submitting process that a job on this host gets; see config.EnvironmentTable."""

    mode: str = "full"
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


class Needs(NamedTuple):
    """Resources that a job requests from a queue that allocates them: `memory` in bytes, `seconds` of run time at
    most; 0 for the default."""

    memory: int = 0
    cpus: int = 0
    gpus: int = 0
    seconds: float = 0


class Each(NamedTuple):
    """A loop whose items only the shell knows: the loop itself submits one job per iteration.

    `before` and `after` are the loop's source around its body; `names` are the variables whose values each job gets.
    For xargs, between them: `xargs` is its source without `words`, the command that it runs, in which
    `placeholder` is replaced by an item; with None the items are appended.
    """

    before: str
    after: str
    names: tuple[str, ...] = ()
    xargs: str = ""
    words: str = ""
    placeholder: str | None = None


class Job(NamedTuple):
    """One unit in a queue. `command` is text for `shell`; a job submitted again with the same `key` is the same job.

    `after` are its dependencies (keys in a plan, ids in a submission): it starts when they have succeeded or, with
    `if_failed`, when they have ended. `stdin`: the submission contains its input; otherwise it has none. `split_output`
    stores stderr separately. `umask` and `nice` are those of the submitting process, None or 0 for the queue's. `each`
    makes it one job per iteration. Jobs with a higher `priority` start first.
    """

    key: str
    host: str
    backend: str
    group: str | None
    label: str | None
    cwd: str | None
    command: str
    after: tuple[str, ...] = ()
    if_failed: bool = False
    shell: Shell = "bash"
    stdin: bool = False
    split_output: bool = False
    each: Each | None = None
    priority: int = 0
    needs: Needs = Needs()
    umask: int | None = None
    nice: int = 0


class Plan(NamedTuple):
    """What to do with a command: jobs that do the same work, or the reason for none.

    `verdict` is queue or leave. With queue and no jobs, `in_place` is the command with `pueue-skill ssh` in place of
    ssh; if that is None too, only advice is safe, and `reason` says why.
    """

    verdict: Verdict
    reason: str
    jobs: tuple[Job, ...] = ()
    hosts: tuple[Host, ...] = ()
    in_place: str | None = None
