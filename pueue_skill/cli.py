"""The command line: arguments in, exit code out. What can be pasted or read by a program goes to stdout, talk to stderr."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pueue_skill import __version__

if TYPE_CHECKING:
    from pueue_skill.analysis import Analysis
    from pueue_skill.model import Host, Job, State

DONE, FINDINGS, USAGE, INTERNAL, UNREACHABLE, NOT_RUN, INTERRUPTED = 0, 1, 2, 3, 4, 125, 130
SSH_FAILED = 255  # what ssh itself says when it cannot connect


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one subcommand; every error becomes a line that says what, where, and what to type next."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["hook"]:
        from pueue_skill import hook

        return hook.main(arguments[1] if len(arguments) > 1 else "")
    if arguments[:1] == ["ssh"]:
        arguments = apart(arguments)
    options = parser().parse_args(arguments)
    from pueue_skill.config import ConfigError
    from pueue_skill.runtime import NotSubmitted, Unreachable

    try:
        code: int = options.function(options)
        sys.stdout.flush()
        return code
    except ConfigError as error:
        return failed(USAGE, str(error))
    except NotSubmitted as error:
        return failed(NOT_RUN, f"not queued: {error}")
    except Unreachable as error:
        return failed(NOT_RUN if options.name in ("run", "ssh", "wait") else UNREACHABLE, str(error))
    except LookupError as error:
        return failed(USAGE, str(error.args[0]))
    except KeyboardInterrupt:
        return failed(INTERRUPTED, "interrupted")
    except BrokenPipeError:
        # Whoever read our output is gone; the interpreter must not fail once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141


def apart(arguments: list[str]) -> list[str]:
    """The arguments of `ssh` with `--` between its own options, which are long, and those of ssh."""
    at = 1
    while at < len(arguments) and arguments[at].startswith("--") and arguments[at] != "--":
        at += 2 if arguments[at] in ("--wait", "--group", "--label", "--key") else 1
    if "-h" in arguments[1:2]:
        return arguments
    return [*arguments[:at], "--", *arguments[at:]]


def failed(code: int, message: str) -> int:
    print(f"pueue-skill: {message}", file=sys.stderr)
    return code


def say(message: str) -> None:
    print(f"pueue-skill: {message}", file=sys.stderr)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="pueue-skill",
        description="Says which shell commands belong in a job queue, queues them there, and brings the result back.",
    )
    top.add_argument("--version", action=Version, help="the versions of pueue-skill and of pueue, and exit")
    commands = top.add_subparsers(metavar="COMMAND", required=True, dest="name")

    one = add(commands, "suggest", suggest, "what becomes of a command, and the invocation that queues it")
    one.add_argument("command", metavar="CMD", help="the shell command; - reads it from stdin")
    one.add_argument("--host", default="local", help="where local work is to be queued (default: this machine)")
    one.add_argument("--group", help="the group for its jobs (default: that of the host's configuration)")
    one.add_argument("--cwd", metavar="DIR", help="the folder that the job runs in (default: where it is submitted)")
    one.add_argument("--json", action="store_true", help="print the suggestion as JSON (pueue-skill schema suggestion)")
    one.add_argument("--explain", action="store_true", help="show every stage on stderr")
    one.add_argument("--exit-code", action="store_true", help="exit 1 when there are findings")

    one = add(commands, "check", check, "what the rules say of scripts, Makefiles, workflows, mise tasks and justfiles")
    one.add_argument("files", metavar="FILE", nargs="+", help="a file; its name says of which kind it is")
    how = one.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print the findings as JSON (pueue-skill schema check)")
    how.add_argument("--sarif", action="store_true", help="print them as SARIF 2.1.0")

    one = add(commands, "run", run, "queue a command, wait for it, give its output and exit code")
    one.add_argument("--host", default="local", help="the host whose queue takes it (default: this machine)")
    one.add_argument(
        "--cwd", metavar="DIR", help="the folder that the job runs in (default: this one; on a host, its home)"
    )
    one.add_argument(
        "--after", metavar="ID", nargs="+", default=[], help="jobs of the same host that must succeed first"
    )
    of_a_job(one)
    one.add_argument(
        "--split-output", action="store_true", help="keep standard error apart from the output, in a file of its own"
    )
    one.add_argument("--env", choices=("full", "minimal"), help="the variables that a job on this machine gets")
    how = one.add_mutually_exclusive_group()
    how.add_argument(
        "--wait", metavar="S", type=seconds, help="wait at most S seconds (default: run.wait of the configuration, 20)"
    )
    how.add_argument("--detach", action="store_true", help="only queue it and print HOST:ID")
    how.add_argument("--follow", action="store_true", help="wait however long it takes")
    one.add_argument(
        "command", metavar="CMD", nargs="+", help="one argument is shell text, several are words of a command"
    )

    one = add(
        commands, "ssh", ssh, "stand in for ssh: run its remote command as a job there, give its output and exit code"
    )
    of_a_job(one)
    one.add_argument(
        "--merge-output",
        dest="split_output",
        action="store_false",
        help="one log for both outputs, in their order (default: apart, as ssh has them)",
    )
    how = one.add_mutually_exclusive_group()
    how.add_argument(
        "--wait", metavar="S", type=seconds, help="wait at most S seconds, 125 when it goes on (default: to its end)"
    )
    how.add_argument("--detach", action="store_true", help="only queue it and print HOST:ID")
    one.add_argument(
        "command", metavar="ARG", nargs="*", help="options of ssh, the host, the remote command: as ssh takes them"
    )

    one = add(commands, "status", status, "the queues of all hosts in one table")
    one.add_argument("hosts", metavar="HOST", nargs="*", help="only these hosts")
    one.add_argument("--json", action="store_true", help="print them as JSON (pueue-skill schema status)")

    one = add(commands, "log", log, "a job's output, byte for byte")
    one.add_argument("job", metavar="JOB", help="HOST:ID, a label or a key")
    one.add_argument("--follow", action="store_true", help="go on until the job ends, and give its exit code")
    one.add_argument("--json", action="store_true", help="print the job's state as JSON instead of its output")

    one = add(commands, "wait", wait, "wait for a job to end, and give its exit code")
    one.add_argument("job", metavar="JOB", help="HOST:ID, a label or a key")

    one = add(commands, "history", history, "how long commands took here, by their shape")
    one.add_argument("--json", action="store_true", help="print it as JSON")
    one.add_argument("--forget", metavar="SHAPE", help="forget the runs of one shape (all: forget everything)")

    one = add(commands, "rules", rules, "all rules, a line each")
    one = add(commands, "rule", rule, "one rule: what it does, why, and what to do instead")
    one.add_argument("id", metavar="ID", help="the rule's ID, e.g. PQ101")

    one = add(commands, "schema", schema, "the JSON Schema of a file or an output")
    one.add_argument(
        "schema",
        metavar="NAME",
        choices=("check", "config", "status", "suggestion"),
        help="check, config, status or suggestion",
    )

    one = add(commands, "hook", None, "answer an agent's hook event on stdin; always exits 0")
    one.add_argument("event", metavar="EVENT", help="the event's name, e.g. PostToolUse")
    return top


def add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, function: object, text: str
) -> argparse.ArgumentParser:
    one: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    one.set_defaults(function=function)
    return one


def of_a_job(one: argparse.ArgumentParser) -> None:
    """What can be said of a job that is submitted."""
    one.add_argument("--group", help="the queue's group")
    one.add_argument("--label", help="a name for the job")
    one.add_argument("--key", help="what makes it the same job when it is submitted again (default: always a new job)")
    one.add_argument(
        "--stdin", action="store_true", help="give the job what comes on standard input, whole (default: nothing)"
    )


def seconds(text: str) -> float:
    value = float(text)
    if value < 0:
        raise ValueError
    return value


class Version(argparse.Action):
    """--version: ours and that of the pueue that is found."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from pueue_skill import transport
        from pueue_skill.backends.pueue import head
        from pueue_skill.model import Host

        done = transport.run(Host("local"), head(Host("local")) + '"$pueue" --version\n', timeout=10)
        print(f"pueue-skill {__version__}\n{done.text.strip() or 'pueue: not found'}")
        parser.exit()


