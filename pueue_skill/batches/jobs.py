"""Jobs: the bash text that an item runs, and its job in a queue."""

from __future__ import annotations

from pueue_skill.plan.model import Job, Needs
from pueue_skill.shell import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.batches.manifest import Manifest, Phase
    from pueue_skill.batches.model import Item

RECORDS_FOLDER = "$HOME/.local/share/pueue-skill/batches"
"""The folder on a host in which jobs record their exit codes: a file per batch, a line per job."""

KILL_GRACE_S = 60
"""Seconds beyond a job's own timeout after which a queue with time limits ends the job."""


def command_text(manifest: Manifest, phase: Phase, command: str) -> str:
    """Return bash text that runs `command` with the environment, timeout and retries of its phase.

    The text is part of a job's definition, and so of its key: any change to it makes submitted jobs `changed`.
    """
    lines = [f"export {name}={quote.word(value)}" for name, value in {**manifest.env, **phase.env}.items()]
    run = f"(\n{command}\n)"
    if phase.timeout is not None:
        run = f"timeout --kill-after=30 {phase.timeout:g} bash -c {quote.word(command)}"
    if phase.retry:
        codes = "|".join([str(code) for code in phase.retry.codes])
        run = (
            f"tries=0\nwhile :; do\n{run}\nstatus=$?\ntries=$((tries + 1))\n"
            f'case $status in {codes}) [ "$tries" -lt {phase.retry.times} ] || break ;; *) break ;; esac\n'
            f"sleep {phase.retry.wait:g}\ndone\n(exit $status)"
        )
    return "\n".join([*lines, run])


def job_of(manifest: Manifest, item: Item, backend: str, queue_records_outcomes: bool = False) -> Job:
    """Return the job of an item. The job records its exit code on its host, unless the scripts of the queue do (`queue_records_outcomes`)."""
    text = job_text(manifest, item)
    if not queue_records_outcomes:
        text = (
            f'{text}\nstatus=$?\nprintf \'ended %s %s %s\\n\' {item.key} "$status" "$(date +%s)"'
            f' >>"{RECORDS_FOLDER}/{manifest.name}"\nexit "$status"'
        )
    timeout_s = item.timeout + KILL_GRACE_S if item.timeout else 0
    return Job(
        item.key, item.host, backend, item.group, item.label, manifest.cwd or None, text, item.after, priority=item.priority,
        needs=Needs(item.memory, item.cpus, item.gpus, timeout_s),
    )  # fmt: skip


def job_text(manifest: Manifest, item: Item) -> str:
    """Return the bash text of an item; a text that uses PUEUE_SKILL_REFRESH sets it to `refresh` if the item starts from scratch."""
    if "$PUEUE_SKILL_REFRESH" not in item.command:
        return item.command
    is_refreshed = f'grep -qxF {item.key} "{RECORDS_FOLDER}/{manifest.name}.refresh" 2>/dev/null'
    return f"PUEUE_SKILL_REFRESH=\nif {is_refreshed}; then PUEUE_SKILL_REFRESH={quote.word(manifest.refresh)}; fi\nexport PUEUE_SKILL_REFRESH\n{item.command}"
