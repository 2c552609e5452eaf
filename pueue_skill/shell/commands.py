"""What a Script would run: Script in, its Commands out, in the order in which they stand.

Wrappers are peeled (sudo, env, nice, timeout, uv run …), texts that another shell will read are read in turn (ssh, bash -c,
eval, heredocs), and each command is given the place where it stands: loop, pipeline, background, host. Nothing is judged
here, and nothing is expanded: what only the shell can know stays as it is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from pueue_skill.shell import quote
from pueue_skill.shell.detaching import ALWAYS, CLUSTERS, COMPOSES, CONDUCT, ENGINES, OPERAND, Conduct
from pueue_skill.shell.model import Command, Detached, Loop, Ssh
from pueue_skill.shell.parse import parse
from pueue_skill.shell.syntax import Chain, Compound, Node, Pipeline, Redirect, Script, Simple, Unparsed, Word
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    Found = TypeVar("Found")

VARIABLE = regex(r"\$\{?(\w+)\}?")

FALSE = ("false", "False", "FALSE", "f", "F", "0")
"""How an option of Go's programs is told that it does not hold."""
FORKS = regex(r"(?i)\s*ForkAfterAuthentication(\s*=\s*|\s+)yes\s*")

DEPTH = 8
"""How many shells inside shells are read (ssh, bash -c …); deeper ones are not followed."""


class Wrapper(NamedTuple):
    """A program that runs the command in its arguments.

    `short` are its one-letter options that take a value, `long` the long ones; `skip` words stand between its options
    and the command, with `late` more options after them. With `assigns`, NAME=value words may stand there too. `optional` are one-letter
    options with a value in the same word, or none.
    """

    short: str = ""
    long: str = ""
    skip: int = 0
    assigns: bool = False
    late: bool = False
    optional: str = ""


RUN = Wrapper(
    "acehlmpuvw",
    "add-host annotation attach blkio-weight blkio-weight-device cap-add cap-drop cgroup-parent cgroupns cidfile conmon-pidfile cpu-count "
    "cpu-percent cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares cpus cpuset-cpus cpuset-mems detach-keys device "
    "device-cgroup-rule device-read-bps device-read-iops device-write-bps device-write-iops dns dns-option dns-search domainname "
    "entrypoint env env-file expose gidmap gpus group-add health-cmd health-interval health-retries health-start-interval "
    "health-start-period health-timeout hostname hostuser init-path io-maxbandwidth io-maxiops ip ip6 ipc isolation kernel-memory label "
    "label-file link link-local-ip log-driver log-opt mac-address memory memory-reservation memory-swap memory-swappiness mount "
    "name network network-alias oom-score-adj pid pids-limit platform pod pod-id-file publish pull requires restart rootfs runtime "
    "sdnotify secret security-opt shm-size stop-signal stop-timeout storage-opt subgidname subuidname sysctl systemd timeout tmpfs "
    "uidmap ulimit umask unsetenv user userns uts variant volume volume-driver volumes-from workdir",
    skip=1,
)
EXEC = Wrapper("euw", "detach-keys env env-file preserve-fds user workdir", skip=1)
COMPOSE_RUN = Wrapper(
    "elpuvw", "cap-add cap-drop entrypoint env env-from-file label name publish pull user volume workdir", skip=1
)
COMPOSE_EXEC = Wrapper("euw", "env user workdir index", skip=1)
POD = Wrapper(
    "cfklno",
    "annotations cascade container context cluster dry-run env field-manager filename grace-period image image-pull-policy kubeconfig kustomize labels "
    "namespace output overrides override-type pod-running-timeout port restart server template timeout token user",
    skip=1,
    late=True,
)
"""The options of containers' engines that take a value, those of docker 28 and podman 5; of kubectl 1.32."""

PARALLEL = Wrapper(
    "BCDEHIJLNPSUWadjns",
    "_parset _test arg-file arg-file-sep arg-sep argfile argfilesep argsep basefile basenameextensionreplace basenamereplace bf bin block "
    "block-size block-timeout blocksize blocktimeout bner bnr bt col-sep colsep compress-program compressprogram ctag-string ctagstring "
    "debug decompress-program decompressprogram delay delimiter dirnamereplace dnr env er extensionreplace filter group-by groupby halt "
    "halt-on-error haltonerror header id jl joblog jobs limit linkinputsource load max-args max-chars max-procs max-replace-args maxargs "
    "maxchars maxprocs maxreplaceargs memfree memsuspend min-version minversion nice parens process-slot-var processslotvar profile recend "
    "recstart res result results retries return rpl rsync-opts rsyncopts semaphore-name semaphore-timeout semaphorename semaphoretimeout "
    "seqreplace shard shell-completion shellcompletion slf slotreplace sql sql-and-worker sql-master sql-worker sqlandworker sqlmaster "
    "sqlworker ssh ssh-delay sshdelay sshlogin sshloginfile st tag-string tagstring tempdir template term-seq termseq tf timeout tmpdir tmpl "
    "total total-jobs totaljobs transfer-file transfer-files transferfile transferfiles trc trim use-compress-program use-decompress-program "
    "usecompressprogram usedecompressprogram wd work-dir workdir xapplyinputsource",
    optional="eil",
)
"""The options of GNU parallel that take a value, all spellings that its own table of them has (20221122)."""

