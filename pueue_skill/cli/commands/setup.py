"""`pueue-skill setup`: a host in, exit code out. What was or is to be done goes to stdout, talk to stderr."""

from __future__ import annotations

import argparse
import json
import os

from pueue_skill.cli import caller, parsing
from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, failed, say
from pueue_skill.configuration import config
from pueue_skill.configuration.environment import job_environment
from pueue_skill.hosts.provision import setup
from pueue_skill.hosts.provision import steps as provision_steps
from pueue_skill.hosts.provision.steps import Refusal, Wish
from pueue_skill.hosts.provision.steps import home_relative as short
from pueue_skill.jobs.proof import prove
from pueue_skill.queues.pueue.provision import HostFacts, SetupStep
from pueue_skill.queues.registry import KINDS
from pueue_skill.shell import printable
from pueue_skill.shell.model import LOCAL, Host
from pueue_skill.shell.ssh_target import host_named
from pueue_skill.views import documents
from pueue_skill.views.reports import SetupReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("host", metavar="HOST", help="the host; local is this machine")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="print the steps without taking them")
    how.add_argument("--remove", action="store_true", help="undo what setup did there, and nothing else")
    parser.add_argument("--upgrade", action="store_true", help="replace a pueue older than 4; its queue is lost")
    shared.add_json(parser, "setup", "the host and the steps")


def main(options: argparse.Namespace) -> int:
    parsing.refuse_together(options, ("--upgrade", "--remove"))
    settings = config.load()
    host = host_named(options.host, settings.by_name())
    if not KINDS[host.backend].MANAGED:
        return failed(
            ExitCode.FINDINGS,
            f"{host.name} is of backend {host.backend}, which its operators set up: there is nothing to do. Type: pueue-skill doctor",
        )
    try:
        if options.remove:
            return removed(options, host)
        wish = setup.wishes(host, settings.setup, options.upgrade)
        found, todo, wish = setup.plan(host, wish)
        if not options.json:
            show(host, found, todo)
        if options.dry_run:
            return planned(options, host, found, todo, wish)
        environment, _ = caller.storable(job_environment(settings.job_environment(), os.environ))
        outcome = setup.carry_out(host, found, todo, wish, environment, say, prove)
    except Refusal as refusal:
        return failed(
            ExitCode.FINDINGS, f"{host.name} {'is as it was' if options.remove else 'is not set up'}: {refusal}"
        )
    notes = [*outcome.notes]
    if host.name not in settings.hosts and host.name != LOCAL:
        notes.append(f"status, wait and log ask {host.name} too once {config.user_file()} has: [hosts.{host.name}]")
    if options.json:
        print(json.dumps(report(host, outcome.found, outcome.steps, wish, outcome.proof, notes), indent=2))
    else:
        print(true(host, outcome))
        for note in notes:
            say(note)
    return ExitCode.FINDINGS if outcome.proof and outcome.proof.why else ExitCode.DONE


def show(host: Host, found: HostFacts, todo: list[SetupStep]) -> None:
    """What there is, and what is to be done about it."""
    print(printable.line(f"{host.name}: {', '.join(described(found))}"), flush=True)
    for number, step in enumerate(todo, 1):
        print(printable.line(f"{number} {step.name}: {step.what} ({step.why})"), flush=True)


def described(found: HostFacts) -> list[str]:
    """A host in words."""
    words = [f"{found.os} {found.arch}", found.libc, found.shell.rpartition("/")[2]]
    words.append(f"pueue {found.version} ({short(found, found.pueue)})" if found.pueue else "no pueue")
    words.append("its daemon answers" if found.place is not None else "no daemon")
    manager = "launchd" if found.launchd else "systemd" if found.systemd else "no service manager"
    words.append(f"{manager}, lingering" if found.linger else manager)
    return [word for word in words if word]


def planned(options: argparse.Namespace, host: Host, found: HostFacts, todo: list[SetupStep], wish: Wish) -> int:
    if options.json:
        print(json.dumps({**report(host, found, todo, wish), "done": False}, indent=2))
    elif not todo:
        print("nothing is to be done")
    return ExitCode.DONE


def true(host: Host, outcome: setup.Outcome) -> str:
    """What is true of a host now, in one line."""
    if not outcome.steps and not outcome.proof:
        return f"{host.name} is set up; nothing was changed"
    found, proof = outcome.found, outcome.proof
    text = f"{host.name} is set up: pueue {found.version} ({short(found, found.pueue)}), its daemon answers"
    if proof and proof.why:
        return f"{text}; no job has proved it: {proof.why}"
    return f"{text}, and a job has run there" if proof else text


def removed(options: argparse.Namespace, host: Host) -> int:
    gone = setup.remove(host)
    if options.json:
        steps = [SetupStep("remove", word, "", "") for word in gone.undone]
        found = setup.look(host, provision_steps.URL)
        made = report(host, found, steps, Wish(), notes=[f"left: {text}" for text in gone.left])
        print(json.dumps({**made, "removed": True}, indent=2))
        return ExitCode.DONE
    if not gone.undone:
        print(f"nothing on {host.name} was made by setup")
    for word in gone.undone:
        print(word)
    for text in gone.left:
        say(f"left: {text}")
    return ExitCode.DONE


def report(
    host: Host,
    found: HostFacts,
    steps: list[SetupStep] | tuple[SetupStep, ...],
    wish: Wish,
    proof: setup.Proof | None = None,
    notes: list[str] | None = None,
) -> SetupReport:
    service = provision_steps.service_of(found, wish)
    return {
        "version": documents.VERSION,
        "host": host.name,
        "done": True,
        "removed": False,
        "os": found.os,
        "arch": found.arch,
        "libc": found.libc,
        "shell": found.shell,
        "pueue": found.pueue,
        "pueue_version": found.version,
        "daemon": found.place is not None,
        "service": "systemd" if service == "systemd" else "launchd" if service else "",
        "steps": [{"name": step.name, "what": step.what, "why": step.why} for step in steps],
        "proof": None
        if proof is None
        else {"job": proof.job, "exit_code": proof.exit_code, "output": proof.output, "why": proof.why},
        "notes": notes or [],
    }
