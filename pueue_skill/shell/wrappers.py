"""Programs that run the command in their arguments: words in, the wrappers around a command and its own words out."""

from __future__ import annotations

from collections.abc import Mapping

from pueue_skill.shell.arguments import Wrapper, among, basename, given, options
from pueue_skill.shell.detaching import CLUSTERS, COMPOSES, CONDUCT, ENGINES, Conduct
from pueue_skill.shell.model import Detached
from pueue_skill.shell.syntax import Word
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    Found = TypeVar("Found")


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

FAN_OUT = {
    "xargs": Wrapper("adEILnPs", "arg-file delimiter max-args max-procs max-chars process-slot-var", optional="eil"),
    "parallel": PARALLEL,
}  # fmt: skip


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
