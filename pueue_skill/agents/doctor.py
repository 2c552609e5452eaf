"""Finds what keeps the hooks and the database of this machine from working: checks with a cause and a fix out, in the order in which a hook
needs them.

Looking changes nothing. The hook is run as a client runs it, with a command that a rule flags.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pueue_skill.agents import install
from pueue_skill.agents.event import AGENTS, client
from pueue_skill.configuration import config, settings, tools
from pueue_skill.configuration.errors import NEXT_STEP, ConfigError
from pueue_skill.hosts import transport
from pueue_skill.hosts.doctor.health_check import HealthCheck
from pueue_skill.shell import quote
from pueue_skill.shell.model import LOCAL, Host
from pueue_skill.startup.regex import regex
from pueue_skill.startup.words import counted
from pueue_skill.state import database, paths, sessions
from pueue_skill.state import log as hook_log

RECENT = 7 * 24 * 3600
"""How long an error of a hook is shown, in seconds."""

TRIAL = {
    "cwd": "/",
    "hook_event_name": "PreToolUse",
    "tool_name": "Bash",
    "tool_input": {"command": "python train.py"},
}
"""An event without a session: a session is reminded of the same command only once."""

SMALL = 50_000_000


NOT_INSTALLED = (
    "no hooks are installed in the settings of an agent (a plugin has its own). Try: pueue-skill install AGENT"
)


def checks() -> Iterator[HealthCheck]:
    """Check this machine's configuration, hooks, database and log, in this order."""
    yield from configuration()
    yield python()
    yield trial()
    installed = list(hooks())
    yield from installed or [HealthCheck("hooks", "ok", NOT_INSTALLED)]
    yield memory()
    yield disk()
    yield from log()


def configuration() -> Iterator[HealthCheck]:
    """Return a check for each mistake in the configuration, which the other checks leave out."""
    own, broken = tools.user_files()
    mistakes = [(line, tools.ALL_KEYS) for error in broken for line in error.splitlines() if line != tools.ALL_KEYS]
    hosts = 0
    try:
        hosts = len(config.load().hosts)
        preferences = settings.load(paths.working() or "/").preferences
        mistakes += [(line, tools.ALL_KEYS) for file in own for line in tools.misjudged(file, preferences)]
    except ConfigError as error:
        mistakes[:0] = [(line, config.ALL_KEYS) for line in str(error).splitlines() if line != config.ALL_KEYS]
    for mistake, keys in mistakes:
        what, _, fix = mistake.partition(NEXT_STEP)
        yield HealthCheck("configuration", "failure", what, fix or f"correct the file. {keys}")
    if not mistakes:
        files = [file for file in (paths.user_file(), *paths.tool_files()) if os.path.exists(file)]
        shown = ", ".join(files) or f"there is no {paths.user_file()}"
        yield HealthCheck("configuration", "ok", f"{counted(hosts, 'host')}; {shown}")


def python() -> HealthCheck:
    """Check the Python that the launcher finds, in the way it finds it."""
    here = install.share_folder() / "hooks"
    script = f'here={quote.word(str(here))}; . "$here/python.sh"; each_python \'\' :; printf %s "$python"\n'
    found = transport.run(Host(LOCAL), script, timeout=10).text
    if not found:
        return HealthCheck(
            "python", "failure", "the launcher finds no Python with pueue-skill's packages", f"sh {here / 'prepare'}"
        )
    done = transport.run(
        Host(LOCAL),
        f"{quote.word(found)} -I -c 'import bashlex, tree_sitter_bash, pydantic, yaml, rich, jsonschema'\n",
        timeout=30,
    )
    if done.code:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return HealthCheck(
            "python", "failure", f"{found}: {lines[-1] if lines else 'does not run'}", f"sh {here / 'prepare'}"
        )
    return HealthCheck("python", "ok", found)


def trial() -> HealthCheck:
    """Run the hook once."""
    launch = install.share_folder() / "hooks/launch"
    if not os.access(launch, os.X_OK):
        return HealthCheck("hook", "failure", f"{launch} cannot be run", f"chmod +x {launch}")
    started = time.monotonic()
    try:
        done = transport.run(
            Host(LOCAL), f"{quote.word(str(launch))} PreToolUse <<'EVENT'\n{json.dumps(TRIAL)}\nEVENT\n", timeout=10
        )
    except transport.Timeout:
        return HealthCheck("hook", "failure", "it did not answer within 10 s", f"see {hook_log.path()}")
    took = f"{(time.monotonic() - started) * 1000:.0f} ms"
    if "PQ302" in done.text:
        return HealthCheck("hook", "ok", f"it answered within {took}")
    if not done.stdout and off():
        return HealthCheck("hook", "ok", f"hook.mode is off; it was silent within {took}")
    return HealthCheck("hook", "failure", f"it said nothing of `python train.py` ({took})", f"see {hook_log.path()}")


