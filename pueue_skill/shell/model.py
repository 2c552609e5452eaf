"""What a Script would run, as values: Commands, their loops, ssh calls and hosts.

Positions are character offsets into the proposed command: `start` inclusive, `end` exclusive.
"""

from __future__ import annotations

from pueue_skill.shell.syntax import Redirect, Word
from pueue_skill.startup.record import NamedTuple

LOCAL = "local"
"""The name of the host on which the command is typed."""

LOGIN_SHELL = '"$SHELL"'
"""A host's login shell, as source for any shell: sshd puts it into the environment."""

KEEP_SHELL = " && true"
"""Text to append to the only command of a shell, so that the shell does not exec it: its environment stays readable in
/proc."""


class Loop(NamedTuple):
    """A loop or fan-out around a command: `kind` is for, while, until, select, xargs, parallel or find. `parallel`: several
    iterations run at once."""

    kind: str
    items: tuple[Word, ...]
    start: int
    end: int
    parallel: bool = False


class Construct(NamedTuple):
    """A construct on the way from the text to a command.

    `kind` is that of the compound command (subshell, for, if, …), or substitution, pipe (a part of a pipeline), text (for
    another shell), background (a list before `&`), and: a part of a list that runs only if earlier parts succeed or fail.
    """

    kind: str
    start: int
    end: int


class Ssh(NamedTuple):
    """The arguments of an ssh command.

    `options` are (name, value word or None) pairs. `payload` is the remote command line as ssh joins it, None without
    one. `static` is false if the local shell still has to expand something in it.
    """

    options: tuple[tuple[str, Word | None], ...]
    destination: Word
    remote: tuple[Word, ...]
    payload: str | None
    static: bool


class Detached(NamedTuple):
    """How a tool returns while its work continues: `how` is the tool with its option (`docker run -d`).

    `keeper` is the program that keeps the work running (Docker, systemd), empty for a background process. `queue` is
    true if the keeper also stores the output and the exit status.
    """

    how: str
    keeper: str = ""
    queue: bool = False

    def leaves(self, work: str) -> str:
        """The clause for messages: "docker run -d leaves train.py to Docker"."""
        return (
            f"{self.how} leaves {work} to {self.keeper}" if self.keeper else f"{self.how} runs {work} in the background"
        )


class FileSize(NamedTuple):
    """The size of a file, of all files of a folder, or of all matches of a glob, by the path as written.

    Without `exact` it has at least that many bytes.
    """

    path: str
    bytes: int
    exact: bool = True


class Command(NamedTuple):
    """One command to be run, without its wrappers, and its context.

    `words` begin with the program; `name` is its basename. `wrappers` are the programs around it (sudo, nice),
    outermost first. `hosts` are the hosts between this host and the command, and `carriers` the program that leads to each
    (ssh, kubectl exec); `via` the programs whose text it is in (ssh, bash, eval, heredoc). `loops` are the loops around it, `inside` the compound commands and
    substitutions.

    `cwd` is the folder that a `cd` earlier in the same list names, as written, or None. `then` is the operator that
    follows the command in its list. `pipe` is (index, length) in its pipeline. `background` is true after `&`.

    `detached` is set if the command, or a tool around it, returns while the work continues. `terminal` is the option
    that asks for a terminal (`docker exec -t`), `asks` the tool that asks for confirmation; both are empty otherwise.
    `reader` is what reads the exit status: `&&`, `||`, `$?`, if, while or until; empty without one. `around` are the
    redirects of the groups and loops around it and of an earlier `exec`. `path` leads from the text to the command; groups
    and eval are no steps. `sizes` are those of its input, as far as anybody looked (rules.sizes).
    """

    name: str
    words: tuple[Word, ...]
    assigns: tuple[Word, ...]
    redirects: tuple[Redirect, ...]
    wrappers: tuple[str, ...]
    hosts: tuple[str, ...]
    via: tuple[str, ...]
    loops: tuple[Loop, ...]
    background: bool
    pipe: tuple[int, int]
    inside: tuple[str, ...]
    cwd: str | None
    then: str
    ssh: Ssh | None
    start: int
    end: int
    detached: Detached | None = None
    terminal: str = ""
    asks: str = ""
    reader: str = ""
    around: tuple[Redirect, ...] = ()
    path: tuple[Construct, ...] = ()
    carriers: tuple[str, ...] = ()
    sizes: tuple[FileSize, ...] = ()

    @property
    def ssh_hosts(self) -> tuple[str, ...]:
        """The hosts to which ssh leads: other programs may lead to systems that share their files."""
        return tuple([host for host, carrier in zip(self.hosts, self.carriers, strict=True) if carrier == "ssh"])

    @property
    def attached(self) -> bool:
        """Whether the shell that starts the command waits until it ends."""
        return not self.background and self.detached is None

    @property
    def args(self) -> tuple[str, ...]:
        """The values of the words after the program."""
        return tuple([word.value for word in self.words[1:]])


class Host(NamedTuple):
    """A host with a queue.

    `ssh` is shell text: the quoted options and destination of ssh; empty for this host. `pueue` is the client's path on
    that host (the host expands a leading `~/`); empty means PATH and the usual places. `groups` are (name, jobs that
    run at once) pairs that the host should have; `group` is the default group. `path` are folders to put before the
    host's PATH. `options` are extra words for the submitting program (sbatch). `share` allows calls to share one ssh
    connection. `hops` is the number of further shells, on jump hosts, that read the text after `ssh`.
    `allocators` are programs that request resources from the host's queue, and so cannot run inside a job.
    """

    name: str
    ssh: str = ""
    pueue: str = ""
    backend: str = "pueue"
    groups: tuple[tuple[str, int], ...] = ()
    group: str = ""
    path: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    share: bool = True
    hops: int = 0
    allocators: tuple[str, ...] = ()