WRAPPERS: dict[str, Wrapper] = {
    "sudo": Wrapper("ugpCDRTUhr", "user group prompt chdir chroot host role type other-user close-from", assigns=True),
    "doas": Wrapper("uC", assigns=True),
    "env": Wrapper("uC", "unset chdir", assigns=True),
    "nice": Wrapper("n", "adjustment"),
    "ionice": Wrapper("cnt", "class classdata"),
    "chrt": Wrapper("TPD", skip=1),
    "timeout": Wrapper("ks", "kill-after signal", skip=1),
    "gtimeout": Wrapper("ks", "kill-after signal", skip=1),
    "time": Wrapper("fo", "format output"),
    "nohup": Wrapper(),
    "setsid": Wrapper(),
    "stdbuf": Wrapper("ioe", "input output error"),
    "unbuffer": Wrapper(),
    "taskset": Wrapper(skip=1),
    "numactl": Wrapper("NmiC", "cpunodebind membind interleave physcpubind preferred"),
    "caffeinate": Wrapper("tw"),
    "systemd-inhibit": Wrapper("", "what who why mode"),
    "systemd-run": Wrapper(
        "upEHM",
        "host machine unit property description slice service-type uid gid nice working-directory setenv path-property "
        "socket-property timer-property on-active on-boot on-startup on-unit-active on-unit-inactive on-calendar",
    ),
    "cgexec": Wrapper("g"),
    "chronic": Wrapper(),
    "strace": Wrapper("eoOpsSuEIbaXP"),
    "command": Wrapper(),
    "exec": Wrapper("a"),
    "builtin": Wrapper(),
    "watch": Wrapper("n", "interval"),
    "flock": Wrapper("wEc", "timeout wait conflict-exit-code", skip=1),
    "xvfb-run": Wrapper("enfpsw", "error-file server-num auth-file xauth-protocol server-args wait"),
    "srun": Wrapper("nNcpJtDwxoeiAqCGd", "ntasks nodes cpus-per-task partition job-name time chdir gres mem account qos"),
    "salloc": Wrapper("nNcpJtDwCqAGd", "ntasks nodes cpus-per-task partition job-name time chdir gres mem account qos"),
    "npx": Wrapper("pc", "package"),
    "dotenv": Wrapper("f", "file"),
    "uv run": Wrapper("pCE", "with with-requirements with-editable python extra group env-file directory project package"),
    "poetry run": Wrapper("C", "directory project"),
    "pipx run": Wrapper("", "spec python pip-args"),
    "pipenv run": Wrapper(),
    "pdm run": Wrapper("p", "project"),
    "hatch run": Wrapper(),
    "rye run": Wrapper(),
    "conda run": Wrapper("np", "name prefix cwd"),
    "mamba run": Wrapper("np", "name prefix cwd"),
    "micromamba run": Wrapper("np", "name prefix cwd"),
    "mise exec": Wrapper("Cjc", "cd jobs command"),
    "mise x": Wrapper("Cjc", "cd jobs command"),
    "direnv exec": Wrapper(skip=1),
    "sem": PARALLEL,
    **{f"{prefix} run": RUN for engine in ENGINES for prefix in (engine, f"{engine} container")},
    **{f"{prefix} exec": EXEC for engine in ENGINES for prefix in (engine, f"{engine} container")},
    **{f"{compose} run": COMPOSE_RUN for compose in COMPOSES},
    **{f"{compose} exec": COMPOSE_EXEC for compose in COMPOSES},
    **{f"{program} {verb}": POD for program in CLUSTERS for verb in ("exec", "run")},
    "singularity exec": Wrapper("B", "bind overlay pwd env", skip=1),
    "apptainer exec": Wrapper("B", "bind overlay pwd env", skip=1),
    "op run": Wrapper("", "env-file account"),
    "aws-vault exec": Wrapper("td", "duration", skip=1),
    "doppler run": Wrapper("pc", "project config"),
}  # fmt: skip

