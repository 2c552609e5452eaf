"""The values that travel down the pipe, and nothing else.

Every stage takes one of these and returns another; none of them knows where it came from or how it is shown. They are
NamedTuples and not dataclasses because the hook imports this module on every interesting command: typing costs a third
of what dataclasses (which pulls in inspect) costs there. All positions are character offsets, `start` inclusive and
`end` exclusive, into the text of the Script that holds the node; those of Commands and Findings are into the command as
it was proposed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from pueue_skill.shell.kinds import Confidence, Parser, Result, Shell, Size, Status, Verdict


LOGIN = '"$SHELL"'
"""The login shell, as source for any shell: sshd puts it into the environment."""

STAYS = " && true"
"""After the one command of a login shell, of any: it does not give its place to that command, so that its environment can be looked at."""

MINIMAL = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
    "XDG_DATA_HOME", "PUEUE_CONFIG_PATH",
)  # fmt: skip
"""The variables, as patterns of a shell, that a job needs at least."""

LOCAL = "local"
"""The name of the host that the command itself is typed on."""


class Word(NamedTuple):
    """One shell word (POSIX 2.3): `text` as written, `value` after quote removal.

    In `value` expansions stand as they were written (`"$HOME/x"` has the value `$HOME/x`); `static` is true when there
    are none, so that `value` is exactly what the program receives. `origin[i]` is where `value[i]` stands in the
    source. `programs` are the command and process substitutions within.
    """

    text: str
    value: str
    static: bool
    start: int
    end: int
    origin: Sequence[int] = ()
    programs: tuple[Node, ...] = ()


class Redirect(NamedTuple):
    """`op` with its target, a heredoc's body included; `fd` is the number or {name} before the operator, or None."""

    op: str
    fd: str | None
    target: Word | None
    body: Word | None
    start: int
    end: int


class Simple(NamedTuple):
    """A simple command: assignments, words, redirects. `end` leaves out heredoc bodies."""

    assigns: tuple[Word, ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]
    start: int
    end: int


class Pipeline(NamedTuple):
    """Commands joined by `|` or `|&`; one, or none, behind the reserved words of `prefix` (`!`, time, time -p)."""

    parts: tuple[Node, ...]
    start: int
    end: int
    prefix: tuple[str, ...] = ()


class Chain(NamedTuple):
    """A list: `operators[i]` stands after `parts[i]` (`&&`, `||`, `;`, `&`, a newline); the last may be empty."""

    parts: tuple[Node, ...]
    operators: tuple[str, ...]
    start: int
    end: int


class Compound(NamedTuple):
    """A compound command or function definition.

    kind: subshell, group, for, while, until, if, case, select, function, coproc, arith or test. `words` are the loop's
    variable (or `((…;…;…))`) and items, the case word and all patterns, the function's or coproc's name, the `((…))`, or the
    operands and operators between `[[` and `]]`; `test` is a loop's or an if's condition.
    """

    kind: str
    words: tuple[Word, ...]
    test: tuple[Node, ...]
    body: tuple[Node, ...]
    redirects: tuple[Redirect, ...]
    start: int
    end: int


Node: TypeAlias = "Simple | Pipeline | Chain | Compound"


class Comment(NamedTuple):
    text: str
    start: int
    end: int


class Script(NamedTuple):
    """A parsed text. `parser` names the reader that understood it."""

    text: str
    nodes: tuple[Node, ...]
    comments: tuple[Comment, ...]
    parser: Parser


class Unparsed(NamedTuple):
    """A text that no reader understood; nothing is ever rewritten from it."""

    text: str
    reason: str


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


class Program(NamedTuple):
    """What a user says of a program: with all of `arguments` among its words it is long or quick, for a reason.

    `sure` is false where it is not the user who says it, but a project: then a finding is of medium confidence at most.
    """

    program: str
    arguments: tuple[str, ...]
    size: Size
    why: str
    sure: bool = True


class Environment(NamedTuple):
    """Which variables of the submitting process a job on this machine gets; as config.EnvironmentTable."""

    mode: str = "full"
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


class Preferences(NamedTuple):
    """What is configured and remembered of how commands are judged.

    `rules` maps rule IDs to off, medium or advice. `durations` maps the shape of a command to the seconds of its last
    runs, the latest last; from `long` seconds on a run is long.
    """

    rules: Mapping[str, str] = MappingProxyType({})
    programs: tuple[Program, ...] = ()
    durations: Mapping[str, tuple[float, ...]] = MappingProxyType({})
    long: float = 30


class Finding(NamedTuple):
    """What a rule says about a span. `rule` is its ID; `rewrite`: whether the plan may act on it."""

    rule: str
    name: str
    message: str
    confidence: Confidence
    start: int
    end: int
    rewrite: bool = True


class Host(NamedTuple):
    """Where a queue lives.

    `ssh` is shell text: the options and destination for ssh, quoted; empty for this machine. `pueue` is the client's
    path there, a leading `~/` left for that machine to expand; empty means look in PATH and the usual places. `groups` are
    those that it should have, with the jobs that each runs at once; `group` is the one for jobs that name none. `path`
    are folders before its own PATH, a leading `~/` as above. `options` are further words for what submits a job there (sbatch).
    `share`: calls may share one connection of ssh. `hops`: further shells that read what stands after `ssh`, on the hosts on the way.
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


class State(NamedTuple):
    """Where a job stands, as every backend reports it.

    status: queued, stashed, running, paused or done. result (when done): success, failed, killed, dependency, spawn or
    unknown; `exit_code` is the job's own where the backend knows one. Times are RFC 3339 text as the backend gave them.
    `errors` is where its standard error is kept, as sh source, when that is apart from its output. `due` is when a stashed one is
    to be queued by itself, where that is so.
    """

    id: str
    key: str | None
    status: Status
    result: Result | None
    exit_code: int | None
    detail: str
    group: str
    label: str | None
    cwd: str
    command: str
    after: tuple[str, ...]
    created: str
    started: str | None
    ended: str | None
    errors: str = ""
    due: str | None = None
    waits: tuple[str, ...] = ()


class Group(NamedTuple):
    """A group of a queue: `limit` jobs at once (0: no limit), `status` running or paused."""

    name: str
    limit: int
    status: str


class Queue(NamedTuple):
    """All that a queue tells of itself; `load` is that of its machine (uptime(1), 1 minute), empty where it is not told."""

    groups: tuple[Group, ...]
    states: tuple[State, ...]
    load: str = ""


class Submission(NamedTuple):
    """What became of a submission.

    `state` is None when the job is not in the queue; `error` then says why. `new` is false when a job with the same key
    was there before. `group` is the job's group where it is known. `differs` says how the job that was there before is another than
    the one that was to be submitted, in parts of a sentence.
    """

    state: State | None
    new: bool
    error: str
    group: Group | None
    differs: tuple[str, ...] = ()
