"""Programs that run the command in their arguments: words in, the wrappers around a command and its own words out.

The tables hold the options of wrappers (sudo, env, uv run, docker run) that take a value; remote.py has those that run the
command elsewhere. Nothing is parsed or judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pueue_skill.shell.arguments import ArgSpec, basename, first_option, option_names, parse_options
from pueue_skill.shell.detaching import BEHAVIORS, CLUSTERS, COMPOSES, ENGINES, Behavior
from pueue_skill.shell.model import Command, Detached
from pueue_skill.shell.remote import CARRIERS, GCLOUD_OPTIONS, engine_host, host_of, terminal_of
from pueue_skill.shell.syntax import Word
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    Found = TypeVar("Found")


CONTAINER_RUN = ArgSpec(
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

CONTAINER_EXEC = ArgSpec("euw", "detach-keys env env-file preserve-fds user workdir", skip=1)

COMPOSE_RUN = ArgSpec(
    "elpuvw", "cap-add cap-drop entrypoint env env-from-file label name publish pull user volume workdir", skip=1
)

COMPOSE_EXEC = ArgSpec("euw", "env user workdir index", skip=1)

CLUSTER_RUN = ArgSpec(
    "cfklno",
    "annotations cascade container context cluster dry-run env field-manager filename grace-period image image-pull-policy kubeconfig kustomize labels "
    "namespace output overrides override-type pod-running-timeout port restart server template timeout token user",
    skip=1,
    late=True,
)
"""Options with a value of container engines (docker 28, podman 5) and of kubectl 1.32."""

PARALLEL = ArgSpec(
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
"""Options with a value of GNU parallel 20221122, in all spellings of its option table."""

WRAPPERS: dict[str, ArgSpec] = {
    "sudo": ArgSpec("ugpCDRTUhr", "user group prompt chdir chroot host role type other-user close-from", assigns=True),
    "doas": ArgSpec("uC", assigns=True),
    "env": ArgSpec("uC", "unset chdir", assigns=True),
    "nice": ArgSpec("n", "adjustment"),
    "ionice": ArgSpec("cnt", "class classdata"),
    "chrt": ArgSpec("TPD", skip=1),
    "timeout": ArgSpec("ks", "kill-after signal", skip=1),
    "gtimeout": ArgSpec("ks", "kill-after signal", skip=1),
    "time": ArgSpec("fo", "format output"),
    "nohup": ArgSpec(),
    "setsid": ArgSpec(),
    "stdbuf": ArgSpec("ioe", "input output error"),
    "unbuffer": ArgSpec(),
    "taskset": ArgSpec(skip=1),
    "numactl": ArgSpec("NmiC", "cpunodebind membind interleave physcpubind preferred"),
    "caffeinate": ArgSpec("tw"),
    "systemd-inhibit": ArgSpec("", "what who why mode"),
    "systemd-run": ArgSpec(
        "upEHM",
        "host machine unit property description slice service-type uid gid nice working-directory setenv path-property "
        "socket-property timer-property on-active on-boot on-startup on-unit-active on-unit-inactive on-calendar",
    ),
    "cgexec": ArgSpec("g"),
    "chronic": ArgSpec(),
    "strace": ArgSpec("eoOpsSuEIbaXP"),
    "ltrace": ArgSpec("aADeFlnopsuwx", "align config library output where"),
    "perf stat": ArgSpec(
        "CDeGIMoprtx",
        "cgroup control cpu cputype delay event field-separator filter for-each-cgroup interval-count interval-print log-fd metrics output pid post "
        "pre repeat td-level tid timeout",
    ),
    "perf record": ArgSpec(
        "CDFGcejkmoprtu",
        "affinity branch-filter call-graph cgroup clang-opt clang-path clockid control count cpu delay event filter freq max-size mmap-flush mmap-pages "
        "num-thread-synthesize output pid proc-map-timeout realtime switch-max-files switch-output-event synth tid uid vmlinux",
        optional="ISz",
    ),
    "perf trace": ArgSpec("CDeFGmoptu", "cgroup control cpu delay duration event expr filter-pids input kernel-syscall-graph mmap-pages output pid tid uid"),
    "valgrind": ArgSpec(),
    "cpulimit": ArgSpec("cePlp", "cpu exe limit path pid"),
    "faketime": ArgSpec("p", skip=1),
    "runuser": ArgSpec("Ggu", "group supp-group user"),
    "setpriv": ArgSpec(
        "",
        "ambient-caps apparmor-profile bounding-set egid euid groups inh-caps pdeathsig regid reuid rgid ruid securebits selinux-label",
    ),
    "unshare": ArgSpec(
        "GRSw", "boottime map-group map-groups map-user map-users monotonic propagation root setgid setgroups setuid wd"
    ),
    "firejail": ArgSpec(),
    "torsocks": ArgSpec("Papu", "address pass port user"),
    "torify": ArgSpec(),
    "proxychains": ArgSpec("f"),
    "proxychains4": ArgSpec("f"),
    "command": ArgSpec(),
    "exec": ArgSpec("a"),
    "builtin": ArgSpec(),
    "flock": ArgSpec("wEc", "timeout wait conflict-exit-code", skip=1),
    "xvfb-run": ArgSpec("enfpsw", "error-file server-num auth-file xauth-protocol server-args wait"),
    "srun": ArgSpec("nNcpJtDwxoeiAqCGd", "ntasks nodes cpus-per-task partition job-name time chdir gres mem account qos"),
    "salloc": ArgSpec("nNcpJtDwCqAGd", "ntasks nodes cpus-per-task partition job-name time chdir gres mem account qos"),
    "npx": ArgSpec("pc", "package"),
    "dotenv": ArgSpec("f", "file"),
    "uv run": ArgSpec("pCE", "with with-requirements with-editable python extra group env-file directory project package"),
    "poetry run": ArgSpec("C", "directory project"),
    "pixi run": ArgSpec("exw", "concurrent-downloads concurrent-solves environment executable manifest-path workspace"),
    **dict.fromkeys(
        ("uvx", "uv tool run"),
        ArgSpec(
            "bcfipPw",
            "build-constraints cache-dir config-file constraints default-index directory env-file exclude-newer extra-index-url find-links from index "
            "index-url overrides project python refresh-package upgrade-package with with-editable with-requirements",
        ),
    ),
    "bunx": ArgSpec("p", "package"),
    "pnpm dlx": ArgSpec("", "package"),
    "yarn dlx": ArgSpec("p", "package"),
    "pipx run": ArgSpec("", "spec python pip-args"),
    **dict.fromkeys(("pyenv exec", "rbenv exec", "nodenv exec", "asdf exec"), ArgSpec()),
    **dict.fromkeys(("nix develop", "nix shell", "guix shell", "guix environment", "chamber exec", "infisical run", "dotenvx run", "bwrap"), ArgSpec()),
    "devbox run": ArgSpec("ce", "config env env-file environment"),
    "railway run": ArgSpec("eps", "environment project service"),
    "pipenv run": ArgSpec(),
    "pdm run": ArgSpec("p", "project"),
    "hatch run": ArgSpec(),
    "rye run": ArgSpec(),
    "conda run": ArgSpec("np", "name prefix cwd"),
    "mamba run": ArgSpec("np", "name prefix cwd"),
    "micromamba run": ArgSpec("np", "name prefix cwd"),
    "mise exec": ArgSpec("Cjc", "cd jobs command"),
    "mise x": ArgSpec("Cjc", "cd jobs command"),
    "direnv exec": ArgSpec(skip=1),
    "sem": PARALLEL,
    **{f"{prefix} run": CONTAINER_RUN for engine in ENGINES for prefix in (engine, f"{engine} container")},
    **{f"{prefix} exec": CONTAINER_EXEC for engine in ENGINES for prefix in (engine, f"{engine} container")},
    **{f"{compose} run": COMPOSE_RUN for compose in COMPOSES},
    **{f"{compose} exec": COMPOSE_EXEC for compose in COMPOSES},
    **{f"{program} run": CLUSTER_RUN for program in CLUSTERS},
    **dict.fromkeys(
        ("singularity exec", "apptainer exec", "singularity run", "apptainer run"),
        ArgSpec("BHSW", "app bind cwd env env-file fusemount home hostname mount network overlay pwd scratch security workdir", skip=1),
    ),
    "op run": ArgSpec("", "env-file account"),
    "aws-vault exec": ArgSpec("td", "duration", skip=1),
    "doppler run": ArgSpec("pc", "project config"),
    **{name: carrier.spec for name, carrier in CARRIERS.items() if carrier.words == "argv"},
}  # fmt: skip

ELSEWHERE = frozenset(
    [
        *CARRIERS,
        *[
            f"{prefix} {verb}"
            for engine in ENGINES
            for prefix in (engine, f"{engine} container")
            for verb in ("run", "exec")
        ],
        *(
            "runuser",
            "setpriv",
            "unshare",
            "firejail",
            "bwrap",
            "torsocks",
            "torify",
            "proxychains",
            "proxychains4",
            "chamber exec",
            "infisical run",
        ),
        *("dotenvx run", "railway run", "op run", "aws-vault exec", "doppler run"),
        *[
            f"{prefix} {verb}"
            for prefix in (*COMPOSES, *CLUSTERS, "singularity", "apptainer")
            for verb in ("run", "exec")
        ],
    ]
)
"""Wrappers whose command runs in another system, or gets something from them that no other program gets (sshpass)."""

BEFORE: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("nix develop", "nix shell"), ("-c", "--command")),
    **dict.fromkeys(
        ("guix shell", "guix environment", "chamber exec", "infisical run", "dotenvx run", "bwrap"), ("--",)
    ),
    **{name: ("--",) for name, carrier in CARRIERS.items() if carrier.words == "argv" and carrier.dashes},
}
"""Wrappers with a word before the command: without it they run none."""

ENGINE_OPTIONS = ArgSpec(
    "Hclan",
    "config context host log-level tlscacert tlscert tlskey connection identity url root runroot namespace address",
)

COMPOSE_OPTIONS = ArgSpec("fp", "ansi env-file file parallel profile progress project-directory project-name")

TOOL_OPTIONS = {
    "uv": ArgSpec("", "directory project config-file"),
    "poetry": ArgSpec("C", "directory project"),
    **dict.fromkeys(("singularity", "apptainer"), ArgSpec("c", "config")),
    **dict.fromkeys(("minikube", "colima"), ArgSpec("p", "profile")),
    "juju": ArgSpec(),
    **dict.fromkeys(ENGINES, ENGINE_OPTIONS),
    **dict.fromkeys(
        CLUSTERS,
        ArgSpec(
            "nsv",
            "as as-group as-uid cache-dir certificate-authority client-certificate client-key cluster context kubeconfig log-flush-frequency namespace "
            "password profile profile-output request-timeout server tls-server-name token user username v vmodule",
        ),
    ),
    "helm": ArgSpec(
        "n",
        "burst-limit kube-apiserver kube-as-group kube-as-user kube-ca-file kube-context kube-tls-server-name kube-token kubeconfig namespace qps "
        "registry-config repository-cache repository-config",
    ),
    "gcloud": ArgSpec("", GCLOUD_OPTIONS),
    "az": ArgSpec("o", "output query subscription"),
    "tsh": ArgSpec(
        "Jikl", "add-keys-to-agent auth bind-addr callback cert-format cluster identity jumphost login mfa-mode mlock proxy ttl user"
    ),
    "tailscale": ArgSpec("", "socket"),
    **dict.fromkeys(("lxc", "incus"), ArgSpec("", "project")),
    **dict.fromkeys(("flyctl", "fly"), ArgSpec("t", "access-token")),
    "ip": ArgSpec("n", "netns"),
    **dict.fromkeys(("docker-compose", "podman-compose"), COMPOSE_OPTIONS),
    **dict.fromkeys(("apt", "apt-get"), ArgSpec("oct", "option config-file target-release")),
    **dict.fromkeys(("dnf", "yum"), ArgSpec("cdeRxC", "config enablerepo disablerepo releasever installroot setopt exclude repo")),
    **dict.fromkeys(("terraform", "tofu", "zypper", "flux", "hq", "nomad", "velero", "argo", "prefect"), ArgSpec()),
    "aws": ArgSpec("", "profile region output endpoint-url cli-read-timeout cli-connect-timeout ca-bundle query color"),
}  # fmt: skip
"""Options with a value between a tool's name and its subcommand (`uv --directory x run`)."""

