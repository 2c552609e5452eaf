"""Programs that run a command on another host, or in another system of this host: the words after such a program in, the
host and the command out.

The table CARRIERS says for each program, or program and subcommand, where the host and the command stand, which shell reads
the command, and whether it needs a terminal or outlives its client. It is from each program's documentation: Debian's manual
pages, `--help`, and the sources of et, tsh, railway and boundary. `wrappers` and `nested` use it; nothing is parsed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pueue_skill.shell.arguments import FALSE_VALUES, ArgSpec, first_option, parse_options
from pueue_skill.shell.detaching import ALWAYS, OPERAND
from pueue_skill.shell.ssh_arguments import SSH_VALUE_OPTIONS, host_name
from pueue_skill.shell.syntax import Word
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.shell.literals import CarriedWords

Options = Sequence[tuple[str, "Word | None"]]
"""Options with their values, as parse_options returns them."""


class Carrier(NamedTuple):
    """How a program runs a command elsewhere. Lists of options are separated by blanks.

    `spec` are its options; `spec.skip` operands precede the command, and options may follow them if `spec.late` is true.
    `words` says what the words after these operands are: "argv", a program and its arguments; "text", joined by blanks for
    a shell; "ssh", the same after ssh options; empty, no command. With `dashes` only the words after `--` are. `text` are
    options whose value is a text for a shell; with `several` the next words are further lines of it.

    `host` are the options whose value is the host, OPERAND for the first operand; without any of them the host is called
    `noun`. `local`: it is another system or user of this host. `terminal` are options that ask for a terminal. `without`
    are options with which it runs no command there; with `modules` it does not if the value of an option of `modules[0]`, or
    the second operand for OPERAND, is none of the others. `outlives`: the command continues when the client is
    killed. `dash`: its long options have one dash.
    """

    spec: ArgSpec = ArgSpec()
    words: CarriedWords = ""
    text: str = ""
    host: str = OPERAND
    noun: str = "the host"
    dashes: bool = False
    several: bool = False
    local: bool = False
    terminal: str = ""
    without: str = ""
    modules: tuple[str, ...] = ()
    outlives: bool = False
    dash: bool = False


GCLOUD_OPTIONS = "access-token-file account billing-project configuration flags-file flatten format impersonate-service-account project trace-token verbosity"
GCLOUD_SSH = Carrier(
    ArgSpec(
        "",
        "batch-size cluster command config container dest-group local-host-port network node output-directory port region ssh-flag ssh-key-expiration "
        f"ssh-key-expire-after ssh-key-file strict-host-key-checking user worker zone {GCLOUD_OPTIONS}",
    ),
    "ssh", "--command", noun="the instance", dashes=True, without="--dry-run",
)  # fmt: skip
CLUSTER_EXEC = Carrier(
    ArgSpec(
        "cfnsv",
        "as as-group as-uid cache-dir certificate-authority client-certificate client-key cluster container context filename kubeconfig "
        "namespace pod-running-timeout request-timeout server shell timeout tls-server-name token user username",
        skip=1,
        late=True,
    ),
    "argv", noun="the pod", outlives=True,
)  # fmt: skip
CLUSTER_DEBUG = CLUSTER_EXEC._replace(
    spec=CLUSTER_EXEC.spec._replace(
        long=f"{CLUSTER_EXEC.spec.long} copy-to custom env image image-pull-policy profile set-image target", skip=0
    ),
    dashes=True,
)
KITTEN_SSH = Carrier(ArgSpec(SSH_VALUE_OPTIONS, "kitten", skip=1), "ssh", terminal=ALWAYS)
PARALLEL_SSH = Carrier(
    ArgSpec("HOXeghloptx", "errdir extra-arg extra-args host host-glob hosts options outdir par timeout user"),
    "text", host="-H --host", noun="the hosts",
)  # fmt: skip
CLUSTER_SSH = Carrier(
    ArgSpec("CKLTaceloprtxy", "action autoclose cluster-file cols config-file evaluate font list options port rows tag-file term-args title username"),
    text="-a --action", noun="the hosts", terminal=ALWAYS,
)  # fmt: skip
FLY_SSH = Carrier(
    ArgSpec("ACacgortu", "access-token address app command config container machine org process-group region user"),
    text="-C --command", host="--machine -a --app", noun="the app's machine", terminal="--pty",
)  # fmt: skip
AZ_RUN_COMMAND = Carrier(
    ArgSpec("gno", "command-id ids instance-id name output parameters query resource-group scripts subscription"),
    text="--scripts", host="-n --name --ids", noun="the virtual machine", several=True, outlives=True,
)  # fmt: skip
INSTANCE_EXEC = Carrier(
    ArgSpec("", "cwd env group mode project user", skip=1, late=True),
    "argv",
    local=True,
    terminal="-t --force-interactive",
)
CODESPACE_SSH = Carrier(
    ArgSpec("Rc", "codespace debug-file profile repo repo-owner server-port"),
    "ssh",
    host="-c --codespace",
    noun="the codespace",
)
HEROKU_RUN = Carrier(ArgSpec("aers", "app env remote size type"), "text", host="-a --app", noun="the dyno")
MACHINE_SSH = Carrier(ArgSpec("np", "node profile"), "text", host="-p --profile", noun="the virtual machine")
ANSIBLE_MODULES = ("command", "shell", "raw", "script", "win_shell", "win_command", "expect")

CARRIERS: Mapping[str, Carrier] = {
    # over ssh, or instead of it
    "mosh": Carrier(
        ArgSpec("p", "bind-server client experimental-remote-ip family port predict server ssh", skip=1), "argv", terminal=ALWAYS, outlives=True,
    ),
    "et": Carrier(
        ArgSpec(
            "Fcklopcrtuv",
            "command host jport jserverfifo jumphost keepalive logdir port reversetunnel serverfifo ssh-config ssh-option ssh-socket "
            "terminal-path tunnel username verbose",
        ),
        text="-c --command", terminal=ALWAYS, outlives=True,
    ),
    "plink": Carrier(
        ArgSpec("DLPRilm", "hostkey load logappend nc proxycmd pw pwfile sercfg sessionlog sshlog sshrawlog", skip=1), "text", terminal="-t", dash=True,
    ),
    "dbclient": Carrier(ArgSpec("BIJKLRWbcilmop", skip=1), "text", terminal="-t"),
    "rsh": Carrier(ArgSpec("l", skip=1), "text"),
    "kitty +kitten ssh": KITTEN_SSH,
    "kitten ssh": KITTEN_SSH,
    "tsh ssh": Carrier(
        ArgSpec(
            "DJLRciklop",
            "add-keys-to-agent auth bind-addr callback cert-format cluster dynamic-forward forward identity jumphost log-dir login mfa-mode mlock "
            "option participant-req port proxy reason remote-forward request-mode request-reason ttl user",
            skip=1,
        ),
        "text", terminal="-t --tty", without="--local",
    ),
    "tailscale ssh": Carrier(ArgSpec(skip=1), "ssh"),
    "boundary connect ssh": Carrier(
        ArgSpec(
            "",
            "addr authz-token ca-cert ca-path client-cert client-key exec format host-id keyring-type listen-addr listen-port remote-command style "
            "target-id target-name target-scope-id target-scope-name tls-server-name token token-name username",
        ),
        text="--remote-command", host=f"--target-id --target-name {OPERAND}", noun="the target", dash=True,
    ),
    # many hosts at once
    "pdsh": Carrier(ArgSpec("FMPRXfgjltuwx"), "text", host="-w", noun="the hosts"),
    "clush": Carrier(
        ArgSpec(
            "ORXfglmostuwx",
            "command_timeout conf connect_timeout dest errdir fanout group groupsconf groupsource hostfile machinefile mode option options outdir "
            "pick remote topology user worker",
        ),
        "text", host="-w", noun="the nodes", without="-c --copy --rcopy",
    ),
    "pssh": PARALLEL_SSH,
    "parallel-ssh": PARALLEL_SSH,
    "dsh": Carrier(
        ArgSpec("FNbfgmor", "bufsize file forklimit group machine num-topology remoteshell remoteshellopt"),
        "text", host="-m --machine", noun="the hosts",
    ),
    "cssh": CLUSTER_SSH,
    "clusterssh": CLUSTER_SSH,
    "fab": Carrier(
        ArgSpec(
            "DFHSTcfirt",
            "collection command-timeout config connect-timeout hide hosts identity list-depth list-format print-completion-script search-root ssh-config",
        ),
        "text", host="-H --hosts", noun="the hosts", dashes=True, terminal="-p --pty", without="-R --dry",
    ),
    "ansible": Carrier(
        ArgSpec(
            "BMPTacefilmtu",
            "args background become-method become-password-file become-user connection connection-password-file extra-vars forks inventory "
            "inventory-file limit module-name module-path playbook-dir poll private-key scp-extra-args sftp-extra-args ssh-common-args "
            "ssh-extra-args task-timeout timeout tree user vault-id vault-password-file",
        ),
        text="-a --args", noun="the hosts", without="-C --check --list-hosts", modules=("-m --module-name", *ANSIBLE_MODULES),
    ),
    "salt": Carrier(
        ArgSpec(
            "ITbclt",
            "args-separator auth batch batch-safe-limit batch-safe-size batch-wait config-dir eauth failhard gather-job-timeout log-file log-file-level "
            "log-level module-executors out out-file out-file-append out-indent output output-file password return return_config return_kwargs "
            "state-output subset timeout username",
            skip=2,
        ),
        "text", noun="the minions", without="--async", modules=(OPERAND, "run", "run_all", "run_stdout", "run_bg", "shell", "script"), outlives=True,
    ),
    # clouds and their machines
    **dict.fromkeys(
        ("gcloud compute ssh", "gcloud compute tpus tpu-vm ssh", "gcloud compute tpus queued-resources ssh", "gcloud workstations ssh"),
        GCLOUD_SSH,
    ),
    "gcloud cloud-shell ssh": GCLOUD_SSH._replace(host="", noun="Cloud Shell"),
    "az ssh vm": Carrier(
        ArgSpec(
            "cginop",
            "certificate-file hostname ip local-user name output port private-key-file public-key-file query resource-group resource-type "
            "ssh-client-folder ssh-proxy-folder subscription vm-name",
        ),
        "ssh", host="--ip --hostname -n --name --vm-name", noun="the virtual machine", dashes=True,
    ),
    "az vm run-command invoke": AZ_RUN_COMMAND,
    "az vmss run-command invoke": AZ_RUN_COMMAND,
    "aws ecs execute-command": Carrier(
        ArgSpec("", "cluster command container output profile query region task"),
        text="--command", host="--task", noun="the task", terminal=ALWAYS,
    ),
    "aws ssm start-session": Carrier(
        ArgSpec("", "document-name output parameters profile query reason region target"), host="--target", noun="the instance", terminal=ALWAYS,
    ),
    "flyctl ssh console": FLY_SSH,
    "fly ssh console": FLY_SSH,
    "heroku run": HEROKU_RUN,
    "heroku run:detached": HEROKU_RUN._replace(outlives=True),
    "doctl compute ssh": Carrier(
        ArgSpec("ctu", "access-token api-url config context interactive output ssh-command ssh-key-path ssh-port ssh-retry-max ssh-user"),
        text="--ssh-command", noun="the droplet",
    ),
    "eb ssh": Carrier(
        ArgSpec("ceinr", "command custom instance number profile region timeout"), text="-c --command", noun="the instance"
    ),
    "devpod ssh": Carrier(
        ArgSpec("LRW", "agent-forwarding command context forward-ports forward-ports-timeout provider user workdir"), text="--command", noun="the workspace",
    ),
    "coder ssh": Carrier(
        ArgSpec("Rel", "env identity-agent log-dir remote-forward token url wait workspace-poll-interval", skip=1), "text", noun="the workspace"
    ),
    "juju ssh": Carrier(ArgSpec("m", "container model", skip=1), "ssh", noun="the unit"),
    "railway ssh": Carrier(
        ArgSpec("deps", "deployment-instance environment project service"), "text", host="-s --service", noun="the service"
    ),
    "gh codespace ssh": CODESPACE_SSH,
    "gh cs ssh": CODESPACE_SSH,
    # clusters and virtual machines
    "kubectl exec": CLUSTER_EXEC,
    "oc exec": CLUSTER_EXEC,
    "oc rsh": CLUSTER_EXEC,
    "kubectl debug": CLUSTER_DEBUG,
    "oc debug": CLUSTER_DEBUG,
    "minikube ssh": MACHINE_SSH,
    "colima ssh": MACHINE_SSH,
    "vagrant ssh": Carrier(ArgSpec("c", "command"), "ssh", "-c --command", noun="the virtual machine", dashes=True),
    "multipass exec": Carrier(ArgSpec("d", "working-directory", skip=1, late=True), "argv", noun="the virtual machine"),
    "limactl shell": Carrier(ArgSpec("", "shell workdir", skip=1), "argv", noun="the virtual machine"),
    # other systems of this host
    "lxc exec": INSTANCE_EXEC,
    "incus exec": INSTANCE_EXEC,
    "crictl exec": Carrier(
        ArgSpec("er", "config env image-endpoint runtime-endpoint timeout transport user", skip=1), "argv", local=True, terminal="-t --tty"
    ),
    "pct exec": Carrier(ArgSpec("", "keep-env", skip=1), "argv", local=True),
    "lxc-attach": Carrier(
        ArgSpec("LPafglnosuv", "arch gid lxcpath logfile logpriority name namespaces pty-log rcfile set-var uid"), "argv", local=True
    ),
    "jexec": Carrier(ArgSpec("Udu", skip=1), "argv", local=True),
    "schroot": Carrier(ArgSpec("cdnosu", "chroot directory option session-name shell user"), "argv", local=True),
    "arch-chroot": Carrier(ArgSpec("u", skip=1), "argv", local=True),
    "distrobox enter": Carrier(ArgSpec("an", "additional-flags name"), "argv", local=True, dashes=True),
    "toolbox run": Carrier(ArgSpec("cdr", "container distro preserve-fds release"), "argv", local=True),
    "wsl": Carrier(ArgSpec("du", "cd distribution shell-type user"), "argv", local=True),
    "wsl.exe": Carrier(ArgSpec("du", "cd distribution shell-type user"), "argv", local=True),
    "chroot": Carrier(ArgSpec("", "groups userspec", skip=1), "argv", local=True),
    "nsenter": Carrier(ArgSpec("GSWt", "setgid setuid target wdns", optional="CTUimnpruw"), "argv", local=True),
    "ip netns exec": Carrier(ArgSpec(skip=1), "argv", local=True),
    "systemd-nspawn": Carrier(
        ArgSpec(
            "DELMSZipu",
            "ambient-capability bind bind-ro bind-user capability chdir console cpu-affinity directory drop-capability hostname image inaccessible "
            "kill-signal link-journal load-credential machine network-bridge network-interface network-ipvlan network-macvlan "
            "network-namespace-path network-veth-extra network-zone no-new-privileges notify-ready oci-bundle oom-score-adjust overlay overlay-ro "
            "personality pivot-root port private-users-ownership property register resolv-conf rlimit root-hash root-hash-sig selinux-apifs-context "
            "selinux-context set-credential setenv settings slice suppress-sync system-call-filter template timezone tmpfs user uuid verity-data",
        ),
        "argv", local=True,
    ),
    "machinectl shell": Carrier(
        ArgSpec("EHMnops", "host lines machine output property setenv signal uid", skip=1), "argv", local=True, terminal=ALWAYS
    ),
    "sshpass": Carrier(ArgSpec("Pdfp"), "argv", local=True),
    "watch": Carrier(ArgSpec("nqs", "equexit interval shotsdir", optional="d"), "text", local=True, terminal=ALWAYS),
}  # fmt: skip


class Carried(NamedTuple):
    """A command that a carrier runs: the carrier's name, the host, and the texts and words of the command.

    `words` are those of `carrier.words`, without ssh options. `terminal` is the carrier with its option that asks for a
    terminal, empty without one.
    """

    name: str
    carrier: Carrier
    host: str
    texts: tuple[Word, ...]
    words: tuple[Word, ...]
    terminal: str


LONG_OPTION = regex(r"-[a-z][a-z-]+(?:=.*)?", 16)  # re.DOTALL


def read_carried(name: str, carrier: Carrier, rest: tuple[Word, ...]) -> Carried:
    """The command in `rest`, the words after the carrier's name."""
    written = rest
    if carrier.dash:
        rest = tuple(
            [
                w._replace(value=f"-{w.value}", origin=(*w.origin[:1], *w.origin))
                if LONG_OPTION.fullmatch(w.value)
                else w
                for w in rest
            ]
        )
    options, operands, words = split_words(carrier, rest)
    words = written[len(written) - len(words) :]
    ssh_terminal = False
    if carrier.words == "ssh":
        found, used = parse_options(words, ArgSpec(SSH_VALUE_OPTIONS))
        ssh_terminal = any(option == "-t" for option, _ in found)
        words = words[used:]
    texts = [value for option, value in options if option in carrier.text.split() and value is not None]
    if carrier.several and texts:
        texts += operands
    if not runs_command(carrier, options, operands):
        texts, words = [], ()
    elif carrier.words in ("text", "ssh") and not (texts or words or (carrier.dashes and carrier.words == "text")):
        carrier = carrier._replace(terminal=ALWAYS)  # it opens a shell
    terminal = f"{name} -- -t" if ssh_terminal else terminal_of(name, carrier, options)
    return Carried(name, carrier, host_of(carrier, options, operands), tuple(texts), words, terminal)


