#!/usr/bin/env bash
# The nightly run: what is long is found, each at its own place; what is quick is not.
set -euo pipefail

cd "$(dirname "$0")/.."
git pull --ff-only && uv sync

if [[ -n "${FULL:-}" ]]; then
    python populate_cache.py --symbol BTCUSDT
fi

for year in 2022 2023 2024; do
    python backfill.py --year "$year"
done

case "$1" in
    push) ssh bigblack 'cd ~/ticks
        python train.py --epochs 3' ;;
    *) echo "nothing to push" ;;
esac

ssh bigblack bash -s <<'REMOTE'
cd ~/ticks
python train.py --epochs 5
REMOTE

# pueue: skip
rsync -a data/ backup/data/
rsync -a logs/ backup/logs/

pg_dump -Fc market > market.dump # pueue: skip
pg_dump -Fc orders > orders.dump
echo 'python train.py # pueue: skip'
