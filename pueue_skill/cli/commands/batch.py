"""`pueue-skill batch`: a manifest and what to do with it in, exit code out."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pueue_skill.batches import items as batch_items
from pueue_skill.batches import manifest, submission
from pueue_skill.batches.groups import limit_of
from pueue_skill.batches.manifest import Manifest
from pueue_skill.batches.model import BatchError, Item, Sources
from pueue_skill.batches.packs import share_of
from pueue_skill.batches.submission import Standing
from pueue_skill.cli import notifications, parsing, streams
from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, failed, say
from pueue_skill.configuration import settings
from pueue_skill.hosts.client import Unreachable
from pueue_skill.jobs.news import TAIL_BYTES, visible_tail
from pueue_skill.notify import compose
from pueue_skill.queues.registry import KINDS
from pueue_skill.shell import printable, quote
from pueue_skill.shell.model import Host
from pueue_skill.shell.ssh_target import host_named
from pueue_skill.views import documents, tables

BECAUSE = {"killed": False, "internal-fix": False, "corrupt": True, "output-fix": True}
"""Why jobs are started again, and whether they then begin anew."""

ACTIONS = {
    "check": "check the manifest",
    "plan": "print the jobs, their dependencies, the memory that they need, and which are queued already",
    "submit": "add the missing jobs; safe to repeat",
    "status": "print progress by phase and group",
    "watch": "print progress until the batch is done; exit 1 if a job failed",
    "resume": "restart, in place, failed jobs that may succeed now",
    "log": "print the output of a job",
    "cancel": "kill and remove the jobs that have not ended",
}
EXAMPLES = {name: f"{name} rangebar.toml" for name in ACTIONS} | {
    "plan": "plan rangebar.toml populate --svg plan.svg",
    "resume": "resume rangebar.toml --because killed",
    "log": "log rangebar.toml BTCUSDT@250",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    for name, what in ACTIONS.items():
        action = actions.add_parser(
            name,
            help=what,
            description=f"{what[0].upper()}{what[1:]}.",
            epilog=f"example:\n  pueue-skill batch {EXAMPLES[name]}",
        )
        action.add_argument("file", metavar="FILE", help="the manifest: TOML, YAML or JSON (pueue-skill schema batch)")
        if name == "log":
            action.add_argument("label", metavar="LABEL", help="the job")
            action.add_argument(
                "-n",
                "--bytes",
                metavar="N",
                type=parsing.count,
                default=1 << 20,
                help="print the last N bytes (default: 1048576)",
            )
        if name in ("plan", "submit", "status", "watch"):
            action.add_argument(
                "phase", metavar="PHASE", nargs="?", help="only this phase and the phases that it depends on"
            )
        if name in ("plan", "status"):
            shared.add_json(action, "batch-status", "the jobs")
        if name == "plan":
            action.add_argument("--svg", metavar="FILE", help="write the dependencies as an SVG file too")
        if name == "submit":
            action.add_argument(
                "--replace",
                action="store_true",
                help="resubmit jobs whose definition has changed (running jobs are left as is)",
            )
        if name == "watch":
            action.add_argument("--events", action="store_true", help="print a line for each change")
            shared.add_notify(action)
            shared.add_interval(action, 5.0, "ask every S seconds (default: 5)")
        if name == "resume":
            action.add_argument(
                "--because",
                choices=("killed", "internal-fix", "corrupt", "output-fix"),
                help="what went wrong: after corrupt and output-fix jobs begin anew, after killed and internal-fix they continue from"
                " checkpoints (default: restart only jobs that were killed)",
            )
            action.add_argument("--dry-run", action="store_true", help="print what would be done without doing it")


def main(options: argparse.Namespace) -> int:
    """One subcommand of `batch`."""
    file = Path(options.file)
    try:
        made = manifest.load(file)
        folder = file.parent
        sources = Sources(
            lambda pattern: manifest.files_of(pattern, folder), lambda name: manifest.rows_of(folder / name)
        )
        hosts = {name: host_named(name, settings.current().hosts) for name in made.hosts}
        items = batch_items.items(
            made, sources, [name for name, host in hosts.items() if not KINDS[host.backend].PACKS]
        )
        grouped(made, items, hosts)
    except (manifest.ManifestError, BatchError) as error:
        text = str(error) if isinstance(error, manifest.ManifestError) else f"{file}: {error}"
        return failed(ExitCode.USAGE, text)
    except RecursionError:
        return failed(ExitCode.USAGE, f"{file}: too many phases come after each other")
    if getattr(options, "phase", None):
        if options.phase not in made.phases:
            return failed(
                ExitCode.USAGE, f"{file}: there is no phase {options.phase}; phases: {', '.join(made.phases)}"
            )
        items = with_parents(items, options.phase)
    code: int = COMMANDS[options.action](options, made, items, hosts)
    return code


def grouped(made: Manifest, items: Sequence[Item], hosts: Mapping[str, Host]) -> None:
    """Raises BatchError for a group that nobody says the size of."""
    for host, group in dict.fromkeys([(item.host, item.group) for item in items]):
        if group != "default" and limit_of(made, group, dict(hosts[host].groups)) is None:
            raise BatchError(
                f"groups: nothing says how many jobs {group} runs at once; groups: {', '.join(made.groups) or 'none'}"
            )


def with_parents(items: Sequence[Item], phase: str) -> tuple[Item, ...]:
    """The items of a phase, its checks, and all that they come after."""
    by_key = {item.key: item for item in items}
    wanted: set[str] = set()
    open_ = [item.key for item in items if item.phase == phase]
    while open_:
        key = open_.pop()
        if key not in wanted:
            wanted.add(key)
            open_ += by_key[key].after
    return tuple([item for item in items if item.key in wanted])


def check(options: argparse.Namespace, made: Manifest, items: Sequence[Item], hosts: Mapping[str, Host]) -> int:
    count = sum([len(item.each) for item in items])
    say(f"{options.file}: {count} jobs in {len(made.phases)} phases on {', '.join(made.hosts)}")
    return ExitCode.DONE


def plan(options: argparse.Namespace, made: Manifest, items: Sequence[Item], hosts: Mapping[str, Host]) -> int:
    found = submission.standings(made, items, hosts)
    shown = {
        name: [
            Standing(one._replace(after=item.after), "not known", pack=item.key if item.members else "")
            for item in items
            if item.host == name
            for one in item.each
        ]
        if isinstance(answer, Unreachable)
        else answer
        for name, answer in found.items()
    }
    report = documents.batch_status(made.name, shown)
    if options.svg:
        Path(options.svg).write_text(tables.batch_picture(items), "utf-8")
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        from rich.console import Console

        console = Console(highlight=False, file=streams.drawing())
        console.print(tables.batch_table(report))
        console.print(tables.batch_tree(items))
        for line in cost(made, items, hosts):
            say(line)
    return told(found)


def cost(made: Manifest, items: Sequence[Item], hosts: Mapping[str, Host]) -> list[str]:
    """What runs at once at most, and the memory that this needs, against what each host has."""
    lines = []
    for name, host in hosts.items():
        here = [item for item in items if item.host == name]
        groups: dict[str, list[Item]] = {}
        for item in here:
            groups.setdefault(item.group, []).append(item)
        slots = needed = 0
        for group, members in groups.items():
            limit = limit_of(made, group, dict(host.groups))
            # How much each task of the group needs, by the memory and number of what it runs at once.
            tasks = [
                (item.memory, item.slots)
                for item in members
                for _ in range(-(-len(item.each) // share_of(len(item.each), limit or 0)) if item.members else 1)
            ]
            at_once = sorted(tasks, key=lambda task: task[0] * task[1], reverse=True)
            at_once = at_once[: limit if limit else (1 if limit is None else len(tasks))]
            slots += sum([count for _, count in at_once])
            needed += sum([memory * count for memory, count in at_once])
        line = f"{name}: {sum([len(item.each) for item in here])} jobs, {slots} at once at most"
        try:
            has, more = submission.capacity(host)
        except Unreachable:
            has, more = 0, []
        if needed:
            line += f", {needed / 2**30:.1f} GB of memory then"
            if has:
                largest = max(item.memory for item in here)
                line += f"; it has {has / 2**30:.1f} GB, which is enough for {has // largest} jobs of the largest"
                if needed > has:
                    line += f". TOO MUCH by {(needed - has) / 2**30:.1f} GB: lower the limits of its groups"
        lines += [line, *[f"{name}: {said}" for said in more]]
    return lines


def submit(options: argparse.Namespace, made: Manifest, items: Sequence[Item], hosts: Mapping[str, Host]) -> int:
    found = submission.submit(made, items, hosts, options.replace)
    code = ExitCode.DONE
    for name, outcomes in found.items():
        if isinstance(outcomes, Unreachable):
            say(f"{outcomes}\nSubmit again: what is there already is not added twice.")
            code = ExitCode.UNREACHABLE
            continue
        by_key = {item.key: item for item in items}
        counts: Counter[str] = Counter()
        for outcome in outcomes:
            if outcome.what == "pack":
                counts.update(
                    dict(zip(("new", "old", "ended", "changed"), map(int, outcome.detail.split()), strict=True))
                )
            elif outcome.what != "new" or not by_key[outcome.key].members:
                counts[outcome.what] += 1
        words = [f"{counts[what]} {text}" for what, text in WORDS.items() if counts[what]]
        print(f"{name}: {', '.join(words)}")
        for outcome in outcomes:
            item = by_key[outcome.key]
            if outcome.what == "changed":
                say(
                    f"{name}: {printable.line(item.label)} is defined otherwise now than in the queue ({name}:{outcome.detail}); --replace takes the new one, unless it runs"
                )
            elif outcome.what == "pack" and not outcome.detail.endswith(" 0"):
                say(
                    f"{name}: {outcome.detail.split()[-1]} of {printable.line(item.label)} are defined otherwise now than in the queue; --replace takes the new ones, unless their units run"
                )
                code = max(code, ExitCode.FINDINGS)
            elif outcome.what == "held":
                say(
                    f"{name}: {printable.line(item.label)} is not added: what it comes after has failed and is no longer in the queue"
                )
            elif outcome.what == "failed":
                say(f"{name}: {printable.line(item.label)} could not be added: {outcome.detail}")
            if outcome.what in ("changed", "held", "failed"):
                code = max(code, ExitCode.FINDINGS)
    return code


WORDS = {
    "new": "added",
    "old": "there already",
    "ended": "done before",
    "changed": "changed",
    "held": "held",
    "failed": "failed to be added",
}


def status(options: argparse.Namespace, made: Manifest, items: Sequence[Item], hosts: Mapping[str, Host]) -> int:
    found = submission.standings(made, items, hosts)
    report = documents.batch_status(made.name, found)
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        from rich.console import Console

        Console(highlight=False, file=streams.drawing()).print(tables.batch_status(report))
    return told(found)


def told(found: Mapping[str, list[Standing] | Unreachable]) -> int:
    """Says which hosts did not answer."""
    code = ExitCode.DONE
    for answer in found.values():
        if isinstance(answer, Unreachable):
            say(str(answer))
            code = ExitCode.UNREACHABLE
    return code


def watch(options: argparse.Namespace, made: Manifest, items: Sequence[Item], hosts: Mapping[str, Host]) -> int:
    from rich.console import Console

    console = Console(highlight=False, file=streams.drawing())
    seen: dict[str, str] = {}
    started = time.monotonic()
    begun: int | None = None
    tell = notifications.sender() if options.notify else None
    while True:
        found = submission.standings(made, items, hosts)
        all_ = [one for answer in found.values() if not isinstance(answer, Unreachable) for one in answer]
        if options.events:
            for one in all_:
                if seen.get(one.item.key, "missing") != one.what and not (
                    one.what == "queued" and one.item.key not in seen
                ):
                    code = f", exit {one.exit_code}" if one.what == "failed" else ""
                    print(f"{one.item.host} {printable.line(one.item.label)}: {one.what}{code}", flush=True)
                seen[one.item.key] = one.what
        else:
            ended = sum(not one.open and one.what not in ("missing", "changed") for one in all_)
            begun = ended if begun is None else begun
            rate = (ended - begun) / max(1e-9, time.monotonic() - started)
            left = (len(all_) - ended) / rate if rate > 0 else None
            console.print(tables.batch_progress(documents.batch_status(made.name, found), rate, left))
        whole = not any(isinstance(answer, Unreachable) for answer in found.values())
        if tell:
            tell(compose.of_batch(made.name, all_, whole))
        if whole and not any(one.open for one in all_):
            return ExitCode.DONE if all(one.what == "success" for one in all_) else ExitCode.FINDINGS
        if not whole:
            told(found)
        time.sleep(options.every)


def resume(options: argparse.Namespace, made: Manifest, items: Sequence[Item], hosts: Mapping[str, Host]) -> int:
    found = submission.standings(made, items, hosts)
    code = told(found)
    refresh = BECAUSE[options.because] if options.because else False
    if refresh and not made.refresh:
        return failed(
            ExitCode.USAGE,
            f"{options.file}: refresh: nothing says how a command is told to begin anew (as --force-refresh)",
        )
    chosen: list[Standing] = []
    packed = False
    for name, answer in found.items():
        if isinstance(answer, Unreachable):
            continue
        given: list[Standing] = []
        mended = options.because in ("corrupt", "output-fix", "internal-fix")
        for one in submission.advice(made, answer, mended):
            line = f"{name} {printable.line(one.standing.item.label)}: {SAID[one.what]}: {one.why}"
            busy = submission.sibling(made, one.standing, answer) if refresh else None
            if busy and one.what != "not":
                say(
                    f"{name} {printable.line(one.standing.item.label)}: left alone: {printable.line(busy.item.label)}, of the same {made.siblings}, runs; refresh it afterwards"
                )
                code = max(code, ExitCode.FINDINGS)
                continue
            print(line)
            if one.what == "not":
                code = max(code, ExitCode.FINDINGS)
                given.append(one.standing)
            else:
                chosen.append(one.standing)
                packed = packed or not one.standing.state
        ends(options.file, made, name, given, hosts[name])
    if options.dry_run or not chosen:
        if not chosen:
            say("nothing is to be started again")
        return code
    all_found = [one for answer in found.values() if not isinstance(answer, Unreachable) for one in answer]
    for name, survivors in submission.restart(made, chosen, all_found, hosts, refresh).items():
        if isinstance(survivors, Unreachable):
            say(str(survivors))
            code = ExitCode.UNREACHABLE
            continue
        if packed:
            say(f"some are in no unit any more: pueue-skill batch submit {quote.word(options.file)} packs them anew")
        for key, pid in survivors.items():
            say(f"{name} {key}: not started again: process {pid} of it still runs there; end it first")
            code = max(code, ExitCode.FINDINGS)
    return code


SHOWN = 5
"""Jobs of a host whose output is shown, of those that are not started again."""


def ends(file: str, made: Manifest, name: str, given: Sequence[Standing], host: Host) -> None:
    """Shows how the output of jobs ends, and says how to see the whole."""
    ran = [one for one in given if one.exit_code is not None]
    try:
        found = submission.tails(made, ran[:SHOWN], host, TAIL_BYTES)
    except Unreachable as error:
        return say(str(error))
    for one in ran[:SHOWN]:
        label = one.item.label
        text = visible_tail(found.get(one.item.key, b""))
        say(
            f"{name} {printable.line(label)}: its output ends:\n{text}"
            if text
            else f"{name} {printable.line(label)}: it wrote nothing that is still there"
        )
    if ran:
        say(f"whole outputs: pueue-skill batch log {quote.word(file)} LABEL")


def log(options: argparse.Namespace, made: Manifest, items: Sequence[Item], hosts: Mapping[str, Host]) -> int:
    wanted = [item for item in items if options.label in [one.label for one in item.each]]
    if not wanted:
        labels = [one.label for item in items for one in item.each]
        near = difflib.get_close_matches(options.label, labels[:2000], 3) or labels[:3]
        return failed(
            ExitCode.USAGE, f"{options.file}: no job is called {options.label}; similar names: {', '.join(near)}"
        )
    found = submission.standings(made, wanted, hosts)
    code = told(found)
    for name, answer in found.items():
        for one in [] if isinstance(answer, Unreachable) else answer:
            if one.item.label != options.label:
                continue
            say(
                f"{name} {printable.line(one.item.label)}: {one.what}"
                + (f", exit {one.exit_code}" if one.exit_code else "")
            )
            try:
                output = submission.tails(made, [one], hosts[name], options.bytes).get(one.item.key, b"")
            except Unreachable as error:
                say(str(error))
                code = ExitCode.UNREACHABLE
                continue
            sys.stdout.buffer.write(output)
            sys.stdout.buffer.flush()
    return code


SAID = {"again": "again", "after": "again, after what it waits for", "not": "not again"}


def cancel(options: argparse.Namespace, made: Manifest, items: Sequence[Item], hosts: Mapping[str, Host]) -> int:
    found = submission.standings(made, items, hosts)
    code = told(found)
    all_ = [one for answer in found.values() if not isinstance(answer, Unreachable) for one in answer]
    for name, count in submission.cancel(all_, hosts).items():
        if isinstance(count, Unreachable):
            say(str(count))
            code = ExitCode.UNREACHABLE
        else:
            print(
                f"{name}: {count} jobs ended and removed; {sum(one.item.host == name and not one.open for one in all_)} are as they were"
            )
    return code


COMMANDS: dict[str, Any] = {
    "check": check,
    "plan": plan,
    "submit": submit,
    "status": status,
    "watch": watch,
    "resume": resume,
    "log": log,
    "cancel": cancel,
}
