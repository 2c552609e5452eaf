# Submits packs: a unit, which is one task, runs many items of a pack. After read_tasks (batch.sh), under the lock, `make_units` puts the
# items that have not ended and that no unit has into new units; then `pack` adds these. PQ_ITEMS is a line `INDEX KEY TEXT` for each
# item, gzipped and in base64. PQ_SHARES are pairs of words, the index of a pack and the number of items in a unit. The share of a unit is
# a file `unit-...` in $pq_units, with a line `KEY TEXT` for each item.
# shellcheck disable=SC2034,SC2154 # the words of `pack` read pq_key; batch_submit.sh sets pq_scratch, pq_folder and pq_journal
: "${PQ_BATCH:?}" "${PQ_ITEMS?}" "${PQ_SHARES?}" "${PQ_REPLACE?}"

make_units() {
    pq_units=$pq_folder/$PQ_BATCH.units
    (umask 077 && mkdir -p "$pq_units") || exit 74
    printf '%s\n' "$PQ_ITEMS" | fold -w 76 | decoded | gzip -dc >"$pq_scratch.data" || exit 74
    read_units
    if [ -n "$PQ_REPLACE" ]; then
        # Items of units in which a definition has changed go into new units, unless the unit runs.
        packing '' | awk '$1 == "unit" && !seen[$2]++ { print $3 }' >"$pq_scratch.replaced"
        while read -r pq_id; do
            if [ "$pq_id" != - ] && ask remove "$pq_id" >/dev/null 2>&1; then
                awk -v id="$pq_id" '/^"id":/ { on = $0 != "\"id\":" id "," } on' "$pq_scratch.queue" >"$pq_scratch.queue.new"
                mv "$pq_scratch.queue.new" "$pq_scratch.queue"
            fi
        done <"$pq_scratch.replaced"
        read_units
    fi
    packing 1 >"$pq_scratch.packed"
    eval "$(awk '
        $1 == "ids" { pack = $2; $1 = $2 = ""; print "pq_id_" pack "=\"" $0 "\"" }
        $1 == "pack" && $3 + $4 + $6 == 0 { print "pq_ended_" $2 "=0" }
        $1 == "bad" { print "pq_id_" $2 "=; pq_ended_" $2 "=1" }
    ' "$pq_scratch.packed")"
}

# Writes to .living a line `ID UNIT` for each unit in the queue, `- UNIT` for one whose processes still run. Removes other shares.
read_units() {
    : >"$pq_scratch.living"
    awk -v batch="PUEUE_SKILL_KEY=$PQ_BATCH" '
        /^"id":/ { id = $0; gsub(/[^0-9]/, "", id); next }
        /^PUEUE_SKILL_KEY=[^:]*:[^:]*:unit-/ { split($0, key, ":"); if (key[1] == batch) print id, key[3] }
    ' "$pq_scratch.queue" >"$pq_scratch.tasks"
    for pq_share in "$pq_units"/unit-*; do
        [ -e "$pq_share" ] || continue
        pq_unit=${pq_share##*/}
        pq_id=$(awk -v unit="$pq_unit" '$2 == unit { print $1; exit }' "$pq_scratch.tasks")
        if [ -n "$pq_id" ]; then
            echo "$pq_id $pq_unit" >>"$pq_scratch.living"
        elif command -v flock >/dev/null && ! flock -n "$pq_share" true; then
            echo "- $pq_unit" >>"$pq_scratch.living"
        else rm -f "$pq_share"; fi
    done
}

# packing MAKE: prints for each pack a line `pack INDEX NEW OLD ENDED CHANGED` with numbers of items, `ids INDEX ID...` with the units that
# have its items, and `bad INDEX` if an item has failed; and a line `unit UNIT ID` for each unit with a changed item. With MAKE it writes
# the shares of new units, and prints a line `new INDEX UNIT` for each.
packing() (
    cd "$pq_units" || exit 74
    # shellcheck disable=SC2046 # one word per unit
    awk -v units="$pq_units" -v stamp="$(date +%s)-$$" -v make="$1" -v journal="$pq_journal" -v scratch="$pq_scratch" -v shares="$PQ_SHARES" '
        BEGIN { n = split(shares, words, " "); for (i = 1; i < n; i += 2) share[words[i]] = words[i + 1] }
        FILENAME == journal {
            if ($1 == "ended") code[$2] = $3
            if ($1 == "again") delete code[$2]
            next
        }
        FILENAME == scratch ".living" { id[$2] = $1; next }
        FILENAME != scratch ".data" {
            owner[$1] = FILENAME; name = $1; sub(/:[^:]*$/, "", name); was[name] = FILENAME
            next
        }
        {
            pack = $1; key = $2; name = key; sub(/:[^:]*$/, "", name)
            seen[pack]
            if (key in owner) { old[pack]++; of = owner[key] }
            else if (key in code) { ended[pack]++; if (code[key] != 0) bad[pack]++; next }
            else if (name in was) { changed[pack]++; of = was[name]; print "unit", of, id[of] }
            else {
                if (make) {
                    n = fresh[pack] + 0
                    if (n % share[pack] == 0) {
                        if (file) close(file)
                        unit = "unit-" stamp "-" pack "-" int(n / share[pack])
                        file = units "/" unit
                        print "new", pack, unit
                    }
                    print substr($0, length(pack) + 2) > file
                }
                fresh[pack]++
                next
            }
            if (!((pack, of) in has)) { has[pack, of]; if (id[of] != "-") ids[pack] = ids[pack] " " id[of] }
        }
        END {
            for (pack in seen) {
                print "pack", pack, fresh[pack] + 0, old[pack] + 0, ended[pack] + 0, changed[pack] + 0
                print "ids", pack, ids[pack]
                if (bad[pack]) print "bad", pack
            }
        }
    ' "$pq_scratch.living" $(awk '{ print $2 }' "$pq_scratch.living") "$pq_journal" "$pq_scratch.data"
)

# pack INDEX "INDEX..." PHASE WORDS: adds the new units of a pack. The indices are its dependencies. WORDS are those of `pueue add` for the
# unit $pq_unit with the key $pq_key, as sh source; PHASE is the prefix of the key.
pack() {
    pq_index=$1
    grep "^pack $pq_index " "$pq_scratch.packed"
    grep -q "^new $pq_index " "$pq_scratch.packed" || return 0
    parents "$pq_index" "$2" || return 0
    awk -v pack="$pq_index" '$1 == "new" && $2 == pack { print $3 }' "$pq_scratch.packed" >"$pq_scratch.units"
    while read -r pq_unit <&4; do
        pq_key=$3:$pq_unit:0
        eval "add \"\$pq_index\" \"\$pq_key\" $pq_after $4" &
        add_started
    done 4<"$pq_scratch.units"
}
