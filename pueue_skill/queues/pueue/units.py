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
from pueue_skill.queues.pueue.invocation import put
from pueue_skill.queues.pueue.site import head
from pueue_skill.queues.pueue.task import FOLDER, name_of, task, task_words
from pueue_skill.queues.scripts import REPLY
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host

# Runs in the task of a unit. bash 3.2 must do: macOS has no other.
UNIT = r"""# KEY SLOTS: works through the share of a unit; fails when not all of it has succeeded.
pq_name=${1%%:*} pq_unit=${1#*:*:} pq_slots=$2
pq_unit=${pq_unit%:*}
pq_batches=$HOME/.local/share/pueue-skill/batches
pq_journal=$pq_batches/$pq_name pq_units=$pq_batches/$pq_name.units
pq_share=$pq_units/$pq_unit
[ -r "$pq_share" ] && exec 9<"$pq_share" || exit 74
if command -v flock >/dev/null && ! flock -n 9; then
  echo "waiting for what an earlier run of this unit has left running"
  flock 9
fi
now() { if [ -n "${EPOCHSECONDS-}" ]; then pq_now=$EPOCHSECONDS; else pq_now=$(date +%s); fi; }
# SLOT: its items, one after the other. The end of each is written down once its output is kept.
work() {
  pq_log=$pq_units/log-$pq_unit-$1 pq_at=$pq_units/at-$pq_unit-$1 pq_out=$pq_units/out-$pq_unit-$1
  pq_offset=0
  if [ -e "$pq_log" ]; then pq_offset=$(($(wc -c <"$pq_log"))); fi
  while IFS= read -r pq_line <&3; do
    pq_item=${pq_line%% *}
    printf -v pq_text %b "${pq_line#* }"
    now
    pq_began=$pq_now
    printf '%s %s\n' "$pq_item" "$pq_began" >"$pq_at"
    bash -c "$pq_text" </dev/null >"$pq_out" 2>&1 3<&-
    pq_status=$?
    now
    pq_size=0
    if [ -s "$pq_out" ]; then
      cat "$pq_out" >>"$pq_log"
      pq_size=$(($(wc -c <"$pq_log") - pq_offset))
    fi
    printf 'ended %s %s %s %s %s\n' "$pq_item" "$pq_status" "$pq_now" "$((pq_now - pq_began))" "log-$pq_unit-$1 $pq_offset $pq_size" >>"$pq_journal"
    pq_offset=$((pq_offset + pq_size))
  done 3<"$pq_units/todo-$pq_unit-$1"
  rm -f "$pq_at" "$pq_out" "$pq_units/todo-$pq_unit-$1"
}
left() {
  awk -v slots="$pq_slots" -v todo="$pq_units/todo-$pq_unit-" -v journal="$pq_journal" '
    FILENAME == journal {
      if ($1 == "ended") code[$2] = $3
      if ($1 == "again") delete code[$2]
      next
    }
    !($1 in code) { file = todo (n++ % slots); print > file }
    END { print n + 0 }
  ' "$pq_journal" "$pq_share"
}
rm -f "$pq_units/at-$pq_unit-"* "$pq_units/out-$pq_unit-"*
# Once more, for what was to be done again in the meantime.
while rm -f "$pq_units/todo-$pq_unit-"* && pq_count=$(left) && [ "$pq_count" -gt 0 ]; do
  pq_slot=0
  while [ "$pq_slot" -lt "$pq_slots" ] && [ "$pq_slot" -lt "$pq_count" ]; do
    work "$pq_slot" &
    pq_slot=$((pq_slot + 1))
  done
  wait
done
awk -v journal="$pq_journal" '
  FILENAME == journal {
    if ($1 == "ended") code[$2] = $3
    next
  }
  { all++ }
  $1 in code && code[$1] == 0 { fine++; next }
  { if (++bad <= 20) print $1 " exit " code[$1] }
  END { print fine + 0 " of " all " succeeded"; exit fine != all }
' "$pq_journal" "$pq_share"
"""
RUNNER = name_of(UNIT.encode())

