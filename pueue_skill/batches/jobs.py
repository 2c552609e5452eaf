"""Jobs of items: the bash text of an item's work, and its job in a queue."""

from __future__ import annotations

from pueue_skill.plan.model import Job, Needs
from pueue_skill.shell import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.batches.manifest import Manifest, Phase
    from pueue_skill.batches.model import Item

JOURNAL = "$HOME/.local/share/pueue-skill/batches"
"""The folder, on the host, of what its jobs write down when they end: a file a batch, a line a job."""


def work(manifest: Manifest, phase: Phase, command: str) -> str:
    """The bash text of a job, but for what writes its end down."""
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


def job_of(manifest: Manifest, item: Item, backend: str, queue_keeps_ends: bool = False) -> Job:
    """Return the job of an item. Unless the queue's own scripts keep how jobs ended, the job writes its end into a file on its host, which
    neither a clean nor a reboot removes."""
    needs = Needs(item.memory, item.cpus, item.gpus, (item.timeout or 0) and (item.timeout or 0) + 60)
    if queue_keeps_ends:
        return Job(
            item.key, item.host, backend, item.group, item.label, manifest.cwd or None, text_of(manifest, item), item.after,
            priority=item.priority, needs=needs,
        )  # fmt: skip
    end = (
        f'printf \'ended %s %s %s\\n\' {item.key} "$status" "$(date +%s)" >>"{JOURNAL}/{manifest.name}"\nexit "$status"'
    )
    return Job(
        item.key, item.host, backend, item.group, item.label, manifest.cwd or None,
        f"{text_of(manifest, item)}\nstatus=$?\n{end}", item.after, priority=item.priority, needs=needs,
    )  # fmt: skip


def text_of(manifest: Manifest, item: Item) -> str:
    """The bash text of an item's work, told whether it is to begin anew."""
    if "$PUEUE_SKILL_REFRESH" not in item.command:
        return item.command
    wanted = f'grep -qxF {item.key} "{JOURNAL}/{manifest.name}.refresh" 2>/dev/null'
    return f"PUEUE_SKILL_REFRESH=\nif {wanted}; then PUEUE_SKILL_REFRESH={quote.word(manifest.refresh)}; fi\nexport PUEUE_SKILL_REFRESH\n{item.command}"
