# Works through the share of a unit, in its task: the arguments are the task's key and how many items run at once. What has ended stands in
# the batch's journal, so a unit that is started again skips that. Whatever of it still runs holds a lock on its share. Prints how many
# items have succeeded, and fails when not all have. bash 3.2 must do: macOS has no other.
: "${1:?}" "${2:?}"

pq_name=${1%%:*} pq_unit=${1#*:*:} pq_slots=$2
pq_unit=${pq_unit%:*}
pq_batches=$HOME/.local/share/pueue-skill/batches
pq_journal=$pq_batches/$pq_name pq_units=$pq_batches/$pq_name.units
pq_share=$pq_units/$pq_unit
{ [ -r "$pq_share" ] && exec 9<"$pq_share"; } || exit 74
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
