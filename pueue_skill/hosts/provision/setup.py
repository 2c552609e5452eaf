"""Sets up a host with a pueue queue, tests it with a job, and undoes the setup: a Host and a SetupRequest in, a SetupResult out.

steps.py plans the steps from the facts that one script collects on the host; this module runs them. It prints and asks nothing. An
interrupted setup is completed by running it again.
"""

from __future__ import annotations

import hashlib
import json
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from pueue_skill.configuration.schema import SetupTable
from pueue_skill.hosts import client, transport
from pueue_skill.hosts.client import Unreachable
from pueue_skill.hosts.provision import steps as provision_steps
from pueue_skill.hosts.provision.steps import CannotSetUp, SetupRequest, unfinished_jobs
from pueue_skill.queues.pueue import provision as pueue_provision
from pueue_skill.queues.pueue.provision import HostFacts, SetupStep
from pueue_skill.queues.pueue.site import callback
from pueue_skill.queues.scripts import reply
from pueue_skill.shell import quote
from pueue_skill.shell.model import LOCAL, Host
from pueue_skill.startup.record import NamedTuple

STEPS_TIMEOUT_S = 1800.0
"""The time limit of the steps: on a slow host, cargo builds pueue for many minutes."""

DOWNLOAD_TIMEOUT_S = 60

MAX_ROUNDS = 10
"""How often the steps are planned and run, since a step can fail and another way be tried."""

ERROR_LINES = 5
"""How many lines of a failed step's stderr are shown."""


class Proof(NamedTuple):
    """The test job and its result. `why` is empty if the job succeeded."""

    job: str
    exit_code: int | None = None
    output: str = ""
    why: str = ""


Prove: TypeAlias = "Callable[[Host, HostFacts, Mapping[str, str]], Proof]"


class SetupResult(NamedTuple):
    """The facts about the host after the setup, the steps that ran, the test job, and notes for the user."""

    host: Host
    facts: HostFacts
    steps: tuple[SetupStep, ...]
    proof: Proof | None = None
    notes: tuple[str, ...] = ()


def collect_facts(host: Host, url: str, always: bool = False) -> HostFacts:
    """Return the facts about `host`. `always`: check the access to `url` even if pueue is installed. Raises Unreachable."""
    script = pueue_provision.look_script(host, url, always)
    return client.ask(
        host, script, lambda done: pueue_provision.read_look(done.text), 2 * client.ANSWER_TIMEOUT_S, read_only=True
    )


def request_for(host: Host, table: SetupTable, upgrade: bool) -> SetupRequest:
    """Return the request to set up `host` as configured."""
    return SetupRequest(
        host.groups, table.url or provision_steps.RELEASE_URL, {**provision_steps.SHA256, **table.sha256}, upgrade
    )


def plan(host: Host, request: SetupRequest) -> tuple[HostFacts, list[SetupStep], SetupRequest]:
    """Return the facts about `host`, the missing steps, and the request completed with facts. Raises CannotSetUp, Unreachable."""
    facts = collect_facts(host, request.url)
    if not facts.ready and host.ssh and request.local is None:
        request = request._replace(local=collect_facts(Host(LOCAL), request.url, always=True))
    request = request._replace(pinned_directory=pinned_directory(facts), existing_callback=existing_callback(facts))
    if provision_steps.new_callback(facts, request) and not changes_only_new_keys(facts, request):
        request = request._replace(excluded={*request.excluded, "callback"})
    if not request.pinned_directory and not changes_only_new_keys(facts, request):
        directory = provision_steps.runtime_directory(facts, request)
        raise CannotSetUp(
            f"setup cannot edit {facts.config}. Add this line below `shared` yourself, then run setup again:\n"
            f"  runtime_directory: {directory}"
        )
    return facts, provision_steps.plan_steps(facts, request), request


def parse_yaml(facts: HostFacts, text: str) -> dict[str, Any]:
    """Return the content of a pueue.yml, with the tables `shared` and `daemon`. Raises CannotSetUp."""
    import yaml

    try:
        loaded = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise CannotSetUp(f"{facts.config} is not valid YAML; fix it first: {error}") from None
    for table in ("shared", "daemon"):
        if not isinstance(loaded, dict) or not isinstance(loaded.get(table) or {}, dict):
            raise CannotSetUp(f"{facts.config}: `{table}` is not a table; fix it first")
    return {**loaded, "shared": loaded.get("shared") or {}, "daemon": loaded.get("daemon") or {}}


