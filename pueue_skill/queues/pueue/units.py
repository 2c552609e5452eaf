"""Units: tasks of pueue 4 that each run many items of a batch. Packs in, sh text out.

A submission puts the items of a pack that have not ended, and that no unit in the queue has, into new units. The share of a unit is a
file on the host, with one line per item. Items record their outcome in the batch's journal, so a unit that is restarted skips those
that ended. The processes of a unit hold a lock on its share: until they end, neither a restarted unit nor a submission runs its items.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence

from pueue_skill.queues.protocol import Pack, Units
from pueue_skill.queues.pueue.task import FOLDER, name_of, task, task_words
from pueue_skill.queues.script import script
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host


def runner() -> bytes:
    """Return the bash program that every unit runs."""
    return script("queues/pueue/unit.bash").encode()


def runner_name() -> str:
    """Return the name of the runner's file on a host."""
    return name_of(runner())


def items_of(packs: Sequence[tuple[int, Pack]]) -> str:
    """Return the items of (index, pack) as PQ_ITEMS of sh/lib/pack.sh: gzipped and base64-encoded lines `INDEX KEY TEXT`."""
    text = "".join([f"{index} {key} {escaped(text)}\n" for index, pack in packs for key, text in pack.items])
    data = gzip.compress(text.encode("utf-8", "surrogateescape"), 6, mtime=0)  # the same bytes at any time
    return base64.b64encode(data).decode()


def words_of(pack: Pack) -> str:
    """Return PHASE and WORDS for `pack` of sh/lib/pack.sh: the prefix of its units' keys, and the words of `pueue add` for a unit."""
    phase = ":".join(pack.key.split(":")[:2])
    work = f'exec bash "{FOLDER}/{runner_name()}" "$PUEUE_SKILL_KEY" {pack.slots}'
    text, _ = task(pack.job._replace(command=work))
    before, _, after = text.partition(pack.key)
    words = task_words(pack.job._replace(label=""), f'{quote.word(before)}"$pq_key"{quote.word(after)}', ())
    label = f'--label={quote.word(f"{pack.job.label}:")}"${{pq_unit#unit-}}"'
    return f"{phase} {quote.word(f'{label} {words}')}"


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def item_tails_script(host: Host, name: str, keys: Sequence[str], count: int) -> str:
    """Return a sh script that prints the last `count` bytes of the output of items; scripts.read_tails parses its answer."""
    return script("queues/pueue/batch_tails", PQ_BATCH=name, PQ_KEYS=" ".join(keys), PQ_COUNT=str(count))


def read_units(answer: str) -> tuple[Units, str]:
    """Return the units of a batch, and its journal."""
    text = gzip.decompress(base64.b64decode(answer)).decode("utf-8", "surrogateescape")
    owner: dict[str, str] = {}
    running: set[str] = set()
    lines = text.split("\n")
    unit = ""
    for i, line in enumerate(lines):
        word, _, value = line.partition(" ")
        if word == "unit":
            unit = value
        elif word == "now":
            unit = ""
            running.add(value.partition(" ")[0])
        elif not value and unit:
            owner[word] = unit
        else:
            return Units(owner, running), "\n".join(lines[i:])
    return Units(owner, running), ""