def split_words(carrier: Carrier, words: tuple[Word, ...]) -> tuple[Options, list[Word], tuple[Word, ...]]:
    """The carrier's options, its operands, and the words of the command."""
    options: list[tuple[str, Word | None]] = []
    operands: list[Word] = []
    spec, ends = carrier.spec, bool(carrier.words) and not carrier.dashes
    while words:
        found, used = parse_options(words, spec)
        options += found
        ended = used > 0 and words[used - 1].value == "--"
        words = words[used:]
        if ended or (ends and len(operands) >= spec.skip):
            break
        operands += words[:1]
        words = words[1:]
        if ends and len(operands) == spec.skip and not spec.late:
            return options, operands, words[1:] if words and words[0].value == "--" else words
    return options, operands, words


def runs_command(carrier: Carrier, options: Options, operands: Sequence[Word]) -> bool:
    """Whether the options and operands let the carrier run a command elsewhere."""
    if {option for option, _ in options} & set(carrier.without.split()):
        return False
    if not carrier.modules:
        return True
    names, *modules = carrier.modules
    chosen = [value.value for option, value in options if option in names.split() and value]
    chosen += [word.value for word in operands[1:] if names == OPERAND]
    return not chosen or chosen[-1].rpartition(".")[2] in modules


def host_of(carrier: Carrier, options: Options, operands: Sequence[Word]) -> str:
    """The name of the host for messages."""
    for name in carrier.host.split():
        given = [value.value for option, value in options if option == name and value]
        given = [word.value for word in operands[:1]] if name == OPERAND else given
        if given and given[0]:
            return host_name(given[0])
    return carrier.noun