def pinned_directory(facts: HostFacts) -> str:
    """Return the folder of the socket for all clients, whatever their XDG_RUNTIME_DIR; empty if pueue.yml does not pin it.

    Raises CannotSetUp.
    """
    shared = parse_yaml(facts, facts.yaml)["shared"] if facts.yaml is not None else {}
    folder = shared.get("runtime_directory")
    if not folder and shared.get("unix_socket_path") and shared.get("pid_path"):
        folder = shared["pid_path"].rpartition("/")[0]
    if not folder and facts.launchd and facts.yaml is not None:
        folder = facts.data  # macOS has no XDG_RUNTIME_DIR
    return f"{facts.home}{folder[1:]}" if folder and folder.startswith("~") else folder or ""


def existing_callback(facts: HostFacts) -> str:
    """Return the callback of the host's pueue.yml. Raises CannotSetUp."""
    return str(parse_yaml(facts, facts.yaml)["daemon"].get("callback") or "") if facts.yaml is not None else ""


def changes_only_new_keys(facts: HostFacts, request: SetupRequest) -> bool:
    """Return whether the new pueue.yml has the new keys and otherwise the content of the old one."""
    if facts.yaml is None:
        return True
    expected = parse_yaml(facts, facts.yaml)
    if not request.pinned_directory:
        expected["shared"] = {
            **expected["shared"],
            "runtime_directory": provision_steps.runtime_directory(facts, request),
        }
    command = provision_steps.new_callback(facts, request)
    if command:
        expected["daemon"] = {**expected["daemon"], "callback": command}
    try:
        return parse_yaml(facts, provision_steps.new_yaml(facts, request)) == expected
    except CannotSetUp:
        return False


def set_up(
    host: Host,
    facts: HostFacts,
    steps: list[SetupStep],
    request: SetupRequest,
    environment: Mapping[str, str],
    notice: Callable[[str], None],
    prove: Prove,
) -> SetupResult:
    """Run the planned steps, plan again until none is missing, and test the queue. Raises CannotSetUp, Unreachable.

    `notice` gets a line if another step than planned is needed. `prove` runs the test job (jobs.proof).
    """
    finished: dict[str, SetupStep] = {}
    for _ in range(MAX_ROUNDS):
        if not steps:
            break
        failed_way, problem = run_steps(host, facts, steps, request)
        if failed_way:
            request = request._replace(excluded={*request.excluded, failed_way})
        elif not problem:
            finished |= {step.name: step for step in steps}
        if problem:
            notice(problem)
        facts, steps, request = plan(host, request)
        for step in steps:
            notice(f"then {step.name}: {step.what} ({step.why})")
    if steps:
        raise CannotSetUp(
            f"steps are still missing after {MAX_ROUNDS} rounds: {', '.join([step.what for step in steps])}"
        )
    proof = None if not finished and "proved" in facts.record.split() else prove(host, facts, environment)
    return SetupResult(host, facts, tuple(finished.values()), proof, tuple(notes(facts, request)))


def run_steps(host: Host, facts: HostFacts, steps: list[SetupStep], request: SetupRequest) -> tuple[str, str]:
    """Run steps on `host`. Raises CannotSetUp, Unreachable.

    Returns two empty strings if all succeeded; the source or optional step to exclude and the reason, if one failed; or an empty string
    and the reason for planning again.
    """
    try:
        files = next((read_programs(step, facts, request) for step in steps if step.brings), {})
    except OSError as error:
        return next(step.instead for step in steps if step.brings), f"{error}"
    script = pueue_provision.do_script(host, request.url, facts.mark, steps, files)
    try:
        done = transport.run(
            host, script, timeout=STEPS_TIMEOUT_S + len(script) // client.MIN_BYTES_PER_S, new_connection=True
        )
        name, status, whole = pueue_provision.read_do(done.text)
    except transport.Timeout as error:
        raise Unreachable(f"{error}\n{try_again(host)}") from None
    except ValueError:
        raise Unreachable(client.explain_failure(host, done)) from None
    if whole:
        return "", ""
    if done.code == pueue_provision.CHANGED:
        return "", f"another process has changed {host.name} meanwhile; setup examines it again"
    if status is None:
        raise Unreachable(f"{client.explain_failure(host, done)}\n{try_again(host)}")
    stderr = "\n".join(client.stderr_of(done).splitlines()[-ERROR_LINES:])
    step = next(step for step in steps if step.name == name)
    if status == pueue_provision.INSTEAD:
        return step.instead, f"{step.name}: {stderr}; setup tries another way"
    raise CannotSetUp(f"{step.name} failed: {stderr or f'exit code {status}'}\n{try_again(host)}")