ENGINE_OPTIONS = Wrapper(
    "Hclan",
    "config context host log-level tlscacert tlscert tlskey connection identity url root runroot namespace address",
)
COMPOSE_OPTIONS = Wrapper("fp", "ansi env-file file parallel profile progress project-directory project-name")
TOOL_OPTIONS = {
    "uv": Wrapper("", "directory project config-file"),
    "poetry": Wrapper("C", "directory project"),
    **dict.fromkeys(ENGINES, ENGINE_OPTIONS),
    **dict.fromkeys(CLUSTERS, Wrapper("ns", "as as-group cache-dir certificate-authority cluster context kubeconfig namespace request-timeout server token user")),
    **dict.fromkeys(("docker-compose", "podman-compose"), COMPOSE_OPTIONS),
    **dict.fromkeys(("apt", "apt-get"), Wrapper("oct", "option config-file target-release")),
    **dict.fromkeys(("dnf", "yum"), Wrapper("cdeRxC", "config enablerepo disablerepo releasever installroot setopt exclude repo")),
    **dict.fromkeys(("terraform", "tofu", "zypper", "flux", "hq", "nomad", "velero", "argo", "prefect"), Wrapper()),
    "aws": Wrapper("", "profile region output endpoint-url cli-read-timeout cli-connect-timeout ca-bundle query color"),
}  # fmt: skip
"""The options of tools between their name and the subcommand."""

SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "fish", "ash"}
SSH = {"ssh", "autossh"}
SSH_VALUED = "BbcDEeFIiJLlmOopPQRSWw"
DETACHERS = {"tmux", "byobu", "screen", "daemonize", "start-stop-daemon", "dtach", "abduco", "zellij"}
FAN_OUT = {
    "xargs": Wrapper("adEILnPs", "arg-file delimiter max-args max-procs max-chars process-slot-var", optional="eil"),
    "parallel": PARALLEL,
}  # fmt: skip


class Place(NamedTuple):
    """Where a node stands; handed down while a Script is walked."""

    origin: Sequence[int]
    hosts: tuple[str, ...] = ()
    via: tuple[str, ...] = ()
    loops: tuple[Loop, ...] = ()
    background: bool = False
    pipe: tuple[int, int] = (0, 1)
    inside: tuple[str, ...] = ()
    then: str = ""
    reader: str = ""
    fed: tuple[str, Sequence[int]] | None = None
    """What an echo before it in the pipeline feeds it, with the places of the characters."""
    detached: Detached | None = None
    around: tuple[Redirect, ...] = ()
    variables: Mapping[str, Word] = MappingProxyType({})
    """What the text itself sets at its top, for texts that are nothing but such a variable."""

    def at(self, start: int, end: int) -> tuple[int, int]:
        """A span of the text at hand, as a span of the command that was proposed."""
        if start >= end or not self.origin:
            return self.origin[start], self.origin[start]
        return self.origin[start], self.origin[end - 1] + 1


def commands(script: Script) -> tuple[Command, ...]:
    """All commands that `script` would run, in order, those in nested shells and substitutions included."""
    known = {name: value for node in script.nodes for name, value in assigned(node)}
    return tuple(in_nodes(script.nodes, Place(range(len(script.text) + 1), variables=known)))


def assigned(node: Node) -> Iterator[tuple[str, Word]]:
    """The variables that `node` sets, for good, to what stands there."""
    if isinstance(node, Chain):
        for part in node.parts:
            yield from assigned(part)
    elif isinstance(node, Simple) and not node.words:
        for word in node.assigns:
            name, _, value = word.value.partition("=")
            at = len(name) + 1
            if name.isidentifier() and word.static and value:
                yield name, word._replace(text=value, value=value, origin=word.origin[at:])


def in_nodes(nodes: tuple[Node, ...], place: Place, cwd: str | None = None) -> Iterator[Command]:
    for node, reader in zip(nodes, readers(nodes, ("\n",) * len(nodes), place.reader), strict=True):
        yield from in_node(node, place._replace(then="\n", reader=reader), cwd)
        cwd = folder_after(node, cwd)
        place = place._replace(around=(*place.around, *redirected(node)))


def readers(nodes: Sequence[Node], operators: Sequence[str], last: str) -> Iterator[str]:
    """What reads the exit status of each of `nodes`, as Command.reader has it; `last` reads that of the last one."""
    for i, operator in enumerate(operators):
        if operator in ("&&", "||"):
            yield operator
        elif operator == "&":
            yield ""
        elif i + 1 == len(nodes):
            yield last
        else:
            yield "$?" if expands_status(nodes[i + 1]) else ""