def suggest(options: argparse.Namespace) -> int:
    from pueue_skill import config, gate, render, reports, store
    from pueue_skill.analysis import analyse

    text = options.command
    if text == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    settings = config.load()
    preferences = settings.preferences(store.durations())
    analysis = analyse(text, settings.by_name(), options.host, options.cwd, preferences, options.group)
    report = reports.suggestion(text, analysis.script, analysis.findings, analysis.plan)
    if options.explain:
        explain(text, gate.interesting(text), analysis)
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        sys.stderr.write(render.drawn(text, analysis.findings))
        verdict = analysis.plan.verdict
        if report["invocation"] is None:
            say(f"{'left alone' if verdict == 'leave' else 'no rewrite'}: {analysis.plan.reason}")
        # What is left alone comes back as it was, so that the output can stand for the command in any case.
        sys.stdout.buffer.write((report["invocation"] or text).encode("utf-8", "surrogateescape"))
        if not (report["invocation"] or text).endswith("\n") and options.command != "-":
            sys.stdout.buffer.write(b"\n")
    return FINDINGS if options.exit_code and analysis.findings else DONE


def check(options: argparse.Namespace) -> int:
    from pueue_skill import check as checker
    from pueue_skill import config

    settings = config.load()
    checked = checker.check(options.files, settings.by_name(), settings.preferences({}))
    report = checker.report(checked)
    if options.json or options.sarif:
        print(json.dumps(checker.sarif(report) if options.sarif else report, indent=2))
    else:
        text = "".join([checker.drawn(one) for one in checked])
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    for one in checked:
        for line in checker.told(one):
            say(line)
    if report["errors"]:
        return USAGE
    return FINDINGS if report["findings"] else DONE


