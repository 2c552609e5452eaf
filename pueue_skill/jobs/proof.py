"""Proves a new queue: submits a job on its host as `run` does, waits for it, and removes it. A Host in, a Proof out."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from pathlib import Path

from pueue_skill.hosts import client
from pueue_skill.hosts.provision.setup import Proof
from pueue_skill.jobs import output, submission
from pueue_skill.plan.model import Job
from pueue_skill.queues.model import JobState
from pueue_skill.queues.pueue import provision as pueue_provision
from pueue_skill.queues.pueue.provision import HostFacts
from pueue_skill.queues.scripts import reply
from pueue_skill.shell.model import Host

PROOF_TIMEOUT_S = 20.0
"""How long the job may take, including the wait for a slot."""


def prove(host: Host, found: HostFacts, environment: Mapping[str, str]) -> Proof:
    """Run a job in the new queue and remove it. Raises Unreachable."""
    limit, status = found.groups.get("default", (1, "running"))
    if status != "running":
        return Proof("", why=f"the group default is {status}: pueue start --group default")
    word = secrets.token_hex(8)
    job = Job(f"setup-{word}", host.name, host.backend, None, "pueue-skill setup", None, f"echo {word}")
    state = submission.submit(job, host, None if host.ssh else environment, None if host.ssh else Path.home()).state
    name = f"{host.name}:{state.id}"
    written, until = b"", time.monotonic() + PROOF_TIMEOUT_S
    for event in output.follow(state, host):
        if isinstance(event, output.Output):
            written += event.data
        elif isinstance(event, JobState):
            state = event
        if time.monotonic() > until:
            break
    printed = written.decode("utf-8", "replace").strip()
    why = ""
    if state.status != "done":
        why = f"it did not end within {PROOF_TIMEOUT_S:g} s: the {limit} slots of the group default are taken"
    elif state.exit_code != 0 or printed != word:
        why = f"it should have exited with 0 and printed {word}"
    script = pueue_provision.proved_script(host, state.id, not why)
    client.ask(host, script, lambda done: reply(done.text))
    return Proof(name, state.exit_code, printed, why)