FAN_OUT = {
    "xargs": ArgSpec("adEILnPs", "arg-file delimiter max-args max-procs max-chars process-slot-var", optional="eil"),
    "parallel": PARALLEL,
}  # fmt: skip


def subcommands(words: tuple[Word, ...]) -> tuple[str, tuple[Word, ...], tuple[Word, ...]]:
    """The name of the program in `words`, the tool's own options, and the words after them."""
    name, rest = basename(words[0].value), words[1:]
    if name in ("k3s", "microk8s") and rest and rest[0].value == "kubectl":
        return subcommands(rest)
    used = parse_options(rest, TOOL_OPTIONS[name])[1] if name in TOOL_OPTIONS else 0
    own, rest = rest[:used], rest[used:]
    if name in ENGINES and rest and rest[0].value == "compose":
        used = parse_options(rest[1:], COMPOSE_OPTIONS)[1]
        own, rest = (*own, *rest[1 : 1 + used]), (rest[0], *rest[1 + used :])
    if name == "gcloud" and rest and rest[0].value in ("alpha", "beta"):
        own, rest = (*own, rest[0]), rest[1:]
    return name, own, rest


def longest_entry(
    table: Mapping[str, Found], name: str, rest: tuple[Word, ...]
) -> tuple[str, Found, tuple[Word, ...]] | None:
    """The entry of `table` for a program with up to four subcommands, longest match first: its key, its value, the
    words after it."""
    for depth in (4, 3, 2, 1, 0):
        full = " ".join([name, *[word.value for word in rest[:depth]]])
        if full in table and len(rest) >= depth:
            return full, table[full], rest[depth:]
    return None