def explain(text: str, interesting: bool, analysis: Analysis) -> None:
    """Every stage of the pipe, on stderr."""
    from pueue_skill.model import Script
    from pueue_skill.rules.work import weigh

    out = [f"gate      {'a rule may match' if interesting else 'no rule can match'}"]
    script = analysis.script
    out.append(f"parse     {'read by ' + script.parser if isinstance(script, Script) else script.reason}")
    for command in analysis.commands:
        place = [f"on {'→'.join(command.hosts)}"] if command.hosts else []
        place += [f"in {loop.kind}" for loop in command.loops] + list(command.inside)
        place += [f"through {' '.join(command.wrappers)}"] if command.wrappers else []
        place += ["in the background"] if command.background else []
        place += [f"after cd {command.cwd}"] if command.cwd else []
        weight = weigh(command)
        words = " ".join([word.value for word in command.words])
        out.append(f"command   {words}  [{', '.join([*place, weight.size + ': ' + weight.why])}]")
    for finding in analysis.findings:
        out.append(f"finding   {finding.rule} {finding.name} at {finding.start}-{finding.end}: {finding.message}")
    out.append(f"plan      {analysis.plan.verdict}: {analysis.plan.reason}")
    for job in analysis.plan.jobs:
        out.append(f"job       {job.key} on {job.host}: {job.command}")
    print("\n".join(out), file=sys.stderr)


def run(options: argparse.Namespace) -> int:
    from pueue_skill import config, quote
    from pueue_skill.model import LOCAL
    from pueue_skill.parse import parse
    from pueue_skill.plan import plan_for_run

    settings = config.load()
    words = options.command
    text = words[0] if len(words) == 1 else quote.line(words)
    cwd = options.cwd
    if options.host == LOCAL:
        cwd = str(Path(cwd or ".").absolute())
        if not Path(cwd).is_dir():
            return failed(NOT_RUN, f"not queued: there is no folder {cwd}")
    plan = plan_for_run(text, parse(text), settings.by_name(), options.host, cwd)
    host, job = plan.hosts[0], plan.jobs[0]
    job = job._replace(after=tuple([id.rpartition(":")[2] for id in options.after]))
    if not all(id.isdigit() for id in job.after):
        return failed(USAGE, f"--after takes the ids of jobs on {host.name}: {' '.join(options.after)}")
    env = None
    if not host.ssh:
        table = settings.environment.model_copy(update={"mode": options.env} if options.env else {})
        env, left_out = storable(config.job_environment(table, os.environ))
        for name in left_out:
            say(f"the variable {name} is not handed on: it is not UTF-8, and pueue takes nothing else")
    limit = None if options.follow else settings.run.wait if options.wait is None else options.wait
    return submitted(options, job, host, limit, env, Path(cwd) if cwd and not host.ssh else None)