def expands_status(node: Node) -> bool:
    """Whether the first command of `node` expands `$?`."""
    if isinstance(node, Chain | Pipeline):
        return bool(node.parts) and expands_status(node.parts[0])
    if isinstance(node, Compound) and node.test:
        return expands_status(node.test[0])
    words = node.words if isinstance(node, Compound) else (*node.assigns, *node.words)
    return any("$?" in word.value and not word.static for word in words)


def in_node(node: Node, place: Place, cwd: str | None) -> Iterator[Command]:
    if isinstance(node, Simple):
        yield from in_simple(node, place, cwd)
    elif isinstance(node, Pipeline):
        for i, part in enumerate(node.parts):
            fed = echoed(node.parts[i - 1]) if i else None
            reader = place.reader if i + 1 == len(node.parts) else ""
            yield from in_node(part, place._replace(pipe=(i, len(node.parts)), fed=fed, reader=reader), cwd)
    elif isinstance(node, Chain):
        read = readers(node.parts, node.operators, place.reader)
        for part, operator, reader in zip(node.parts, node.operators, read, strict=True):
            background = place.background or operator == "&"
            there = place._replace(background=background, then=operator or place.then, reader=reader)
            yield from in_node(part, there, cwd)
            cwd = folder_after(part, cwd)
            place = place._replace(around=(*place.around, *redirected(part)))
    else:
        yield from in_compound(node, place, cwd)


def folder_after(node: Node, cwd: str | None) -> str | None:
    """The folder in which what follows `node` runs."""
    if isinstance(node, Chain):
        for part in node.parts:
            cwd = folder_after(part, cwd)
    if isinstance(node, Simple) and len(node.words) == 2 and node.words[0].value in ("cd", "pushd"):
        return node.words[1].value
    return cwd


def redirected(node: Node) -> tuple[Redirect, ...]:
    """The redirects that `exec < file` makes, for good, for what follows `node`."""
    if isinstance(node, Chain):
        return tuple([redirect for part in node.parts for redirect in redirected(part)])
    return node.redirects if isinstance(node, Simple) and [word.value for word in node.words] == ["exec"] else ()


def in_redirects(node: Simple | Compound, place: Place, cwd: str | None) -> Iterator[Command]:
    """The substitutions in the targets and heredocs of a command's redirects."""
    for redirect in node.redirects:
        for word in (redirect.target, redirect.body):
            if word:
                yield from in_nodes(word.programs, place, cwd)


def in_compound(node: Compound, place: Place, cwd: str | None) -> Iterator[Command]:
    substitution = place._replace(inside=(*place.inside, "substitution"), pipe=(0, 1), reader="")
    for item in node.words:
        yield from in_nodes(item.programs, substitution, cwd)
    yield from in_redirects(node, substitution, cwd)
    kind = f"function {node.words[0].value}" if node.kind == "function" else node.kind
    around = (*place.around, *node.redirects)
    inner = place._replace(
        inside=(*place.inside, kind), pipe=(0, 1) if place.pipe[1] == 1 else place.pipe, around=around
    )
    if node.kind == "coproc":
        inner = inner._replace(background=True)
    if node.kind in ("coproc", "function"):
        inner = inner._replace(reader="")
    test = inner._replace(reader=node.kind)
    if node.kind in ("for", "while", "until", "select"):
        items = node.words[1:] if node.kind in ("for", "select") else ()
        loop = Loop(node.kind, items, *place.at(node.start, node.end))
        yield from in_nodes(node.test, test, cwd)
        inner = inner._replace(loops=(*place.loops, loop))
    else:
        yield from in_nodes(node.test, test, cwd)
    yield from in_nodes(node.body, inner, cwd)


def in_simple(node: Simple, place: Place, cwd: str | None) -> Iterator[Command]:
    substitution = place._replace(inside=(*place.inside, "substitution"), pipe=(0, 1), reader="")
    for word in (*node.assigns, *node.words):
        yield from in_nodes(word.programs, substitution, cwd)
    yield from in_redirects(node, substitution, cwd)
    if node.words:
        start = node.assigns[0].start if node.assigns else node.words[0].start
        yield from of_words(node.words, node, place, cwd, (), start)