class Peeled(NamedTuple):
    """A wrapper: its name, the words that it runs, its own options, and its operands before the words."""

    name: str
    words: tuple[Word, ...]
    options: tuple[Word, ...]
    operands: tuple[Word, ...]


def peel(words: tuple[Word, ...]) -> Peeled | None:
    """The wrapper that `words` begin with, or None."""
    if not words:
        return None
    name, own, rest = subcommands(words)
    found = longest_entry(WRAPPERS, name, rest)
    if found is None:
        return None
    full, wrapper, rest = found
    if full == "command" and rest[:1] and rest[0].value in ("-v", "-V"):
        return None
    if full in BEFORE:
        begins = next((i for i, word in enumerate(rest) if word.value in BEFORE[full]), len(rest))
        inner = rest[begins + 1 :]
        operands = rest[parse_options(rest, wrapper)[1] : begins]
        return Peeled(full, inner, rest[:begins], operands) if inner else None
    options, used = parse_options(rest, wrapper)
    given = {option for option, _ in options}
    if (full == "flock" and given & {"-c", "--command"}) or (full == "runuser" and not given & {"-u", "--user"}):
        return None
    own, inner = (*own, *rest[:used]), rest[used:]
    while wrapper.assigns and inner and "=" in inner[0].value:
        inner = inner[1:]
    operands = inner[: wrapper.skip]
    if wrapper.skip:
        inner = inner[wrapper.skip :]
        used = parse_options(inner, wrapper)[1]
        own, inner = (*own, *inner[:used]) if wrapper.late else own, inner[used:]
    if inner and inner[0].value == "--":
        inner = inner[1:]
    if full == "mise exec" or full == "mise x":
        while inner and "@" in inner[0].value:
            inner = inner[1:]
        inner = inner[1:] if inner and inner[0].value == "--" else inner
    return Peeled(full, inner, own, operands) if inner else None


