"""Sets a host up for a pueue queue, proves it with a job, and takes back what it made: a Host and wishes in, an Outcome out.

What is to be done is worked out by backends/setup_steps.py from what one look at the host finds; here it is looked at, done and
proved. Nothing is printed and nothing asked. Whatever was cut off is completed by doing it again.
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
from pueue_skill.hosts.provision.steps import Refusal, Wish
from pueue_skill.queues.pueue import provision as pueue_provision
from pueue_skill.queues.pueue.provision import HostFacts, SetupStep
from pueue_skill.queues.pueue.site import callback
from pueue_skill.queues.scripts import reply
from pueue_skill.shell import quote
from pueue_skill.shell.model import LOCAL, Host
from pueue_skill.startup.record import NamedTuple

LONGEST = 1800.0
"""Seconds that the steps may take at most: cargo builds pueue in some minutes on a slow machine."""

TRIES = 10
AGAIN = "Run it again: what is done is not done twice."


class Proof(NamedTuple):
    """The job that was run, and how it ended; `why` it proves nothing, where it does not."""

    job: str
    exit_code: int | None = None
    output: str = ""
    why: str = ""


Prove: TypeAlias = "Callable[[Host, HostFacts, Mapping[str, str]], Proof]"


class Outcome(NamedTuple):
    """`found` is the host as it is now; `steps` what was done, or is to be."""

    host: Host
    found: HostFacts
    steps: tuple[SetupStep, ...]
    proof: Proof | None = None
    notes: tuple[str, ...] = ()


def look(host: Host, url: str, always: bool = False) -> HostFacts:
    """What `host` has; `always` with its network. Raises Unreachable."""
    script = pueue_provision.look_script(host, url, always)
    return client.asked(
        host, script, lambda done: pueue_provision.read_look(done.text), 2 * client.ANSWER_TIMEOUT_S, again=True
    )


def wishes(host: Host, table: SetupTable, upgrade: bool) -> Wish:
    return Wish(host.groups, table.url or provision_steps.URL, {**provision_steps.SHA256, **table.sha256}, upgrade)


def plan(host: Host, wish: Wish) -> tuple[HostFacts, list[SetupStep], Wish]:
    """What `host` has, what is to be done there, and the wish with what has been learnt. Raises Refusal, Unreachable."""
    found = look(host, wish.url)
    if not found.ready and host.ssh and wish.here is None:
        wish = wish._replace(here=look(Host(LOCAL), wish.url, always=True))
    wish = wish._replace(pinned=pinned(found), called=called(found))
    if provision_steps.callback_of(found, wish) and not clean(found, wish):
        wish = wish._replace(without={*wish.without, "callback"})
    if not wish.pinned and not clean(found, wish):
        directory = provision_steps.runtime_directory(found, wish)
        raise Refusal(
            f"{found.config}: add this below `shared` yourself, and run it again:\n  runtime_directory: {directory}"
        )
    return found, provision_steps.steps(found, wish), wish


def settings(found: HostFacts, text: str) -> dict[str, Any]:
    """What a pueue.yml says. Raises Refusal."""
    import yaml

    try:
        loaded = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise Refusal(f"{found.config} is no YAML, mend it first: {error}") from None
    for table in ("shared", "daemon"):
        if not isinstance(loaded, dict) or not isinstance(loaded.get(table) or {}, dict):
            raise Refusal(f"{found.config}: `{table}` is no table of settings there; mend it first")
    return {**loaded, "shared": loaded.get("shared") or {}, "daemon": loaded.get("daemon") or {}}


def pinned(found: HostFacts) -> str:
    """Where the configuration says that the daemon is reached, whatever the variables of a client are. Raises Refusal."""
    shared = settings(found, found.yaml)["shared"] if found.yaml is not None else {}
    place = shared.get("runtime_directory")
    if not place and shared.get("unix_socket_path") and shared.get("pid_path"):
        place = shared["pid_path"].rpartition("/")[0]
    if not place and found.launchd and found.yaml is not None:
        place = found.data  # macOS has no XDG_RUNTIME_DIR
    return f"{found.home}{place[1:]}" if place and place.startswith("~") else place or ""


def called(found: HostFacts) -> str:
    """What the configuration has called at the end of a job. Raises Refusal."""
    return str(settings(found, found.yaml)["daemon"].get("callback") or "") if found.yaml is not None else ""


def clean(found: HostFacts, wish: Wish) -> bool:
    """Whether the new pueue.yml would say what is wished, and nothing else that the old one does not."""
    if found.yaml is None:
        return True
    expected = settings(found, found.yaml)
    if not wish.pinned:
        expected["shared"] = {
            **expected["shared"],
            "runtime_directory": provision_steps.runtime_directory(found, wish),
        }
    calls = provision_steps.callback_of(found, wish)
    if calls:
        expected["daemon"] = {**expected["daemon"], "callback": calls}
    try:
        return settings(found, provision_steps.configured(found, wish)) == expected
    except Refusal:
        return False


def carry_out(
    host: Host,
    found: HostFacts,
    todo: list[SetupStep],
    wish: Wish,
    environment: Mapping[str, str],
    tell: Callable[[str], None],
    prove: Prove,
) -> Outcome:
    """Carries out the planned steps until none is left, and proves the queue. Raises Refusal, Unreachable.

    `tell` is given a line where a step takes another way than planned; `prove` runs a job in the new queue (jobs.proof).
    """
    did: dict[str, SetupStep] = {}
    for _ in range(TRIES):
        if not todo:
            break
        lacking, why = attempt(host, found, todo, wish)
        if lacking:
            wish = wish._replace(without={*wish.without, lacking})
        elif not why:
            did |= {step.name: step for step in todo}
        if why:
            tell(why)
        found, todo, wish = plan(host, wish)
        for step in todo:
            tell(f"then {step.name}: {step.what} ({step.why})")
    if todo:
        raise Refusal(
            f"{host.name} is not as it should be after {TRIES} tries; left to do: {', '.join([step.what for step in todo])}"
        )
    proof = None if not did and "proved" in found.record.split() else prove(host, found, environment)
    return Outcome(host, found, tuple(did.values()), proof, tuple(notes(found, wish)))


def attempt(host: Host, found: HostFacts, todo: list[SetupStep], wish: Wish) -> tuple[str, str]:
    """Carries out steps: nothing; or what cannot be had, and why; or only why it is to be planned anew. Raises Refusal, Unreachable."""
    try:
        files = next((brought(step, found, wish) for step in todo if step.brings), {})
    except OSError as error:
        return next(step.instead for step in todo if step.brings), f"{error}"
    script = pueue_provision.do_script(host, wish.url, found.mark, todo, files)
    try:
        done = transport.run(host, script, timeout=LONGEST + len(script) // client.MIN_BYTES_PER_S, alone=True)
        name, status, whole = pueue_provision.read_do(done.text)
    except transport.Timeout as error:
        raise Unreachable(f"{error}\n{AGAIN}") from None
    except ValueError:
        raise Unreachable(client.explain_failure(host, done)) from None
    if whole:
        return "", ""
    if done.code == pueue_provision.CHANGED:
        return "", f"{host.name} was changed by somebody else meanwhile; looking again"
    if status is None:
        raise Unreachable(f"{client.explain_failure(host, done)}\n{AGAIN}")
    said = "\n".join(client.stderr_of(done).splitlines()[-5:])
    step = next(step for step in todo if step.name == name)
    if status == pueue_provision.INSTEAD:
        return step.instead, f"{step.name}: {said}; trying another way"
    raise Refusal(f"{step.name} failed: {said or f'exit code {status}'}\n{AGAIN}")


def brought(step: SetupStep, found: HostFacts, wish: Wish) -> dict[str, bytes]:
    """The programs that a step takes along from this machine. Raises Refusal, OSError."""
    if step.brings == "copy" and wish.here:
        return {"pueue": Path(wish.here.pueue).read_bytes(), "pueued": Path(wish.here.pueued).read_bytes()}
    return {name: download(wish, provision_steps.asset_of(found, name)) for name in provision_steps.PROGRAMS}


def download(wish: Wish, asset: str) -> bytes:
    """A release's file, of the right checksum. Raises Refusal, OSError."""
    url, sum = f"{wish.url}/{asset}", wish.sha256[asset]
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - what comes is checked, wherever it is from
        content: bytes = answer.read()
    got = hashlib.sha256(content).hexdigest()
    if got != sum:
        raise Refusal(f"{url} has the SHA-256 sum {got}, not {sum}: it is not installed")
    return content