def of_words(
    words: tuple[Word, ...], node: Simple, place: Place, cwd: str | None, wrappers: tuple[str, ...], start: int
) -> Iterator[Command]:
    """The command in `words`, and those that it carries."""
    peeled_off, uses, words = unwrapped(words)
    wrappers = (*wrappers, *peeled_off)
    if not words:
        return
    name = basename(words[0].value)
    detached = place.detached or next(filter(None, map(detaching, uses)), None)
    terminal = next(filter(None, map(asked_terminal, uses)), "")
    asks = next((use.name for use in uses if unanswered(use)), "")
    end = max(words[-1].end, max([r.end for r in node.redirects if r.end <= node.end], default=0))
    ssh = read_ssh(words) if name in SSH else None
    command = Command(
        name, words, node.assigns, node.redirects, wrappers, place.hosts, place.via, place.loops, place.background, place.pipe,
        place.inside, cwd, place.then, ssh, *place.at(start, end), detached=detached, terminal=terminal, asks=asks,
        reader=place.reader, around=place.around,
    )  # fmt: skip
    yield command
    if len(place.via) < DEPTH:
        if ssh and goes_to_background(ssh):
            detached = detached or Detached("ssh -f")
        yield from carried(command, node, place._replace(detached=detached), cwd)


def subcommands(words: tuple[Word, ...]) -> tuple[str, tuple[Word, ...], tuple[Word, ...]]:
    """The name of the program in `words`, the tool's own options, and what follows these."""
    name, rest = basename(words[0].value), words[1:]
    used = options(rest, TOOL_OPTIONS[name])[1] if name in TOOL_OPTIONS else 0
    own, rest = rest[:used], rest[used:]
    if name in ENGINES and rest and rest[0].value == "compose":
        used = options(rest[1:], COMPOSE_OPTIONS)[1]
        own, rest = (*own, *rest[1 : 1 + used]), (rest[0], *rest[1 + used :])
    return name, own, rest


def entry(table: Mapping[str, Found], name: str, rest: tuple[Word, ...]) -> tuple[str, Found, tuple[Word, ...]] | None:
    """The entry of `table` for a program and its subcommands, the most of them that it names, with what follows them."""
    for depth in (3, 2, 1, 0):
        full = " ".join([name, *[word.value for word in rest[:depth]]])
        if full in table and len(rest) >= depth:
            return full, table[full], rest[depth:]
    return None


class Peeled(NamedTuple):
    """A wrapper, the words that it runs, and its own options."""

    name: str
    words: tuple[Word, ...]
    options: tuple[Word, ...]


def peel(words: tuple[Word, ...]) -> Peeled | None:
    """The wrapper that `words` begin with, or None."""
    if not words:
        return None
    name, own, rest = subcommands(words)
    found = entry(WRAPPERS, name, rest)
    if found is None:
        return None
    full, wrapper, rest = found
    if full == "command" and rest[:1] and rest[0].value in ("-v", "-V"):
        return None
    said, used = options(rest, wrapper)
    if full == "flock" and any(option in ("-c", "--command") for option, _ in said):
        return None
    own, inner = (*own, *rest[:used]), rest[used:]
    while wrapper.assigns and inner and "=" in inner[0].value:
        inner = inner[1:]
    if wrapper.skip:
        inner = inner[wrapper.skip :]
        used = options(inner, wrapper)[1]
        own, inner = (*own, *inner[:used]) if wrapper.late else own, inner[used:]
    if inner and inner[0].value == "--":
        inner = inner[1:]
    if full == "mise exec" or full == "mise x":
        while inner and "@" in inner[0].value:
            inner = inner[1:]
        inner = inner[1:] if inner and inner[0].value == "--" else inner
    return Peeled(full, inner, own) if inner else None


def given(words: Sequence[Word], spec: Wrapper) -> set[str]:
    """The options among `words`, by their names; OPERAND when other words stand there too. `--tty=false` is none."""
    found: set[str] = set()
    while words:
        said, used = options(words, spec)
        found |= {option for option, value in said if value is None or value.value not in FALSE}
        for word in words[:used]:  # long options with one dash
            name, _, value = word.value.partition("=")
            found |= {name} if name[:1] == "-" and len(name) > 2 and value not in FALSE else set()
        if words[used:]:
            found.add(OPERAND)
        if used and words[used - 1].value == "--":
            break
        words = words[used + 1 :]
    return found


def among(names: str, found: set[str]) -> str | None:
    """The first of `names`, options apart by blanks, that is among `found`; empty where none is needed."""
    return next((name for name in names.split() if name in found), "" if ALWAYS in names.split() else None)


class Use(NamedTuple):
    """A tool of tools.py in a command: its options, how these are read, and where its name ends."""

    name: str
    conduct: Conduct
    options: tuple[Word, ...]
    spec: Wrapper
    end: int
    wraps: bool

    @property
    def given(self) -> set[str]:
        return given(self.options, self.spec)


