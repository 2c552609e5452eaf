"""A Plan and what it is made of: jobs, what each needs, and the environment that a job on this machine gets."""

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
"""The variables, as patterns of a shell, that a job needs at least."""


class Environment(NamedTuple):
    """Which variables of the submitting process a job on this machine gets; as config.EnvironmentTable."""

    mode: str = "full"
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


class Needs(NamedTuple):
    """What a job needs, where its queue gives that out (0: nothing is said): `memory` in bytes, `seconds` at most."""

    memory: int = 0
    cpus: int = 0
    gpus: int = 0
    seconds: float = 0


class Each(NamedTuple):
    """A loop whose items only the shell knows; the queue is given a job a turn.

    `before` and `after` are its shell text, around the body; `names` the variables whose values each job is given. Of an xargs, which
    stands between them, `xargs` is the source but for `words`, those that it runs: there `place` stands for an item or, where it is None,
    items come after them.
    """

    before: str
    after: str
    names: tuple[str, ...] = ()
    xargs: str = ""
    words: str = ""
    place: str | None = None


class Job(NamedTuple):
    """One unit in a queue. `command` is text for `shell`; `key` makes it the same job when it is submitted again.

    `after` are the jobs that it comes after (keys in a plan, ids in a submission): it is started when they have succeeded,
    or, with `if_failed`, when they have ended. `stdin`: it reads what comes with its submission, else nothing at all. With `split_output` its
    standard error is kept apart. `umask` and `nice` are those of the submitting process, where they are to hold. With `each` it is a job a turn. Of jobs that could start, those of higher `priority` do first.
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
    """What becomes of a command: jobs that do the same work, or a reason why there are none.

    verdict: queue or leave. With verdict queue and no jobs only advice is safe, and `reason` says why; or the work has to be
    waited for where it stands, and `in_place` is the command with `pueue-skill ssh` in place of ssh.
    """

    verdict: Verdict
    reason: str
    jobs: tuple[Job, ...] = ()
    hosts: tuple[Host, ...] = ()
    in_place: str | None = None