def terminal_of(name: str, carrier: Carrier, options: Options) -> str:
    """The carrier and its option that asks for a terminal, empty without one."""
    given = {option for option, value in options if value is None or value.value not in FALSE_VALUES}
    option = first_option(carrier.terminal, given)
    return "" if option is None else f"{name} {option}".rstrip()


ENGINE_HOSTS = {"docker": "-H --host -c --context", "podman": "--url --connection -c --context", "nerdctl": "-H --host"}
"""Options of container engines whose value is another host."""
ENGINE_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "docker": ("DOCKER_HOST", "DOCKER_CONTEXT"),
    "podman": ("CONTAINER_HOST", "CONTAINER_CONNECTION"),
    "nerdctl": (),
}
LOCAL_ENGINE = regex(r"(?:unix|npipe|fd)://.*|/.*|default|desktop-linux|rootless|colima|orbstack|rancher-desktop|", 16)
"""Values for an engine of this host."""


def engine_host(name: str, options: tuple[Word, ...], variables: Mapping[str, str], spec: ArgSpec) -> str:
    """The host whose container engine the command `name` uses, by its own options and the variables that are set; empty for
    this host."""
    given = parse_options(options, spec)[0]
    values = [value.value for option, value in given if option in ENGINE_HOSTS[name].split() and value]
    values += [variables[variable] for variable in ENGINE_VARIABLES[name] if variable in variables]
    if values:
        return "" if LOCAL_ENGINE.fullmatch(values[0]) else host_name(values[0])
    return "the Podman service" if name == "podman" and {"-r", "--remote"} & {option for option, _ in given} else ""


def outlives_client(carrier: str, program: str) -> bool:
    """Whether `program`, which the client `carrier` runs on another host, continues when that client is killed. The engine
    keeps a container, but ends its own work, such as a build."""
    if carrier in ENGINE_HOSTS:
        return program != carrier
    return carrier in CARRIERS and CARRIERS[carrier].outlives


PROGRAMS = frozenset([name.partition(" ")[0] for name in CARRIERS])
"""The programs of CARRIERS."""


def anchors() -> set[str]:
    """Every text with a command of CARRIERS on another host contains one of these, as the gate reads anchors."""
    found = {
        name if " " not in name else f"{name.split()[0]} {name.split()[-1]}"
        for name in CARRIERS
        if not CARRIERS[name].local
    }
    found |= {variable for variables in ENGINE_VARIABLES.values() for variable in variables}
    return found | {
        f"{engine} {option}" for engine, options in ENGINE_HOSTS.items() for option in [*options.split(), "--remote"]
    }