def unwrapped(words: tuple[Word, ...]) -> tuple[tuple[str, ...], tuple[Use, ...], tuple[Word, ...]]:
    """The wrappers around the command in `words`, the tools of tools.py among them and it, and its own words."""
    wrappers: list[str] = []
    uses: list[Use] = []
    while words:
        name, own, rest = subcommands(words)
        tool = entry(CONDUCT, name, rest)
        peeled = peel(words)
        if tool and (peeled is None or peeled.name == tool[0]):
            full, conduct, rest = tool
            named = [word.end for word in words if word not in rest and word not in own]
            spec = WRAPPERS[full] if peeled else FAN_OUT.get(full, Wrapper(conduct.short))
            if full in FAN_OUT:
                rest = rest[: options(rest, spec)[1]]
            own = peeled.options if peeled else (*own, *rest)
            uses.append(Use(full, conduct, own, spec, max(named), peeled is not None))
        if peeled is None:
            break
        wrappers.append(peeled.name)
        words = peeled.words
    return tuple(wrappers), tuple(uses), words


def detaching(use: Use) -> Detached | None:
    option = among(use.conduct.detaches, use.given)
    if option is None or among(use.conduct.waits, use.given):
        return None
    return Detached(f"{use.name} {option}".rstrip(), use.conduct.keeper, use.conduct.queue)


def asked_terminal(use: Use) -> str:
    """The tool and the option by which it asks for a terminal, or nothing; a wrapper without options has a command to run."""
    option = among(use.conduct.terminal, use.given)
    return "" if option is None or (use.wraps and not option) else f"{use.name} {option}".rstrip()


def unanswered(use: Use) -> bool:
    return among(use.conduct.asks, use.given) is not None and not among(use.conduct.answered, use.given)


def options(words: Sequence[Word], spec: Wrapper) -> tuple[list[tuple[str, Word | None]], int]:
    """The options that `words` begin with, as (name, value) pairs, and how many words they take up."""
    valued_long = spec.long.split()
    found: list[tuple[str, Word | None]] = []
    i = 0
    while i < len(words):
        value = words[i].value
        if value == "--":
            return found, i + 1
        if value.startswith("--"):
            name, equals, _ = value.partition("=")
            if equals or name[2:] not in valued_long:
                rest = value[len(name) + 1 :]
                found.append((name, words[i]._replace(text=quote.word(rest), value=rest) if equals else None))
                i += 1
            else:
                found.append((name, words[i + 1] if i + 1 < len(words) else None))
                i += 2
            continue
        if len(value) < 2 or value[0] != "-":
            break
        i += 1
        for at, letter in enumerate(value[1:], 1):
            valued = letter in spec.short or (letter in spec.optional and at + 1 < len(value))
            if not valued and value[at + 1 : at + 2] == "=":  # as Go's programs write a boolean: -d=false
                rest = value[at + 2 :]
                found.append((f"-{letter}", words[i - 1]._replace(text=quote.word(rest), value=rest)))
                break
            if not valued:
                found.append((f"-{letter}", None))
            elif at + 1 < len(value):
                attached = words[i - 1]._replace(text=quote.word(value[at + 1 :]), value=value[at + 1 :])
                found.append((f"-{letter}", attached))
                break
            else:
                found.append((f"-{letter}", words[i] if i < len(words) else None))
                i += 1
                break
    return found, min(i, len(words))


def read_ssh(words: tuple[Word, ...]) -> Ssh | None:
    """How ssh(1) reads its arguments: options may stand before and after the destination; the rest is joined by spaces."""
    spec = Wrapper(SSH_VALUED + ("M" if basename(words[0].value) == "autossh" else ""))
    found, used = options(words[1:], spec)
    rest = words[1 + used :]
    if not rest:
        return None
    destination, rest = rest[0], rest[1:]
    more, used = options(rest, spec)
    remote = rest[used:]
    static = all(word.static for word in remote)
    payload = " ".join([word.value for word in remote]) if remote else None
    return Ssh((*found, *more), destination, remote, payload, static)


def goes_to_background(ssh: Ssh) -> bool:
    """Whether ssh returns once it is connected (-f), while the remote command goes on."""
    return any(
        name == "-f" or (name == "-o" and value is not None and FORKS.fullmatch(value.value))
        for name, value in ssh.options
    )


def host_name(destination: str) -> str:
    """The host in `user@host` or `ssh://user@host:port`."""
    host = destination.removeprefix("ssh://").rpartition("@")[2]
    return host.split(":")[0] if destination.startswith("ssh://") else host


