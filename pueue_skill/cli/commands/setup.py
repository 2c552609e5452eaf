"""`pueue-skill setup`: a host in, exit code out. Prints the steps and the result on stdout, progress and notes on stderr."""

from __future__ import annotations

import argparse
import json
import os

from pueue_skill.cli import caller, parsing
from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, failed, say
from pueue_skill.configuration import config
from pueue_skill.configuration.environment import job_environment
from pueue_skill.configuration.hosts import table_of
from pueue_skill.hosts.provision import setup
from pueue_skill.hosts.provision import steps as provision_steps
from pueue_skill.hosts.provision.steps import CannotSetUp, SetupRequest, home_relative
from pueue_skill.jobs.proof import prove
from pueue_skill.queues.pueue.provision import HostFacts, SetupStep
from pueue_skill.queues.registry import KINDS
from pueue_skill.shell import printable, quote
from pueue_skill.shell.model import LOCAL, Host
from pueue_skill.shell.ssh_target import host_named
from pueue_skill.views import documents
from pueue_skill.views.reports import SetupReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("host", metavar="HOST", type=parsing.host_name, help="the host; local is this machine")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="print the missing steps without running them")
    how.add_argument("--remove", action="store_true", help="undo what setup did on the host, and nothing else")
    parser.add_argument(
        "--upgrade", action="store_true", help="replace a pueue older than version 4, without keeping its queue"
    )
    shared.add_json(parser, "setup", "the host and the steps")


def main(options: argparse.Namespace) -> int:
    parsing.refuse_together(options, ("--upgrade", "--remove"))
    settings = config.load()
    host = host_named(options.host, settings.by_name())
    if not KINDS[host.backend].MANAGED:
        return failed(
            ExitCode.FINDINGS,
            f"{host.name} has a {host.backend} queue, which its operators set up; setup changes nothing there\n"
            f"Try: pueue-skill doctor {quote.word(host.name)}",
        )
    try:
        if options.remove:
            return remove(options, host)
        request = setup.request_for(host, settings.setup, options.upgrade)
        facts, steps, request = setup.plan(host, request)
        if not options.json:
            print_plan(host, facts, steps)
        if options.dry_run:
            return finish_dry_run(options, host, facts, steps, request)
        environment, _ = caller.storable(job_environment(settings.job_environment(), os.environ))
        result = setup.set_up(host, facts, steps, request, environment, say, prove)
    except CannotSetUp as error:
        state = "was not changed" if options.remove else "is not set up"
        return failed(ExitCode.FINDINGS, f"{host.name} {state}: {error}")
    notes = [*result.notes]
    if host.name not in settings.hosts and host.name != LOCAL:
        notes.append(
            f"to include {host.name} in status, wait and log, add this line to {config.user_file()}: {table_of(host.name)}"
        )
    if options.json:
        print(json.dumps(report(host, result.facts, result.steps, request, result.proof, notes), indent=2))
    else:
        print(summary(host, result))
        for note in notes:
            say(note)
    return ExitCode.FINDINGS if result.proof and result.proof.why else ExitCode.DONE


def print_plan(host: Host, facts: HostFacts, steps: list[SetupStep]) -> None:
    """Print the facts about the host, and the missing steps."""
    print(printable.line(f"{host.name}: {', '.join(describe(facts))}"), flush=True)
    for number, step in enumerate(steps, 1):
        print(printable.line(f"{number} {step.name}: {step.what} ({step.why})"), flush=True)


def describe(facts: HostFacts) -> list[str]:
    """Return the facts about a host in words."""
    words = [f"{facts.os} {facts.arch}", facts.libc, facts.shell.rpartition("/")[2]]
    words.append(f"pueue {facts.version} ({home_relative(facts, facts.pueue)})" if facts.pueue else "no pueue")
    words.append("daemon running" if facts.place is not None else "no daemon")
    manager = "launchd" if facts.launchd else "systemd" if facts.systemd else "no service manager"
    words.append(f"{manager} with lingering" if facts.linger else manager)
    return [word for word in words if word]


def finish_dry_run(
    options: argparse.Namespace, host: Host, facts: HostFacts, steps: list[SetupStep], request: SetupRequest
) -> int:
    if options.json:
        print(json.dumps({**report(host, facts, steps, request), "done": False}, indent=2))
    elif not steps:
        print("nothing to do")
    return ExitCode.DONE


def summary(host: Host, result: setup.SetupResult) -> str:
    """Return the state of a host after its setup, on one line."""
    if not result.steps and not result.proof:
        return f"{host.name} is set up; nothing was changed"
    facts, proof = result.facts, result.proof
    pueue = f"pueue {facts.version} ({home_relative(facts, facts.pueue)})"
    text = f"{host.name} is set up: {pueue}, its daemon is running"
    if proof and proof.why:
        return f"{text}; the test job did not succeed: {proof.why}"
    return f"{text}, and a test job succeeded" if proof else text


def remove(options: argparse.Namespace, host: Host) -> int:
    """Undo the setup of a host, and print what was undone."""
    removed = setup.remove(host)
    if options.json:
        steps = [SetupStep("remove", line, "", "") for line in removed.undone]
        facts = setup.collect_facts(host, provision_steps.RELEASE_URL)
        document = report(host, facts, steps, SetupRequest(), notes=[f"kept: {line}" for line in removed.left])
        print(json.dumps({**document, "removed": True}, indent=2))
        return ExitCode.DONE
    if not removed.undone:
        print(f"nothing to undo on {host.name}")
    for line in removed.undone:
        print(line)
    for line in removed.left:
        say(f"kept: {line}")
    return ExitCode.DONE


def report(
    host: Host,
    facts: HostFacts,
    steps: list[SetupStep] | tuple[SetupStep, ...],
    request: SetupRequest,
    proof: setup.Proof | None = None,
    notes: list[str] | None = None,
) -> SetupReport:
    service = provision_steps.choose_service(facts, request)
    return {
        "version": documents.VERSION,
        "host": host.name,
        "done": True,
        "removed": False,
        "os": facts.os,
        "arch": facts.arch,
        "libc": facts.libc,
        "shell": facts.shell,
        "pueue": facts.pueue,
        "pueue_version": facts.version,
        "daemon": facts.place is not None,
        "service": "systemd" if service == "systemd" else "launchd" if service else "",
        "steps": [{"name": step.name, "what": step.what, "why": step.why} for step in steps],
        "proof": None
        if proof is None
        else {"job": proof.job, "exit_code": proof.exit_code, "output": proof.output, "why": proof.why},
        "notes": notes or [],
    }
