# Runs the items of a unit, as its task: the arguments are the key of the task and the number of parallel items. It records their exit
# codes in the journal of the batch, so a unit that is restarted skips items that ended. The processes of the unit hold a lock on its
# share. Prints the number of items that succeeded, and fails if any item failed. The program works with bash 3.2, as macOS has no other.
: "${1:?}" "${2:?}"

pq_name=${1%%:*} pq_unit=${1#*:*:} pq_slots=$2
pq_unit=${pq_unit%:*}
pq_batches=$HOME/.local/share/pueue-skill/batches
pq_journal=$pq_batches/$pq_name pq_units=$pq_batches/$pq_name.units
pq_share=$pq_units/$pq_unit
{ [ -r "$pq_share" ] && exec 9<"$pq_share"; } || exit 74
if command -v flock >/dev/null && ! flock -n 9; then
    echo "waiting for processes of an earlier run of this unit"
    flock 9
fi
now() { if [ -n "${EPOCHSECONDS-}" ]; then pq_now=$EPOCHSECONDS; else pq_now=$(date +%s); fi; }
# run_slot SLOT: runs its items in order. Stores the output of an item before its exit code.
run_slot() {
    pq_log=$pq_units/log-$pq_unit-$1 pq_current=$pq_units/at-$pq_unit-$1 pq_out=$pq_units/out-$pq_unit-$1
    pq_offset=0
    if [ -e "$pq_log" ]; then pq_offset=$(($(wc -c <"$pq_log"))); fi
    while IFS= read -r pq_line <&3; do
        pq_item=${pq_line%% *}
        printf -v pq_text %b "${pq_line#* }"
        now
        pq_start=$pq_now
        printf '%s %s\n' "$pq_item" "$pq_start" >"$pq_current"
        bash -c "$pq_text" </dev/null >"$pq_out" 2>&1 3<&-
        pq_status=$?
        now
        pq_size=0
        if [ -s "$pq_out" ]; then
            cat "$pq_out" >>"$pq_log"
            pq_size=$(($(wc -c <"$pq_log") - pq_offset))
        fi
        printf 'ended %s %s %s %s %s\n' "$pq_item" "$pq_status" "$pq_now" "$((pq_now - pq_start))" "log-$pq_unit-$1 $pq_offset $pq_size" >>"$pq_journal"
        pq_offset=$((pq_offset + pq_size))
    done 3<"$pq_units/todo-$pq_unit-$1"
    rm -f "$pq_current" "$pq_out" "$pq_units/todo-$pq_unit-$1"
}
# Writes the items that have not ended to one file per slot, and prints their number.
split_items() {
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
# Repeats for items that were restarted meanwhile.
while rm -f "$pq_units/todo-$pq_unit-"* && pq_count=$(split_items) && [ "$pq_count" -gt 0 ]; do
    pq_slot=0
    while [ "$pq_slot" -lt "$pq_slots" ] && [ "$pq_slot" -lt "$pq_count" ]; do
        run_slot "$pq_slot" &
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
  $1 in code && code[$1] == 0 { succeeded++; next }
  { if (++failed <= 20) print $1 " exit " code[$1] }
  END { print succeeded + 0 " of " all " succeeded"; exit succeeded != all }
' "$pq_journal" "$pq_share"
