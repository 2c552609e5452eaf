"""Options of scripts as evidence: arguments in, Evidence out.

A name is read by its words: `--num-train-epochs 3`, `trainer.max_epochs=3` and `-nepochs 3` all count epochs.
"""

from __future__ import annotations

from pueue_skill.rules.names import split_name
from pueue_skill.rules.words import (
    COUNTS,
    DATASETS,
    DEVICES,
    FUSED,
    HINT_WORDS,
    HYPERPARAMETERS,
    LIMITS,
    QUALIFIERS,
    SLOW_LIMITS,
    SPREAD,
    STRONG,
    WHOLE,
)
from pueue_skill.startup.numbers import integer, number
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

STRONG_POINTS, SIGN_POINTS, VERB_POINTS, HINT_POINTS = 8, 4, 3, 1
MAX_HINTS = 3
SETTING = regex(r"(?:-{1,2}|[+~]{0,2})([A-Za-z][\w./@-]*)(?:=(.*))?", 16)
UNITS = {"": 1, "k": 1e3, "K": 1e3, "m": 1e6, "M": 1e6}
"""Units of counts: unlike in table.py, `m` is a million, as in `--steps 5m`."""
YEAR = regex(r"(?:19|20)\d\d\b")
JAVA_HEAP = regex(r"-Xmx([0-9]{1,9})g$")
START_DATE = {"start", "from", "since", "startdate"}
MODEL_FILE = regex(r"\.(?:pt|pth|ckpt|safetensors|gguf|bin|pkl|pdparams)$")
DATA_FILE = regex(
    r"\.(?:bam|sam|fastq|fq|fasta|fa|vcf|pbf|osrm|parquet|tfrecords?|epub|mp4|mkv|mov|flac|h5|hdf5|npz|jsonl|mbtiles|tiff?|nc|las|laz|sdf|mmcif|cif|pcap|warc|zip|tar|tgz)(?:\.(?:gz|zst|bz2))?$"
)
OUTPUT = {"out", "output", "save", "log", "logs", "result", "results", "dest", "tmp", "cache"}
NO_SIZE = {
    "port",
    "seed",
    "base",
    "timeout",
    "id",
    "size",
    "p",
    "user",
    "uid",
    "pid",
    "issue",
    "pr",
    "account",
    "job",
    "timestamp",
}


ENOUGH = {"training": (2, 2), "a search": (2, 20), "an optimization": (20, 1000), "sampling": (20, 1000)}
"""The least number that counts as a sign, and as a strong one, by the words of COUNTS."""
DATE = regex(r"(?:19|20)\d\d[01]\d[0-3]\d(?:\d{4,6})?$")
ON, OFF = {"true", "1", "yes", "on"}, {"false", "0", "no", "off"}
"""Values of an option that turn on what its name says, and those that turn it off."""
OWN_LIMITS = {"n", "num", "number", "max", "runs"}
"""Words that alone name a limit: `--n 10`, `-runs=1`."""
NO_LIMITS = {"eval", "test", "per"}
"""Words of an option that limits only a part of a run: `--eval-steps 10`."""


class Evidence(NamedTuple):
    """A reason to expect a long run, and its weight in points."""

    points: int
    why: str


class Setting(NamedTuple):
    """An option with its value, which is empty without one: `--max-epochs 3` or `trainer.max_epochs=3`."""

    written: str
    words: tuple[str, ...]
    value: str


def settings(args: tuple[str, ...]) -> list[Setting]:
    """The options and the `key=value` words of `args`."""
    found = []
    for i, arg in enumerate(args):
        match = SETTING.fullmatch(arg)
        words = split_name(match[1]) if match else []
        if not match or not words or not (arg[0] == "-" or match[2] is not None):
            continue
        value = match[2]
        if value is None:
            following = args[i + 1] if i + 1 < len(args) else ""
            value = "" if following[:1] == "-" and not following[1:2].isdigit() else following
        found.append(Setting(arg.partition("=")[0], tuple([FUSED.get(word, word) for word in words]), value))
    return found


def evidence_in_options(args: tuple[str, ...]) -> list[Evidence]:
    """The Evidence of options, values and file names."""
    found: list[Evidence] = []
    tuned: list[str] = []
    given = settings(args)
    for setting in given:
        others = [word for word in setting.words if word not in QUALIFIERS]
        single = others[0] if len(others) == 1 else ""
        if is_tuning(setting.words, single):
            tuned.append(setting.written)
        found += [evidence for evidence in (of_option(setting, single), of_size(setting)) if evidence]
    if tuned:
        points = STRONG_POINTS if len(tuned) > 1 else SIGN_POINTS
        found.append(Evidence(points, f"a run of a model ({' '.join(tuned[:2])})"))
    found += evidence_in_values(args)
    years = [int(match[0]) for arg in args for match in YEAR.finditer(arg)]
    starts = any(START_DATE & {"".join(setting.words), setting.words[0]} for setting in given if setting.words)
    if starts and years and (len(years) == 1 or max(years) > min(years)):
        found.append(Evidence(SIGN_POINTS, "a run over years of data"))
    names = {setting.words for setting in given}
    if ("symbol",) in names and ("threshold",) in names:
        found.append(Evidence(SIGN_POINTS, "one symbol and threshold of a batch"))
    if any(heap and int(heap[1]) >= 8 for heap in map(JAVA_HEAP.match, args)):
        found.append(Evidence(SIGN_POINTS, "a program with a large heap"))
    return found