def off() -> bool:
    try:
        return settings.load(paths.working() or "/").mode == "off"
    except ConfigError:
        return False


def hooks() -> Iterator[HealthCheck]:
    """Check the hooks in each agent's settings, and other hooks that rewrite commands."""
    for agent in AGENTS:
        of = client(agent)
        for scope in ("user", "project"):
            file = Path(of.file(scope, str(Path.home()), paths.working() or "/"))
            try:
                text = install.read_settings(file)
            except install.CannotInstall as error:
                yield HealthCheck(f"{agent} hooks", "failure", str(error), "fix the file")
                continue
            if text is None:
                continue
            if install.MARK in text:
                gone = [path for path in launchers(text) if not os.access(path, os.X_OK)]
                if gone:
                    yield HealthCheck(
                        f"{agent} hooks",
                        "failure",
                        f"{file}: {gone[0]} is gone",
                        f"pueue-skill install {agent} --scope {scope}",
                    )
                else:
                    yield HealthCheck(f"{agent} hooks", "ok", f"{file}")
            others = [word for word in rewriters(text) if install.MARK not in word]
            if others:
                yield HealthCheck(
                    f"{agent} hooks", "warning", f"{file}: another hook rewrites or checks commands before they run: {others[0][:100]}",
                    "if both rewrite, the one that finishes last wins; hook.mode = \"suggest\" or \"remind\" is safe with it",
                )  # fmt: skip


def launchers(text: str) -> list[str]:
    """Return the launchers that a settings file names, as programs or within a line of shell."""
    found = []
    for string in regex(r'"(?:[^"\\]|\\.)*"').findall(text):
        try:
            line = json.loads(string)
        except ValueError:
            continue
        words = [line] if line.endswith("/hooks/launch") else quote.split(line) or []
        found += [word for word in words if word.endswith("/hooks/launch")]
    return list(dict.fromkeys(found))


def rewriters(text: str) -> list[str]:
    """Return the other programs that a settings file runs before a shell command."""
    try:
        events = json.loads(text).get("hooks", {})
    except ValueError:
        return []
    found: list[str] = []
    for event in ("PreToolUse", "BeforeTool", "beforeShellExecution", "preToolUse"):
        groups: Any = events.get(event, []) if isinstance(events, dict) else []
        for group in groups if isinstance(groups, list) else []:
            matcher = group.get("matcher", "") if isinstance(group, dict) else ""
            handlers = group.get("hooks", [group]) if isinstance(group, dict) else []
            if matcher in ("", "*") or "Bash" in matcher or "shell" in matcher:
                found += [json.dumps(handler) for handler in handlers if not install.is_own(handler)]
    return found


def memory() -> HealthCheck:
    file = database.path()
    if not file.exists():
        return HealthCheck("store", "ok", "no job is recorded yet")
    try:
        waiting = sessions.open_jobs()
    except (sqlite3.Error, OSError) as error:
        return HealthCheck(
            "store",
            "failure",
            f"{file}: {error}",
            f"see which process holds it: lsof {file}; if you move the file away, a new one is created",
        )
    broken = sorted(file.parent.glob(f"{file.name}.broken-*"))
    if broken:
        return HealthCheck(
            "store", "warning", f"it was not a database, and was renamed to {broken[-1]}", f"rm {broken[-1]}"
        )
    return HealthCheck("store", "ok", f"{counted(len(waiting), 'job')} without an outcome; {file}")


def disk() -> HealthCheck:
    folder = Path(paths.data())
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    if free < SMALL:
        return HealthCheck("disk", "failure", f"{free // 1_000_000} MB are free for {folder}", "make room there")
    if not os.access(there, os.W_OK):
        return HealthCheck("disk", "failure", f"{there} cannot be written", f"give it to yourself: ls -ld {there}")
    return HealthCheck("disk", "ok", f"{free // 1_000_000_000} GB are free for {folder}")


def log() -> Iterator[HealthCheck]:
    """Check for recent errors of hooks, each kind once."""
    seen: dict[str, tuple[str, int]] = {}
    try:
        lines = Path(hook_log.path()).read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        try:
            entry = json.loads(line)
            at = time.mktime(time.strptime(entry["at"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
        except (ValueError, KeyError, TypeError):
            continue
        if at > time.time() - RECENT:
            what = f"{entry.get('where')}: {entry.get('what')}"
            seen[what] = (entry["at"], seen.get(what, ("", 0))[1] + 1)
    for what, (last, count) in list(seen.items())[-5:]:
        yield HealthCheck(
            "log",
            "warning",
            f"{what} ({counted(count, 'time')}, last {last})",
            f"once it is fixed: rm {hook_log.path()}",
        )
    if not seen:
        yield HealthCheck("log", "ok", "no failures of hooks are logged")