def carried(command: Command, node: Simple, place: Place, cwd: str | None) -> Iterator[Command]:
    """The commands in the texts that `command` hands to another shell, or fans out over."""
    name, words = command.name, command.words
    if command.ssh:
        host = host_name(command.ssh.destination.value)
        there = place._replace(hosts=(*place.hosts, host), via=(*place.via, "ssh"), pipe=(0, 1), then="")
        inner = list(in_text(joined(command.ssh.remote), there)) if command.ssh.remote else []
        at_top = [i for i, c in enumerate(inner) if c.hosts == there.hosts and not c.inside and c.via == there.via]
        bodies = tuple([redirect for redirect in node.redirects if redirect.body])
        if len(at_top) == 1 and bodies:  # what ssh reads, its one command reads
            alone = inner[at_top[0]]
            inner[at_top[0]] = alone._replace(redirects=(*alone.redirects, *bodies))
        yield from inner
        if not command.ssh.remote or (inner and (reads_script(inner[-1]) or inner[-1].name in ("at", "batch"))):
            yield from in_heredoc(node, there)
    elif name in SHELLS:
        text = shell_text(words)
        if text:
            yield from in_text((text.value, text.origin), place._replace(via=(*place.via, name), pipe=(0, 1)), cwd)
        elif reads_script(command):
            yield from in_heredoc(node, place._replace(via=(*place.via, name)), cwd)
    elif name == "eval":
        yield from in_text(joined(words[1:]), place._replace(via=(*place.via, "eval")), cwd)
    elif name in ("at", "batch"):
        yield from in_heredoc(node, place._replace(background=True, via=(*place.via, name), reader=""), cwd)
    elif name in ("su", "runuser", "script", "flock", "watch", "nix-shell"):
        text = valued_option(words, {"-c", "--command", "--run"})
        if text:
            yield from in_text((text.value, text.origin), place._replace(via=(*place.via, name)), cwd)
    elif name in DETACHERS:
        detached = detached_words(words)
        if detached:
            there = place._replace(background=True, via=(*place.via, name), reader="")
            if len(detached) == 1:
                yield from in_text((detached[0].value, detached[0].origin), there, cwd)
            else:
                yield from of_words(detached, node, there, cwd, (name,), detached[0].start)
    elif name in FAN_OUT:
        inner_words, items = fan_out(words)
        if "--dry-run" not in command.args:
            loop = Loop(name, items, command.start, command.end)
            there = place._replace(loops=(*place.loops, loop), pipe=(0, 1))
            if not inner_words:  # parallel with nothing to run runs its items
                for item in items:
                    yield from in_text((item.value, item.origin), there._replace(via=(*place.via, name)), cwd)
            elif len(inner_words) == 1 and " " in inner_words[0].value:
                via = there._replace(via=(*place.via, name))
                yield from in_text((inner_words[0].value, inner_words[0].origin), via, cwd)
            else:
                yield from of_words(inner_words, node, there, cwd, (name,), inner_words[0].start)
    elif name in ("find", "fd", "fdfind"):
        for inner_words in find_execs(words):
            loop = Loop("find", (), command.start, command.end)
            there = place._replace(loops=(*place.loops, loop), pipe=(0, 1))
            yield from of_words(inner_words, node, there, cwd, ("find",), inner_words[0].start)


def joined(words: Sequence[Word]) -> tuple[str, Sequence[int]]:
    """The words' values joined by single spaces, as ssh and eval do, with the place of each character."""
    if len(words) == 1:
        return words[0].value, words[0].origin
    text = ""
    origin: list[int] = []
    for i, word in enumerate(words):
        if i:
            text += " "
            origin.append(words[i - 1].end)
        text += word.value
        origin.extend(word.origin)
    return text, origin


def in_text(carried_text: tuple[str, Sequence[int]], place: Place, cwd: str | None = None) -> Iterator[Command]:
    text, origin = carried_text
    variable = VARIABLE.fullmatch(text)
    if variable and variable[1] in place.variables and not place.hosts[1:]:
        value = place.variables[variable[1]]
        outermost = place._replace(origin=range(max(value.origin) + 2), variables=MappingProxyType({}))
        yield from in_text((value.value, value.origin), outermost, cwd)
        return
    script = parse(text)
    if isinstance(script, Unparsed) or not origin:
        return
    outer = place.origin
    where = [outer[at] for at in origin]
    where.append(where[-1] + 1)
    yield from in_nodes(script.nodes, place._replace(origin=where, fed=None), cwd)