def is_tuning(words: tuple[str, ...], single: str) -> bool:
    """Whether an option sets a hyperparameter: --lr, --batch-size, training.learning_rate."""
    neighbors = ["".join(words[i : i + 2]) for i in range(len(words) - 1)]
    return single in HYPERPARAMETERS or not HYPERPARAMETERS.isdisjoint(neighbors)


def of_option(setting: Setting, single: str) -> Evidence | None:
    """The Evidence of one option; `single` is its word without qualifiers, or empty."""
    words, value = setting.words, setting.value
    size = number(value, UNITS)
    shown = f"{setting.written} {value}" if size is not None else setting.written
    if "mode" in words and value.startswith("train"):
        return Evidence(STRONG_POINTS, "training")
    if words[-2:] == ("do", "train") and value.lower() not in ("false", "0", "no"):
        return Evidence(STRONG_POINTS, "training")
    if value.lower() in ("false", "no", "none", "off") or words[0] == "skip" or (words[0] == "no" and size is None):
        return None
    if single in COUNTS and (single not in ("epoch", "step") or len(words) > 1):
        least, many = ENOUGH[COUNTS[single]]
        if size is None or size >= many:
            strong = size is not None or single in ("epochs", "epoch")
            return Evidence(STRONG_POINTS if strong else SIGN_POINTS, f"{COUNTS[single]} with {shown}")
        return Evidence(SIGN_POINTS if size >= least else HINT_POINTS, f"{COUNTS[single]} with {shown}")
    if single == "epoch":
        return Evidence(HINT_POINTS, "a run of a model")  # the epoch of a checkpoint
    if (single in DEVICES or words[-2:] == ("world", "size")) and value.lower() != "cpu":
        several = (size is not None and size >= 2 and single not in ("gpu", "device", "cuda")) or "," in value
        return Evidence(STRONG_POINTS if several else SIGN_POINTS, f"a run on GPUs or nodes ({shown})")
    if single in SPREAD and size not in (0, 1):
        return Evidence(SIGN_POINTS, f"a parallel run with {shown}")
    if single in ("phase", "shard", "fold") or (setting.written == "--stage" and size is not None):
        return Evidence(SIGN_POINTS, f"a run with {shown}")
    whole = next(
        (word for word in (single, *words, "-".join(words)) if word in WHOLE and setting.written[0] == "-"), ""
    )
    if whole and (whole not in ("all", "full", "train") or words[0] == whole):
        return Evidence(SIGN_POINTS, f"{WHOLE[whole]} ({setting.written})")
    if OUTPUT & set(words):
        return None
    if words[-1] in ("data", "dataset", "datasets", "dir", "preset", "folder", "root") or HINT_WORDS & set(words):
        return Evidence(HINT_POINTS, f"a run with {setting.written}")
    return None


def of_size(setting: Setting) -> Evidence | None:
    """The Evidence of a large number."""
    size = number(setting.value, UNITS)
    if setting.written[0] != "-" or size is None or size < 100_000 or NO_SIZE & set(setting.words) or DATE.match(setting.value):  # fmt: skip
        return None
    return Evidence(SIGN_POINTS, f"a run with {setting.written} {setting.value}")


def evidence_in_values(args: tuple[str, ...]) -> list[Evidence]:
    """The Evidence of datasets, models, and files of data that arguments name, and of a training command among them."""
    found = []
    for arg in args:
        value = arg.partition("=")[2] or arg
        words = split_name(value)
        if " " in value and STRONG.get(next((word for word in words if word in STRONG), "")) == "training":
            found.append(Evidence(SIGN_POINTS, "training"))
        elif value[:1] != "-" and any(word in DATASETS for word in words):
            found.append(Evidence(SIGN_POINTS, "work on a whole dataset"))
        elif MODEL_FILE.search(value) or any(word in ("checkpoint", "checkpoints", "ckpt") for word in words):
            found.append(Evidence(HINT_POINTS, "a run of a model"))
        elif DATA_FILE.search(value.lower()) or ("*" in value and "/" in value):
            found.append(Evidence(HINT_POINTS, "a run over files of data"))
    return found


def limit_of(args: tuple[str, ...]) -> tuple[int, str] | None:
    """The smallest number that limits a run, and the name of its option: `--limit 3` is (3, `--limit`); None without one."""
    sized = [(integer(given.value), given) for given in settings(args)]
    return min(
        [(size, given.written) for size, given in sized if size is not None and is_limit(given, size)], default=None
    )


def is_limit(setting: Setting, size: int) -> bool:
    """Whether an option with the number `size` limits a run to little work: `--max-steps 5`, `epochs=0`, `-max_total_time=60`."""
    words = set(setting.words)
    others = words - QUALIFIERS
    if words & NO_LIMITS:
        return False
    if not others:
        return words <= OWN_LIMITS and setting.written != "-n" and size <= 20
    if others <= set(COUNTS) and size == 0:
        return True
    if others <= {"seconds", "secs"} or words == {"max", "total", "time"}:
        return size <= 60
    return others <= LIMITS and size <= (20 if others & SLOW_LIMITS else 1000)


def turns_on(args: tuple[str, ...], names: set[str]) -> str:
    """The option of `args` that is one of `names` by its words and is not turned off, or nothing: `--smoke_test` is `--smoke-test`,
    as is `trainer.smoke_test=true`."""
    for setting in settings(args):
        _, dot, last = setting.written.rpartition(".")
        name = "-".join(split_name(last))
        if name not in names or (
            (dot or setting.written[0] != "-") and "-" not in name
        ):  # `version=1` is a name for a value
            continue
        value = setting.value.lower()
        if value in ON if f"{setting.written}={setting.value}" in args else value not in OFF:
            return setting.written
    return ""