def notes(found: HostFacts, wish: Wish) -> Iterator[str]:
    """What is good to know."""
    for other in found.others:
        process, _, file = other.partition(" ")
        yield f"another pueued of yours (process {process}, {file}) has a queue of its own; it was left alone"
    if not provision_steps.service_of(found, wish):
        words = quote.line([found.pueued, "--config", found.config])
        yield (
            "the daemon does not come back by itself after a reboot, as nothing there starts it. This starts it again, or a line "
            f"for `crontab -e`: @reboot {words}"
        )
    if found.systemd and not found.linger and "linger" in wish.without:
        yield (
            f"only an administrator can let services run without a login: sudo loginctl enable-linger {found.user}; after that "
            "this makes pueued a service"
        )
    if found.teller and "callback" in wish.without:
        yield (
            f"{found.config}: add this below `daemon` yourself, and whom your configuration there names is told of the ends of jobs:\n"
            f"  callback: {json.dumps(callback(found.teller))}"
        )
    elif found.teller and wish.called and "notify --callback" not in wish.called:
        yield f"{found.config} has a callback of its own, which was kept; nobody is told by pueue-skill there: {wish.called}"
    if provision_steps.unread(found):
        yield "the daemon reads its callback when it starts next: it was not started anew, as it has jobs to do or was not started by this"


class Removed(NamedTuple):
    """What was taken back, and what was left, with the reason."""

    undone: tuple[str, ...]
    left: tuple[str, ...]


def remove(host: Host) -> Removed:
    """Takes back what was made on `host`. Raises Refusal while jobs are not done, Unreachable."""

    def read(done: transport.Done) -> list[str]:
        lines = reply(done.text).splitlines()
        if not lines or not (lines[-1] in ("whole", "nothing") or lines[-1].startswith("busy ")):
            raise ValueError("the answer was cut off")
        return lines

    lines = client.asked(host, pueue_provision.undo_script(host), read, 4 * client.ANSWER_TIMEOUT_S)
    for line in lines:
        if line.startswith("busy "):
            raise Refusal(
                f"{line[5:]} jobs are not done, and would end with their daemon. Wait for them, or end them; they are told by: "
                f"pueue-skill status {host.name}"
            )
    undone = [line.removeprefix("undone ") for line in lines if line.startswith("undone ")]
    left = [line.removeprefix("left ") for line in lines if line.startswith("left ")]
    return Removed(tuple(undone), tuple(left))
