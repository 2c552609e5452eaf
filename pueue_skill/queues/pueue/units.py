"""Units: queue tasks that work through many items of a batch, on pueue 4. Packs in, sh text out.

Of the items of a pack, what has not ended, and no unit in the queue has, goes into new units. A unit's share is a file on its
host, a line an item; what has ended stands in the batch's journal, so a unit that is started again skips that. Whatever of a unit
still runs holds a lock on its share: neither another run of it nor a submission takes up its items until then.
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
    """The bash program that is the task of every unit."""
    return script("queues/pueue/unit.bash").encode()


def runner_name() -> str:
    """The name of its file on a host."""
    return name_of(runner())


def items_of(packs: Sequence[tuple[int, Pack]]) -> str:
    """The items of packs, each with its index, as PQ_ITEMS of sh/lib/pack.sh: a line `INDEX KEY TEXT` each, gzipped and in base64."""
    text = "".join([f"{index} {key} {escaped(text)}\n" for index, pack in packs for key, text in pack.items])
    # Written the same whenever: no time in the head.
    data = gzip.compress(text.encode("utf-8", "surrogateescape"), 6, mtime=0)
    return base64.b64encode(data).decode()


def words_of(pack: Pack) -> str:
    """The last words of `pack` in sh/lib/pack.sh: what the keys of its units begin with, and the words of `pueue add` for a unit."""
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
    """A sh script that answers with the last `count` bytes of what items wrote, by key, for pueue.read_tails."""
    return script("queues/pueue/batch_tails", PQ_BATCH=name, PQ_KEYS=" ".join(keys), PQ_COUNT=str(count))


def read_units(answer: str) -> tuple[Units, str]:
    """The units of a batch, and its journal."""
    text = gzip.decompress(base64.b64decode(answer)).decode("utf-8", "surrogateescape")
    owner: dict[str, str] = {}
    running: set[str] = set()
    lines = text.split("\n")
    unit = ""
    for i, line in enumerate(lines):
        word, _, rest = line.partition(" ")
        if word == "unit":
            unit = rest
        elif word == "now":
            unit = ""
            running.add(rest.partition(" ")[0])
        elif not rest and unit:
            owner[word] = unit
        else:
            return Units(owner, running), "\n".join(lines[i:])
    return Units(owner, running), ""