class ToolUse(NamedTuple):
    """A tool of BEHAVIORS in a command: its options, how to read them, and the position after its name.

    `wraps` is true for a wrapper, which has a command to run.
    """

    name: str
    behavior: Behavior
    options: tuple[Word, ...]
    spec: ArgSpec
    end: int
    wraps: bool

    @property
    def given(self) -> set[str]:
        """The names of the options given."""
        return option_names(self.options, self.spec)


class Unwrapped(NamedTuple):
    """A command without its wrappers.

    `wrappers` are their names, `uses` the tools of BEHAVIORS among them, `words` the command's own. `hosts` are the hosts to
    which the wrappers lead, outermost first, as (host, name of the wrapper) pairs. `terminal` is a wrapper with its option
    that asks for a terminal, empty without one.
    """

    wrappers: tuple[str, ...]
    uses: tuple[ToolUse, ...]
    words: tuple[Word, ...]
    hosts: tuple[tuple[str, str], ...]
    terminal: str


def unwrap(words: tuple[Word, ...], variables: Mapping[str, str] = MappingProxyType({})) -> Unwrapped:
    """The command in `words`, for which `variables` are set, without its wrappers."""
    wrappers: list[str] = []
    uses: list[ToolUse] = []
    hosts: list[tuple[str, str]] = []
    terminal = ""
    while words:
        name, own, rest = subcommands(words)
        tool = longest_entry(BEHAVIORS, name, rest)
        peeled = peel(words)
        if tool and (peeled is None or peeled.name == tool[0]):
            full, behavior, rest = tool
            named = [word.end for word in words if word not in rest and word not in own]
            spec = WRAPPERS[full] if peeled else FAN_OUT.get(full, ArgSpec(behavior.short))
            if full in FAN_OUT:
                rest = rest[: parse_options(rest, spec)[1]]
            uses.append(
                ToolUse(
                    full, behavior, peeled.options if peeled else (*own, *rest), spec, max(named), peeled is not None
                )
            )
        engine = engine_host(name, own, variables, TOOL_OPTIONS[name]) if name in ENGINES else ""
        if engine:
            hosts.append((engine, name))
        if peeled is None:
            break
        carrier = CARRIERS.get(peeled.name)
        if carrier is not None:
            options = parse_options(peeled.options, carrier.spec)[0]
            terminal = terminal or terminal_of(peeled.name, carrier, options)
            if not carrier.local:
                hosts.append((host_of(carrier, options, peeled.operands), peeled.name))
        wrappers.append(peeled.name)
        words = peeled.words
    return Unwrapped(tuple(wrappers), tuple(uses), words, tuple(hosts), terminal)


def only_as_written(command: Command) -> bool:
    """Whether no other program can take the place of the command: it runs in another system, or gets a password from its
    wrapper."""
    return not ELSEWHERE.isdisjoint(command.wrappers)


def detachment(use: ToolUse) -> Detached | None:
    """How the tool detaches its work, or None if it waits for it."""
    option = first_option(use.behavior.detaches, use.given)
    if option is None or first_option(use.behavior.waits, use.given):
        return None
    return Detached(f"{use.name} {option}".rstrip(), use.behavior.keeper, use.behavior.queue)


def terminal_option(use: ToolUse) -> str:
    """The tool and its option that asks for a terminal, empty without one. A tool that opens a terminal by default
    does not do so around a command."""
    option = first_option(use.behavior.terminal, use.given)
    return "" if option is None or (use.wraps and not option) else f"{use.name} {option}".rstrip()


def asks_for_confirmation(use: ToolUse) -> bool:
    """Whether the tool asks for confirmation, and no option answers."""
    return first_option(use.behavior.asks, use.given) is not None and not first_option(use.behavior.answered, use.given)
