"""What a Script would run, as values: the Commands in it, their loops, ssh calls and hosts.

All positions are character offsets, `start` inclusive and `end` exclusive, into the command as it was proposed.
"""

from __future__ import annotations

from pueue_skill.shell.syntax import Redirect, Word
from pueue_skill.startup.record import NamedTuple

LOCAL = "local"
"""The name of the host that the command itself is typed on."""


class Loop(NamedTuple):
    """A loop or fan-out around a command: `kind` is for, while, until, select, xargs, parallel or find."""

    kind: str
    items: tuple[Word, ...]
    start: int
    end: int


class Ssh(NamedTuple):
    """A call of ssh: what stands before the destination, the destination, what is run there.

    `options` are (name, value word or None) pairs; `payload` is the remote command line as ssh joins it, or None when
    there is none on the command line. `static` is false when this machine's shell still has something to expand in it.
    """

    options: tuple[tuple[str, Word | None], ...]
    destination: Word
    remote: tuple[Word, ...]
    payload: str | None
    static: bool


class Detached(NamedTuple):
    """How (`docker run -d`) a tool leaves work to `keeper`, or to the background, and returns.

    A `queue` among these keeps the output and the exit status.
    """

    how: str
    keeper: str = ""
    queue: bool = False

    def leaves(self, work: str) -> str:
        return (
            f"{self.how} leaves {work} to {self.keeper}" if self.keeper else f"{self.how} puts {work} in the background"
        )


class Command(NamedTuple):
    """One command to be run, with its wrappers peeled and the place where it stands.

    `words` begin with the program; `name` is its basename. `wrappers` are the programs peeled off, outermost first.
    `hosts` are the ssh destinations between here and it, `via` the programs that carried its text (ssh, bash, eval,
    heredoc …). `cwd` is the folder that a `cd` before it in the same list names, as written, or None. `then` is the
    operator after it in its list. `pipe` is its place in a pipeline and the pipeline's length. `detached` says which
    tool around it, or itself, leaves it to something else; `terminal` and `asks` name the options by which one asks for a
    terminal (`docker exec -t`), or the tool that asks before it acts, else they are empty. `reader` is what reads its exit
    status: `&&`, `||`, `$?`, or if, while, until; empty when nothing does. `around` are the redirects that hold for it too: those of the groups and loops
    around it, and of an `exec` before it.
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

    @property
    def attached(self) -> bool:
        """Whether the shell that starts it waits for its end."""
        return not self.background and self.detached is None

    @property
    def args(self) -> tuple[str, ...]:
        return tuple([word.value for word in self.words[1:]])


class Host(NamedTuple):
    """Where a queue lives.

    `ssh` is shell text: the options and destination for ssh, quoted; empty for this machine. `pueue` is the client's
    path there, a leading `~/` left for that machine to expand; empty means look in PATH and the usual places. `groups` are
    those that it should have, with the jobs that each runs at once; `group` is the one for jobs that name none. `path`
    are folders before its own PATH, a leading `~/` as above. `options` are further words for what submits a job there (sbatch).
    `share`: calls may share one connection of ssh. `hops`: further shells that read what stands after `ssh`, on the hosts on the way.
    `allocators`: programs that ask its queue for resources of their own, so that they cannot be part of a job.
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
