"""Units: queue tasks that work through many items of a batch, on pueue 4. Packs in, sh text out.

Of the items of a pack, what has not ended, and no unit in the queue has, goes into new units. A unit's share is a file on its
host, a line an item; what has ended stands in the batch's journal, so a unit that is started again skips that. Whatever of a unit
still runs holds a lock on its share: neither another run of it nor a submission takes up its items until then.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence

from pueue_skill import quote
from pueue_skill.backends.pueue import FOLDER, head, name_of, put, task, task_words
from pueue_skill.backends.scripts import REPLY
from pueue_skill.model import Host, Job
from pueue_skill.record import NamedTuple


class Pack(NamedTuple):
    """Items, (key, bash text) each, for units of `share` items of which each runs `slots` at once; `job` is what they have in common."""

    job: Job
    items: tuple[tuple[str, str], ...]
    share: int
    slots: int

    @property
    def key(self) -> str:
        return self.job.key


# Runs in the task of a unit. bash 3.2 must do: macOS has no other.
UNIT = r"""# KEY SLOTS: works through the share of a unit; fails when not all of it has succeeded.
name=${1%%:*} unit=${1#*:*:} slots=$2
unit=${unit%:*}
batches=$HOME/.local/share/pueue-skill/batches
journal=$batches/$name units=$batches/$name.units
share=$units/$unit
exec 9<"$share" || exit 74
if command -v flock >/dev/null && ! flock -n 9; then
  echo "waiting for what an earlier run of this unit has left running"
  flock 9
fi
now() { if [ -n "${EPOCHSECONDS-}" ]; then now=$EPOCHSECONDS; else now=$(date +%s); fi; }
# SLOT: its items, one after the other. The end of each is written down once its output is kept.
work() {
  log=$units/log-$unit-$1 at=$units/at-$unit-$1 out=$units/out-$unit-$1
  offset=0
  if [ -e "$log" ]; then offset=$(($(wc -c <"$log"))); fi
  while IFS= read -r line <&3; do
    item=${line%% *}
    printf -v text %b "${line#* }"
    now
    began=$now
    printf '%s %s\n' "$item" "$began" >"$at"
    bash -c "$text" </dev/null >"$out" 2>&1 3<&-
    status=$?
    now
    size=0
    if [ -s "$out" ]; then
      cat "$out" >>"$log"
      size=$(($(wc -c <"$log") - offset))
    fi
    printf 'ended %s %s %s %s %s\n' "$item" "$status" "$now" "$((now - began))" "log-$unit-$1 $offset $size" >>"$journal"
    offset=$((offset + size))
  done 3<"$units/todo-$unit-$1"
  rm -f "$at" "$out" "$units/todo-$unit-$1"
}
left() {
  awk -v slots="$slots" -v todo="$units/todo-$unit-" -v journal="$journal" '
    FILENAME == journal {
      if ($1 == "ended") code[$2] = $3
      if ($1 == "again") delete code[$2]
      next
    }
    !($1 in code) { file = todo (n++ % slots); print > file }
    END { print n + 0 }
  ' "$journal" "$share"
}
rm -f "$units/at-$unit-"* "$units/out-$unit-"*
# Once more, for what was to be done again in the meantime.
while rm -f "$units/todo-$unit-"* && count=$(left) && [ "$count" -gt 0 ]; do
  slot=0
  while [ "$slot" -lt "$slots" ] && [ "$slot" -lt "$count" ]; do
    work "$slot" &
    slot=$((slot + 1))
  done
  wait
done
awk -v journal="$journal" '
  FILENAME == journal {
    if ($1 == "ended") code[$2] = $3
    next
  }
  { all++ }
  $1 in code && code[$1] == 0 { fine++; next }
  { if (++bad <= 20) print $1 " exit " code[$1] }
  END { print fine + 0 " of " all " succeeded"; exit fine != all }
' "$journal" "$share"
"""
RUNNER = name_of(UNIT.encode())

# After the queue was asked, under the lock. What no unit in the queue has, and what nobody works on, is packed.
PACK = r"""units=$folder/{name}.units
(umask 077 && mkdir -p "$units") || exit 74
decoded <<'DATA' | gzip -dc >"$scratch.data" || exit 74
{data}DATA
living() {{
  : >"$scratch.living"
  awk '/^"id":/ {{ id = $0; gsub(/[^0-9]/, "", id); next }}
    /^PUEUE_SKILL_KEY=[^:]*:[^:]*:unit-/ {{ n = split($0, part, ":"); if (part[1] == "PUEUE_SKILL_KEY={name}") print id, part[3] }}' \
    "$scratch.queue" >"$scratch.tasks"
  for share in "$units"/unit-*; do
    [ -e "$share" ] || continue
    unit=${{share##*/}}
    id=$(awk -v unit="$unit" '$2 == unit {{ print $1; exit }}' "$scratch.tasks")
    if [ -n "$id" ]; then echo "$id $unit" >>"$scratch.living"
    elif command -v flock >/dev/null && ! flock -n "$share" true; then echo "- $unit" >>"$scratch.living"
    else rm -f "$share"
    fi
  done
}}
living
packing() {{ (
  cd "$units" || exit 74
  # shellcheck disable=SC2046
  awk -v units="$units" -v stamp="$(date +%s)-$$" -v make="$1" -v journal="$journal" -v scratch="$scratch" '
    BEGIN {{ {shares} }}
    FILENAME == journal {{
      if ($1 == "ended") code[$2] = $3
      if ($1 == "again") delete code[$2]
      next
    }}
    FILENAME == scratch ".living" {{ id[$2] = $1; next }}
    FILENAME != scratch ".data" {{
      owner[$1] = FILENAME; name = $1; sub(/:[^:]*$/, "", name); was[name] = FILENAME
      next
    }}
    {{
      pack = $1; key = $2; name = key; sub(/:[^:]*$/, "", name)
      seen[pack]
      if (key in owner) {{ old[pack]++; of = owner[key] }}
      else if (key in code) {{ ended[pack]++; if (code[key] != 0) bad[pack]++; next }}
      else if (name in was) {{ changed[pack]++; of = was[name]; print "unit", of, id[of] }}
      else {{
        if (make) {{
          n = fresh[pack] + 0
          if (n % share[pack] == 0) {{
            if (file) close(file)
            unit = "unit-" stamp "-" pack "-" int(n / share[pack])
            file = units "/" unit
            print "new", pack, unit
          }}
          print substr($0, length(pack) + 2) > file
        }}
        fresh[pack]++
        next
      }}
      if (!((pack, of) in has)) {{ has[pack, of]; if (id[of] != "-") ids[pack] = ids[pack] " " id[of] }}
    }}
    END {{
      for (pack in seen) {{
        print "pack", pack, fresh[pack] + 0, old[pack] + 0, ended[pack] + 0, changed[pack] + 0
        print "ids", pack, ids[pack]
        if (bad[pack]) print "bad", pack
      }}
    }}
  ' "$scratch.living" $(awk '{{ print $2 }}' "$scratch.living") "$journal" "$scratch.data"
) }}
if [ -n "$replace" ]; then
  # Units that hold items whose definition has changed are packed anew, unless they run.
  packing '' | awk '$1 == "unit" && !seen[$2]++ {{ print $3 }}' >"$scratch.replaced"
  while read -r id; do
    if [ "$id" != - ] && ask remove "$id" >/dev/null 2>&1; then
      awk -v id="$id" '/^"id":/ {{ on = $0 != "\"id\":" id "," }} on' "$scratch.queue" >"$scratch.queue.new"
      mv "$scratch.queue.new" "$scratch.queue"
    fi
  done <"$scratch.replaced"
  living
fi
packing 1 >"$scratch.packed"
eval "$(awk '
  $1 == "ids" {{ pack = $2; $1 = $2 = ""; print "id_" pack "=\"" $0 "\"" }}
  $1 == "pack" && $3 + $4 + $6 == 0 {{ print "ended_" $2 "=0" }}
  $1 == "bad" {{ print "id_" $2 "=; ended_" $2 "=1" }}
' "$scratch.packed")"
# pack INDEX "INDEX...": adds the new units of a pack.
pack() {{
  index=$1
  grep "^pack $index " "$scratch.packed"
  grep -q "^new $index " "$scratch.packed" || return 0
  parents "$index" "$2" || return 0
  awk -v pack="$index" '$1 == "new" && $2 == pack {{ print $3 }}' "$scratch.packed" >"$scratch.units"
  while read -r unit <&4; do
    "unit_$index" "$unit" $after &
    started
  done 4<"$scratch.units"
}}
"""


def pack_script(name: str, packs: Sequence[tuple[int, Pack]]) -> str:
    """sh text for the submission of a batch: what makes units of the items of packs, each of an index."""
    text = "".join([f"{index} {key} {escaped(text)}\n" for index, pack in packs for key, text in pack.items])
    # Written the same whenever: no time in the head.
    data = gzip.compress(text.encode("utf-8", "surrogateescape"), 6, mtime=0)
    shares = "; ".join([f"share[{index}] = {pack.share}" for index, pack in packs])
    written = PACK.format(name=name, data=base64.encodebytes(data).decode(), shares=shares)
    return f"{put(RUNNER, UNIT.encode())}\n{written}{''.join([added(index, pack) for index, pack in packs])}"


def added(index: int, pack: Pack) -> str:
    """sh text of the function that adds a unit of a pack, of a name, after tasks."""
    phase = ":".join(pack.key.split(":")[:2])
    work = f'exec bash "{FOLDER}/{RUNNER}" "$PUEUE_SKILL_KEY" {pack.slots}'
    text, _ = task(pack.job._replace(key="@KEY@", command=work))
    words = task_words(pack.job._replace(label=""), quote.word(text).replace("@KEY@", "'\"$key\"'"), ())
    label = f'--label={quote.word(f"{pack.job.label}:")}"${{unit#unit-}}"'
    return f'unit_{index}() {{\n  unit=$1 key={phase}:$1:0\n  shift\n  add {index} "$key" "$@" {label} {words}\n}}\n'


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


AGAIN = r"""cat >>"$HOME/.local/share/pueue-skill/batches/{name}" <<'KEYS'
{lines}
KEYS
"""


def again(name: str, keys: Sequence[str]) -> str:
    """sh text after which units take up items that had ended."""
    return AGAIN.format(name=name, lines="\n".join([f"again {key}" for key in keys])) if keys else ""


STATUS = r"""units=$HOME/.local/share/pueue-skill/batches/{name}.units
{{
  for share in "$units"/unit-*; do
    [ -e "$share" ] || continue
    echo "unit ${{share##*/}}"
    cut -d ' ' -f 1 "$share"
  done
  for at in "$units"/at-*; do
    [ -e "$at" ] || continue
    echo "now $(cat "$at")"
  done
  cat "$HOME/.local/share/pueue-skill/batches/{name}" 2>/dev/null
}} | gzip -c | base64
"""


# As scripts.TAILS: an item that is worked on writes to a file of its own; what it wrote is then kept in the log of its slot.
TAILS = r"""echo '{reply}'
cd "$HOME/.local/share/pueue-skill/batches/{name}.units" || exit
for key in {keys}; do
  at=$(grep -l "^$key " at-* 2>/dev/null | head -n 1)
  if [ -n "$at" ]; then
    file=out-${{at#at-}} offset=0
    size=$(($(wc -c <"$file")))
  else
    # shellcheck disable=SC2046
    set -- $(awk -v key="$key" '$1 == "ended" && $2 == key {{ line = $0 }} END {{ print line }}' "../{name}")
    file=${{6:-/dev/null}} offset=${{7:-0}} size=${{8:-0}}
  fi
  if [ "$size" -gt {count} ]; then
    offset=$((offset + size - {count})) size={count}
  fi
  echo "tail $key"
  tail -c "+$((offset + 1))" "$file" | head -c "$size" | base64
  echo .
done
"""


def tails_script(host: Host, name: str, keys: Sequence[str], count: int) -> str:
    """A sh script that answers with the last `count` bytes of what items wrote, by key, for pueue.read_tails."""
    return head(host) + TAILS.format(name=name, keys=" ".join(keys), count=count, reply=REPLY)


class Units(NamedTuple):
    """What units there are: the unit of each item, by keys; and which items are worked on."""

    owner: dict[str, str]
    running: set[str]


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