def in_heredoc(node: Simple, place: Place, cwd: str | None = None) -> Iterator[Command]:
    """The commands in what a shell reads from a heredoc, a here-string, or an echo before it."""
    inner = place._replace(via=(*place.via, "heredoc"), pipe=(0, 1), fed=None, then="")
    for redirect in node.redirects:
        body = redirect.target if redirect.op == "<<<" else redirect.body
        if body is not None:
            yield from in_text((body.value, body.origin), inner, cwd)
    if place.fed:
        yield from in_text(place.fed, inner, cwd)


def echoed(node: Node) -> tuple[str, Sequence[int]] | None:
    """The text that an echo or a printf of words prints, or None."""
    if not isinstance(node, Simple) or len(node.words) < 2 or node.words[0].value not in ("echo", "printf"):
        return None
    words = node.words[1:]
    if node.words[0].value == "printf" and words[0].value.replace("\\n", "") in ("%s", "%s\n") and len(words) > 1:
        words = words[1:]
        text, origin = "", list[int]()
        for word in words:
            text += word.value + "\n"
            origin += [*word.origin, word.end]
        return text, origin
    return joined(words)


def reads_script(command: Command) -> bool:
    """Whether it is a shell that reads its commands from standard input."""
    if command.name not in SHELLS or shell_text(command.words):
        return False
    found, used = options(command.words[1:], Wrapper("oO"))
    return len(command.words) == 1 + used or ("-s", None) in found


def shell_text(words: Sequence[Word]) -> Word | None:
    """The text after a shell's -c (also in -lc, -ec …)."""
    for i, word in enumerate(words[1:], 1):
        if not word.value.startswith("-") or word.value.startswith("--"):
            return None
        if "c" in word.value:
            return words[i + 1] if i + 1 < len(words) else None
    return None


def valued_option(words: Sequence[Word], names: set[str]) -> Word | None:
    for i, word in enumerate(words[:-1]):
        if word.value in names:
            return words[i + 1]
    return None


def detached_words(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """What `tmux new -d …`, `screen -dm …` and their like run where nobody looks."""
    name = basename(words[0].value)
    if name in ("daemonize", "start-stop-daemon", "dtach", "abduco", "zellij"):
        return detached_by(name, words)
    if name == "screen" and "stuff" in [word.value for word in words]:
        return words[[word.value for word in words].index("stuff") + 1 :][:1]
    if name == "screen":
        found, used = options(words[1:], Wrapper("cehpSsTt"))
        detached = {"-d", "-m"} <= {option for option, _ in found} or "-D" in [option for option, _ in found]
        return words[1 + used :] if detached else ()
    _, used = options(words[1:], Wrapper("LSf"))
    rest = words[1 + used :]
    if not rest:
        return ()
    if rest[0].value in ("send-keys", "send"):
        _, used = options(rest[1:], Wrapper("tN"))
        return tuple([word for word in rest[1 + used :] if word.value not in ("Enter", "C-m", "ENTER", "")])
    if rest[0].value not in ("new", "new-session", "new-window", "neww", "split-window", "splitw"):
        return ()
    found, used = options(rest[1:], Wrapper("cFnstxyelp"))
    return rest[1 + used :] if ("-d", None) in found else ()


def detached_by(name: str, words: tuple[Word, ...]) -> tuple[Word, ...]:
    """What programs that do nothing but detach run."""
    if name == "start-stop-daemon":
        start = valued_option(words, {"--exec", "-x", "--startas", "-a"})
        values = [word.value for word in words]
        return (start, *words[values.index("--") + 1 :]) if start and "--" in values else (start,) if start else ()
    if name == "zellij":
        return words[[word.value for word in words].index("--") + 1 :] if "--" in [word.value for word in words] else ()
    valued = {"daemonize": "acelopuE", "dtach": "nAcEr", "abduco": "neS"}[name]
    _, used = options(words[1:], Wrapper(valued))
    return words[1 + used :]


def fan_out(words: tuple[Word, ...]) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
    """What xargs or parallel runs, and the items given after `:::`."""
    _, used = options(words[1:], FAN_OUT[basename(words[0].value)])
    rest = words[1 + used :]
    for i, word in enumerate(rest):
        if word.value in (":::", "::::", ":::+"):
            return rest[:i], rest[i + 1 :]
    return rest, ()


def find_execs(words: tuple[Word, ...]) -> Iterator[tuple[Word, ...]]:
    i = 0
    while i < len(words):
        if words[i].value in ("-exec", "-execdir", "-ok", "-okdir", "-x", "--exec", "-X", "--exec-batch"):
            stop = i + 1
            while stop < len(words) and words[stop].value not in (";", "+"):
                stop += 1
            if stop > i + 1:
                yield words[i + 1 : stop]
            i = stop
        i += 1


def basename(path: str) -> str:
    return path.rpartition("/")[2]
