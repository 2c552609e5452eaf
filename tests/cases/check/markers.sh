# A marker silences the statement that it stands by, however many lines that has, and nothing else.
# pueue: skip (small on purpose)
ssh bigblack 'cd ~/ticks
python train.py --epochs 1'

cd data &&
    rsync -a . /backup # pueue: skip

for s in BTC ETH; do
    # pueue: skip
    python backfill.py --symbol "$s"
done # pueue: skip

# pueue: skip
if true; then
    python train.py --epochs 2
fi

python train.py --epochs 3 # pueue: queue

# pueue: skip

python train.py --epochs 4
echo '# pueue: skip'; python train.py --epochs 5
ssh bigblack bash -s <<'REMOTE'
# pueue: skip
python train.py --epochs 6
python train.py --epochs 7
REMOTE
