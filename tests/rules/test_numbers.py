"""Numbers in commands that Python reads otherwise than shells and programs: any text in, an Analysis out."""

from __future__ import annotations

import pytest

from pueue_skill.plan.analysis import Analysis, analyse
from pueue_skill.shell.model import FileSize
from pueue_skill.startup.numbers import integer, number

NUMBERS = {
    "superscript": "²",
    "circled": "①",
    "Arabic": "٣",
    "full width": "\uff13",
    "400 digits": "9" * 400,
    "5000 digits": "9" * 5000,
    "large exponent": "1e999",
    "fraction": "1.5",
    "underscores": "1__0_",
}
TEXTS = [
    "python x.py --limit N", "x --limit N", "python x.py --epochs N", "python x.py --epochs=Nk", "python x.py -n N", "java -XmxNg -jar a.jar --from N", "python x.py --from 20N",
    "gzip -N a", "xz -TN a", "zstd -N a", "dd if=a of=b bs=NM count=N", "dd if=/dev/zero of=b bs=1M count=N", "split -b NG a", "split -l N a", "ffmpeg -i a.mp4 -t N b.mp4",
    "ffmpeg -i a.mp4 -t N:N:N b.mp4", "ffmpeg -i a.mp4 -frames:v N b.mp4", "sleep N", "sleep Nh", "sleep N; ./run.sh", "while true; do sleep N; done", "until [ -e a ]; do sleep N; done",
    "timeout N python train.py", "for i in {1..N}; do python train.py $i; done", "for i in {N..2..N}; do python train.py $i; done", "for i in $(seq N); do python train.py $i; done",
    "for i in `seq 1 N 5`; do sleep 60; done", "for ((i=0;i<N;i++)); do python train.py $i; done", "for i in N 2; do pueue status | jq .tasks[$i]; done",
    "i=N; python train.py $((i+1)); python train.py $((N*2))", "a=(1 2); python train.py ${a[N]}", "echo a b | xargs -n N python train.py", "echo a b | xargs -P N -n 1 python train.py",
    "parallel -j N python train.py {N} ::: a b", "parallel python train.py {N} ::: a b", "sh -c 'python train.py $N ${N}' a b", "f() { python train.py $N ${N}; }; f a b", "python train.py N>a 2>&N",
    "pytest -n N --count N", "make -jN", "psql -c 'select N; limit N'", "python -c 'import time; time.sleep(N)'", "pueue add --delay N -- a", "pueue parallel N", "pueue kill N",
    "ssh -p N host python train.py", "watch -n N squeue", "tail -n N -f a", "head -c N a", "curl --max-time N -O https://example.com/a.iso", "printf '%0Nd\\n' 1 | xargs python train.py",
    "yes | head -n N | xargs -n 1 python train.py", "while python train.py N; do :; done", "while (( N )); do python train.py; done", "python train.py N.N", "truncate -s NG a", "fallocate -l NG a",
    "echo N | parallel -NN python train.py {} ::: a", "docker run -m Ng img python train.py", "srun -N N python train.py", "sbatch --array=1-N%N a.sh", "python train.py ::: N", "echo $'\\xN\\uN\\N'",
]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_do_not_crash_an_analysis(number: str) -> None:
    for text in TEXTS:
        text = text.replace("N", NUMBERS[number])
        assert isinstance(analyse(text, {}, measure=lambda paths: [FileSize(path, 10**12) for path in paths]), Analysis)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("007", 7), ("12", 12), ("9" * 18, 10**18 - 1), *[(text, None) for text in ("", "-1", "+1", "1_0", " 1", "1\n", "9" * 19, *NUMBERS.values())]],
)  # fmt: skip
def test_an_integer_is_a_few_digits(text: str, expected: int | None) -> None:
    assert integer(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("5", 5), ("2e7", 2e7), ("1_000", 1000), ("0.5", 0.5), ("3.", 3), ("1.5k", 1500), ("9" * 400, float("inf")), *[(text, None) for text in ("", "k", "5x", "-5", "1e-3", ".5", "5 k", "²", "٣")]],
)  # fmt: skip
def test_a_number_has_one_of_the_units(text: str, expected: float | None) -> None:
    assert number(text, {"": 1, "k": 1000}) == expected