def try_again(host: Host) -> str:
    return f"Try again, which repeats no finished step: pueue-skill setup {quote.word(host.name)}"


def read_programs(step: SetupStep, facts: HostFacts, request: SetupRequest) -> dict[str, bytes]:
    """Return the programs that a step sends from this machine to the host, by name. Raises CannotSetUp, OSError."""
    if step.brings == "copy" and request.local:
        return {"pueue": Path(request.local.pueue).read_bytes(), "pueued": Path(request.local.pueued).read_bytes()}
    return {name: download(request, provision_steps.asset_name(facts, name)) for name in provision_steps.PROGRAMS}


def download(request: SetupRequest, asset: str) -> bytes:
    """Return the content of a release's file and verify its checksum. Raises CannotSetUp, OSError."""
    url, expected = f"{request.url}/{asset}", request.sha256[asset]
    with urllib.request.urlopen(url, timeout=DOWNLOAD_TIMEOUT_S) as answer:  # noqa: S310 - the checksum is verified for any scheme
        content: bytes = answer.read()
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        raise CannotSetUp(f"{url} has the SHA-256 checksum {actual}, not {expected}: not installed")
    return content


def notes(facts: HostFacts, request: SetupRequest) -> Iterator[str]:
    """Yield notes for the user about a host that is set up."""
    for other in facts.others:
        process, _, file = other.partition(" ")
        yield f"another pueued of yours (process {process}, {file}) has its own queue; it was left as is"
    if not provision_steps.choose_service(facts, request):
        words = quote.line([facts.pueued, "--config", facts.config])
        yield (f"the daemon does not start after a reboot. Add this line with `crontab -e`: @reboot {words}")
    if facts.systemd and not facts.linger and "linger" in request.excluded:
        yield (
            f"an administrator must allow your services to run without a login: sudo loginctl enable-linger {facts.user}. After that, "
            "setup makes pueued a service"
        )
    if facts.teller and "callback" in request.excluded:
        yield (
            f"setup cannot edit {facts.config}. To send notifications when jobs end, add this line below `daemon` yourself:\n"
            f"  callback: {json.dumps(callback(facts.teller))}"
        )
    elif facts.teller and request.existing_callback and "notify --callback" not in request.existing_callback:
        yield (
            f"{facts.config} has another callback, which was left as is; pueue-skill on the host sends no notifications: "
            f"{request.existing_callback}"
        )
    if provision_steps.has_unread_callback(facts):
        yield (
            "the daemon uses the new callback after its next start; setup did not restart it, because it has unfinished jobs or was "
            "not started by setup"
        )


class Removed(NamedTuple):
    """Lines on what `remove` undid, and on what it left as is, with the reason."""

    undone: tuple[str, ...]
    left: tuple[str, ...]


def remove(host: Host) -> Removed:
    """Undo the setup of `host`. Raises CannotSetUp while jobs are unfinished, Unreachable."""

    def parse(done: transport.Done) -> list[str]:
        lines = reply(done.text).splitlines()
        if not lines or not (lines[-1] in ("whole", "nothing") or lines[-1].startswith("busy ")):
            raise ValueError("the answer was cut off")
        return lines

    lines = client.ask(host, pueue_provision.undo_script(host), parse, 4 * client.ANSWER_TIMEOUT_S)
    # `pueue-skill status` accepts only configured hosts, among them this machine.
    status = (
        f"ssh {host.ssh} {quote.word(f'{quote.path(host.pueue)} status')}" if host.ssh else "pueue-skill status local"
    )
    for line in lines:
        if line.startswith("busy "):
            raise CannotSetUp(
                f"{unfinished_jobs(int(line[5:]))}, and stopping the daemon would kill running jobs. Wait for the jobs or "
                f"kill them; to list them: {status}"
            )
    undone = [line.removeprefix("undone ") for line in lines if line.startswith("undone ")]
    # A file that setup replaced is removed, and then its original is restored: one change for the user.
    undone = [
        line
        for line, following in zip(undone, [*undone[1:], ""], strict=False)
        if not (line.startswith("removed ") and following == f"restored {line.removeprefix('removed ')}")
    ]
    left = [line.removeprefix("left ") for line in lines if line.startswith("left ")]
    return Removed(tuple(undone), tuple(left))