def ssh(options: argparse.Namespace) -> int:
    from pueue_skill import config, quote, remote, runtime
    from pueue_skill.facts import read_ssh
    from pueue_skill.model import LOGIN, Job, Word

    words = tuple([Word(quote.word(value), value, True, 0, 0) for value in ["ssh", *options.command]])
    call = read_ssh(words)
    if call is None:
        return failed(USAGE, "ssh is given no host. Type: pueue-skill ssh [options of ssh] HOST COMMAND")
    try:
        host, command = remote.destination(call, config.load().by_name())
    except remote.Refusal as refusal:
        return failed(USAGE, f"{refusal}: that is for ssh itself. Type: {quote.line(['ssh', *options.command])}")
    if command is None and not options.stdin:
        return failed(USAGE, f"{host.name} is given no command: add one, or --stdin for a script on standard input")
    job = Job("", host.name, host.backend, host.group or None, None, None, command or "", shell="login")
    if command is None:
        job = job._replace(command=f"exec {LOGIN} -l", shell="bash")
    try:
        return submitted(options, job, host, options.wait, unfinished=NOT_RUN)
    except runtime.NoConnection as error:
        return failed(SSH_FAILED, str(error))


def submitted(
    options: argparse.Namespace,
    job: Job,
    host: Host,
    limit: float | None,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    unfinished: int = DONE,
) -> int:
    """Submits `job`, and follows it for `limit` seconds at most: the exit code is the job's own. Raises Unreachable.

    `unfinished` is the exit code for a job that goes on.
    """
    from pueue_skill import runtime

    job = job._replace(
        key=options.key or secrets.token_hex(6),
        group=options.group or job.group,
        label=options.label or job.label,
        stdin=standard_input() if options.stdin else None,
        split_output=options.split_output,
    )
    try:
        queued = runtime.submit(job, host, env, cwd)
    except ValueError as error:
        return failed(NOT_RUN, f"not queued: {error}")
    state = queued.state
    name = f"{host.name}:{state.id}"
    if not queued.new:
        say(f"{name} is that job already")
    if queued.group and queued.group.status != "running" and state.status != "done":
        say(
            f"group {queued.group.name} of {host.name} is {queued.group.status}: {name} waits until it is started (pueue start --group {queued.group.name})"
        )
    if options.detach:
        print(name)
        return DONE
    last = state
    started = time.monotonic()
    try:
        for now in followed(state, host):
            last = now or last
            if last.status != "done" and limit is not None and time.monotonic() - started >= limit:
                break
    except KeyboardInterrupt:
        return failed(INTERRUPTED, f"{name} goes on without you; follow it with: pueue-skill log --follow {name}")
    except runtime.Unreachable as error:
        return failed(
            NOT_RUN, f"what became of {name} is not known: {error}\nAsk again with: pueue-skill log --follow {name}"
        )
    if last.status != "done":
        say(f"{name} is {last.status} and goes on; follow it with: pueue-skill log --follow {name}")
        return unfinished
    return ended(name, last)


def standard_input() -> bytes:
    """All of standard input; nothing where it is closed."""
    if sys.stdin is None:
        return b""
    if sys.stdin.isatty():
        say("reading the terminal for the job's standard input, until Ctrl-D")
    return sys.stdin.buffer.read()


def followed(state: State, host: Host) -> Iterator[State | None]:
    """Follows a job: its output goes to stdout, and to stderr what is kept apart; its states come back, and None now and
    then while there is nothing."""
    from pueue_skill import runtime
    from pueue_skill.model import State

    for event in runtime.follow(state, host):
        if isinstance(event, runtime.Output):
            out = sys.stderr if event.error else sys.stdout
            out.buffer.write(event.data)
            out.buffer.flush()
        elif isinstance(event, runtime.Lost):
            say(f"{event.reason}; trying again")
        yield event if isinstance(event, State) else None