# After the queue was asked, under the lock. What no unit in the queue has, and what nobody works on, is packed.
PACK = r"""pq_units=$pq_folder/{name}.units
(umask 077 && mkdir -p "$pq_units") || exit 74
decoded <<'DATA' | gzip -dc >"$pq_scratch.data" || exit 74
{data}DATA
living() {{
  : >"$pq_scratch.living"
  awk '/^"id":/ {{ id = $0; gsub(/[^0-9]/, "", id); next }}
    /^PUEUE_SKILL_KEY=[^:]*:[^:]*:unit-/ {{ n = split($0, part, ":"); if (part[1] == "PUEUE_SKILL_KEY={name}") print id, part[3] }}' \
    "$pq_scratch.queue" >"$pq_scratch.tasks"
  for pq_share in "$pq_units"/unit-*; do
    [ -e "$pq_share" ] || continue
    pq_unit=${{pq_share##*/}}
    pq_id=$(awk -v unit="$pq_unit" '$2 == unit {{ print $1; exit }}' "$pq_scratch.tasks")
    if [ -n "$pq_id" ]; then echo "$pq_id $pq_unit" >>"$pq_scratch.living"
    elif command -v flock >/dev/null && ! flock -n "$pq_share" true; then echo "- $pq_unit" >>"$pq_scratch.living"
    else rm -f "$pq_share"
    fi
  done
}}
living
packing() {{ (
  cd "$pq_units" || exit 74
  # shellcheck disable=SC2046
  awk -v units="$pq_units" -v stamp="$(date +%s)-$$" -v make="$1" -v journal="$pq_journal" -v scratch="$pq_scratch" '
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
  ' "$pq_scratch.living" $(awk '{{ print $2 }}' "$pq_scratch.living") "$pq_journal" "$pq_scratch.data"
) }}
if [ -n "$pq_replace" ]; then
  # Units that hold items whose definition has changed are packed anew, unless they run.
  packing '' | awk '$1 == "unit" && !seen[$2]++ {{ print $3 }}' >"$pq_scratch.replaced"
  while read -r pq_id; do
    if [ "$pq_id" != - ] && ask remove "$pq_id" >/dev/null 2>&1; then
      awk -v id="$pq_id" '/^"id":/ {{ on = $0 != "\"id\":" id "," }} on' "$pq_scratch.queue" >"$pq_scratch.queue.new"
      mv "$pq_scratch.queue.new" "$pq_scratch.queue"
    fi
  done <"$pq_scratch.replaced"
  living
fi
packing 1 >"$pq_scratch.packed"
eval "$(awk '
  $1 == "ids" {{ pack = $2; $1 = $2 = ""; print "pq_id_" pack "=\"" $0 "\"" }}
  $1 == "pack" && $3 + $4 + $6 == 0 {{ print "pq_ended_" $2 "=0" }}
  $1 == "bad" {{ print "pq_id_" $2 "=; pq_ended_" $2 "=1" }}
' "$pq_scratch.packed")"
# pack INDEX "INDEX...": adds the new units of a pack.
pack() {{
  pq_index=$1
  grep "^pack $pq_index " "$pq_scratch.packed"
  grep -q "^new $pq_index " "$pq_scratch.packed" || return 0
  parents "$pq_index" "$2" || return 0
  awk -v pack="$pq_index" '$1 == "new" && $2 == pack {{ print $3 }}' "$pq_scratch.packed" >"$pq_scratch.units"
  while read -r pq_unit <&4; do
    "unit_$pq_index" "$pq_unit" $pq_after &
    started
  done 4<"$pq_scratch.units"
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
    words = task_words(pack.job._replace(label=""), quote.word(text).replace("@KEY@", "'\"$pq_key\"'"), ())
    label = f'--label={quote.word(f"{pack.job.label}:")}"${{pq_unit#unit-}}"'
    return f'unit_{index}() {{\n  pq_unit=$1 pq_key={phase}:$1:0\n  shift\n  add {index} "$pq_key" "$@" {label} {words}\n}}\n'


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


AGAIN = r"""cat >>"$HOME/.local/share/pueue-skill/batches/{name}" <<'KEYS'
{lines}
KEYS
"""


def again(name: str, keys: Sequence[str]) -> str:
    """sh text after which units take up items that had ended."""
    return AGAIN.format(name=name, lines="\n".join([f"again {key}" for key in keys])) if keys else ""


STATUS = r"""pq_units=$HOME/.local/share/pueue-skill/batches/{name}.units
{{
  for pq_share in "$pq_units"/unit-*; do
    [ -e "$pq_share" ] || continue
    echo "unit ${{pq_share##*/}}"
    cut -d ' ' -f 1 "$pq_share"
  done
  for pq_at in "$pq_units"/at-*; do
    [ -e "$pq_at" ] || continue
    echo "now $(cat "$pq_at")"
  done
  cat "$HOME/.local/share/pueue-skill/batches/{name}" 2>/dev/null
}} | gzip -c | base64
"""


# As scripts.TAILS: an item that is worked on writes to a file of its own; what it wrote is then kept in the log of its slot.
TAILS = r"""echo '{reply}'
cd "$HOME/.local/share/pueue-skill/batches/{name}.units" || exit
for pq_key in {keys}; do
  pq_at=$(grep -l "^$pq_key " at-* 2>/dev/null | head -n 1)
  if [ -n "$pq_at" ]; then
    pq_file=out-${{pq_at#at-}} pq_offset=0
    pq_size=$(($(wc -c <"$pq_file")))
  else
    # shellcheck disable=SC2046
    set -- $(awk -v key="$pq_key" '$1 == "ended" && $2 == key {{ line = $0 }} END {{ print line }}' "../{name}")
    pq_file=${{6:-/dev/null}} pq_offset=${{7:-0}} pq_size=${{8:-0}}
  fi
  if [ "$pq_size" -gt {count} ]; then
    pq_offset=$((pq_offset + pq_size - {count})) pq_size={count}
  fi
  echo "tail $pq_key"
  tail -c "+$((pq_offset + 1))" "$pq_file" | head -c "$pq_size" | base64
  echo .
done
"""


def item_tails_script(host: Host, name: str, keys: Sequence[str], count: int) -> str:
    """A sh script that answers with the last `count` bytes of what items wrote, by key, for pueue.read_tails."""
    return head(host) + TAILS.format(name=name, keys=" ".join(keys), count=count, reply=REPLY)


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