def ended(name: str, state: State) -> int:
    """The exit code for a job that is done, with a word where it is not the job's own."""
    from pueue_skill import runtime

    why = {
        "killed": "was killed in the queue, or its daemon ended",
        "dependency": "did not run: a job that it comes after failed",
        "spawn": f"could not be started: {state.detail}",
        "unknown": "ended, and the queue does not know how",
    }.get(state.result or "")
    if why:
        say(f"{name} {why}")
    return runtime.exit_code(state)


def storable(env: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """`env` without what is not UTF-8 (pueue 4.0.4 panics on it), and the names of that."""
    kept, left_out = {}, []
    for name, value in env.items():
        try:
            (name + value).encode("utf-8")
            kept[name] = value
        except UnicodeEncodeError:
            left_out.append(name.encode("utf-8", "replace").decode())
    return kept, left_out


def status(options: argparse.Namespace) -> int:
    import datetime as dt

    from pueue_skill import config, render, reports, runtime

    hosts = config.load().by_name()
    unknown = [name for name in options.hosts if name not in hosts]
    if unknown:
        return failed(USAGE, f"no host is called {unknown[0]}; configured: {', '.join(hosts)}")
    answers = runtime.queues([hosts[name] for name in options.hosts or hosts])
    report = reports.status([(host, queue) for host, queue in answers])
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        from rich.console import Console

        Console(highlight=False).print(render.status_table(report, dt.datetime.now(dt.UTC)))
    return DONE if all(host["reachable"] for host in report["hosts"]) else UNREACHABLE


def log(options: argparse.Namespace) -> int:
    from pueue_skill import config, reports, runtime

    state, host = runtime.find(options.job, config.load().by_name())
    if options.json:
        print(json.dumps(reports.state_report(host, state), indent=2))
        return DONE
    for now in followed(state, host):
        if now:
            state = now
            if not options.follow:
                return DONE
    return ended(f"{host.name}:{state.id}", state)


def wait(options: argparse.Namespace) -> int:
    from pueue_skill import config, runtime
    from pueue_skill.model import State

    state, host = runtime.find(options.job, config.load().by_name())
    for event in runtime.follow(state, host):
        if isinstance(event, State):
            state = event
    return ended(f"{host.name}:{state.id}", state)


def history(options: argparse.Namespace) -> int:
    import sqlite3

    from pueue_skill import store
    from pueue_skill.rules.evidence import spoken

    if options.forget:
        try:
            count = store.forget(None if options.forget == "all" else options.forget)
        except (sqlite3.Error, OSError) as error:
            return failed(INTERNAL, f"{store.path()}: {error}. Remove the file to start anew")
        say(f"forgot {count} runs")
        return DONE if count else FINDINGS
    remembered = store.durations()
    if options.json:
        print(json.dumps({"version": 1, "shapes": {shape: list(runs) for shape, runs in remembered.items()}}, indent=2))
        return DONE
    for shape, runs in sorted(remembered.items(), key=lambda item: -max(item[1])):
        print(f"{', '.join([spoken(run) for run in runs[-3:]]):<20} {shape}")
    return DONE


def rules(options: argparse.Namespace) -> int:
    from pueue_skill.rules import RULES

    for one in RULES:
        print(f"{one.id}  {one.name:<24} {one.confidence:<7} {'rewrite' if one.rewrite else 'advice ':<8} {one.what}")
    return DONE


def rule(options: argparse.Namespace) -> int:
    from pueue_skill.rules import BY_ID

    one = BY_ID.get(options.id.upper())
    if one is None:
        return failed(USAGE, f"there is no rule {options.id}. See: pueue-skill rules")
    print(one.page())
    return DONE


def schema(options: argparse.Namespace) -> int:
    from pueue_skill.schemas import SCHEMAS

    print(json.dumps(SCHEMAS[options.schema](), indent=2))
    return DONE
