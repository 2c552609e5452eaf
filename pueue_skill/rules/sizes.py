"""How long a command takes by the bytes that it reads: a Command and the sizes of its files in, a Weight or None out.

`with_sizes` says which files matter to a function that measures them, and adds the sizes to the Commands. Nothing is known about other files, about pipes and about other hosts.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence

from pueue_skill.rules.archives import parse_tar
from pueue_skill.rules.arguments import split_arguments
from pueue_skill.rules.data_programs import CHECKSUMS, COMPRESSORS, COPIES, LOADS, SIZED, TARS, ZIPS
from pueue_skill.rules.model import Weight
from pueue_skill.shell.arguments import ArgSpec
from pueue_skill.shell.model import Command, FileSize
from pueue_skill.shell.printable import byte_size, duration
from pueue_skill.shell.syntax import Word
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    Measure: TypeAlias = "Callable[[Sequence[str]], Iterable[FileSize]]"

MB = 1e6

# Bytes of input per second, on one core and an ordinary disk: estimates for a verdict, right within a factor of two or three.
# Compressors: lzbench on silesia.tar, https://github.com/inikep/lzbench and https://pdes-net.org/cobra/posts/modern-file-compression.html
# (zlib 25-95 MB/s, xz -6 2.3, zstd -1 330, lz4 450, brotli -11 0.4-0.5; decompression is measured by output, a third of it is input).
RATES = {
    "": (300 * MB, 300 * MB),
    "gzip": (50 * MB, 100 * MB),
    "bzip2": (12 * MB, 10 * MB),
    "xz": (4 * MB, 25 * MB),
    "zstd": (300 * MB, 150 * MB),
    "lz4": (400 * MB, 150 * MB),
    "brotli": (0.5 * MB, 80 * MB),
    "7z": (4 * MB, 25 * MB),
}
"""By format, bytes per second of compression and decompression."""

# Checksums: https://www.systutorials.com/136737/which-checksum-tool-on-linux-is-faster/ (in memory: sha256 360 MB/s, md5 600, b2 940;
# from a hard disk 200, whatever the checksum). A copy is as fast as the disks: SATA SSD 500 MB/s, hard disk 150-200.
CHECKSUM = 400 * MB
COPY = 300 * MB
NETWORK = 50 * MB  # between Wi-Fi and 1 Gbit/s (117 MB/s)

# x264 medium encodes 1080p at 1-3 times real time on a few cores, and such a video has about 1 MB/s; audio encoders reach 50-100
# times real time, and WAV has 176 kB/s, MP3 20 kB/s: https://trac.ffmpeg.org/wiki/Encode/H.264
VIDEO = 2 * MB
AUDIO = {"wav": 10 * MB, "aiff": 10 * MB, "flac": 5 * MB}
OTHER_AUDIO = 1 * MB
IMAGES = 2 * MB
# Loads of SQL text and custom dumps, with their indexes; far slower with many of them.
RESTORE = 5 * MB

PARALLEL_COMPRESSORS = {"pigz", "pbzip2", "lbzip2", "pixz", "plzip", "zstdmt", "pzstd"}
CORES = 4
"""The cores that a program with threads is assumed to have."""

CLONES = {"cp"}
"""Programs that may share the blocks of a copy on the same file system (btrfs, XFS, APFS): then any size is quick."""

AUDIO_SUFFIXES = {"wav", "aiff", "flac", "mp3", "m4a", "aac", "ogg", "opus", "wma"}
IMAGE_SUFFIXES = {"png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "heic", "avif"}

OPTIONS = {
    "gzip": ArgSpec("S", "suffix"),
    "pigz": ArgSpec("bpSIJ", "blocksize processes suffix iterations"),
    "xz": ArgSpec("TMSFC", "threads memlimit memlimit-compress suffix format check block-size"),
    "zstd": ArgSpec("oDM", "memory patch-from output-dir-flat output-dir-mirror filelist"),
    "brotli": ArgSpec("oqwSD", "output quality lgwin suffix dictionary"),
    "shasum": ArgSpec("a", "algorithm"),
    "split": ArgSpec("abClnt", "suffix-length bytes line-bytes lines number separator filter additional-suffix"),
    "cp": ArgSpec("tS", "target-directory suffix"),
    "unzip": ArgSpec("dPO"),
    "zip": ArgSpec("bntsxi", "temp-path suffixes exclude include"),
    "scp": ArgSpec("cFiJlDoPSX"),
    "rsync": ArgSpec(
        "eBfTM@",
        "rsh exclude include exclude-from include-from files-from filter block-size temp-dir rsync-path password-file bwlimit port log-file "
        "log-file-format out-format timeout contimeout partial-dir backup-dir compare-dest copy-dest link-dest chmod chown max-size min-size "
        "max-delete max-alloc suffix info debug skip-compress modify-window sockopts iconv remote-option usermap groupmap stop-after stop-at "
        "compress-level compress-choice checksum-choice checksum-seed address config write-batch read-batch protocol",
    ),
    "psql": ArgSpec("cdfvFLoPRThpU", "command dbname file set variable field-separator log-file output pset record-separator table-attr host port username"),
    "pg_restore": ArgSpec("dfFIjLnNPtThpUS", "dbname file format index jobs use-list schema exclude-schema function table trigger host port username role section superuser"),
    "mysql": ArgSpec("eDhPuS", "execute database host port user socket default-character-set max-allowed-packet"),
    "sqlite3": ArgSpec(),
}  # fmt: skip
OPTIONS |= {"unpigz": OPTIONS["pigz"], "zstdmt": OPTIONS["zstd"], "mariadb": OPTIONS["mysql"]}
OPTIONS |= {name: OPTIONS["xz"] for name, form in COMPRESSORS.items() if form[:2] == "xz" and name != "xz"}
"""The options with a value."""

LOCAL_WRAPPERS = {
    "sudo", "doas", "nice", "ionice", "nohup", "time", "timeout", "stdbuf", "env", "caffeinate", "setsid", "taskset", "chrt", "command", "exec",
    "builtin", "unbuffer", "flock", "systemd-run", "xargs", "parallel", "find", "tmux", "screen", "strace", "gtimeout", "cpulimit", "chronic", "hyperfine",
}  # fmt: skip
"""Wrappers whose command sees the same files; a container's are others."""

READS_LITTLE = {"head", "less", "more"}
"""Programs that end a pipe before its input ends."""

FIXED_PATH = regex(r"[^$`\\'\"{}()<>|&;!#\n]+")
"""A word whose only expansions are a tilde and globs."""
GLOB = regex(r"[*?\[]")
HARDWARE_ENCODER = regex(r"_(?:nvenc|videotoolbox|qsv|vaapi|amf|v4l2m2m)\b")
LARGE = regex(r"(?:^|[^a-z])(?:big|large|huge)(?:file|data|db|dump|log|dir|folder)?s?(?:[^a-z]|$)", re.IGNORECASE)
SIZE = regex(r"([0-9]{1,18}(?:\.[0-9]+)?)\s*([kKMGTP]?)(i?B)?")
CLOCK = regex(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?)")


class Work(NamedTuple):
    """What a command does with its input: `noun` names it in messages, `rate` are bytes per second.

    `files` are the paths of the input; None is a part that only the shell or a pipe knows. `total` is the number of bytes, if the words say
    it. With `filtered`, options leave out parts of the files. `small` is the verdict for little input.
    """

    noun: str
    rate: float
    files: tuple[str | None, ...] = ()
    total: int | None = None
    filtered: bool = False
    small: Literal["quick", "unknown"] = "quick"


def with_sizes(commands: tuple[Command, ...], measure: Measure) -> tuple[Command, ...]:
    """The commands with the sizes of their input. `measure` is called once, with paths as written (also `~/` and globs), and only
    if a size matters."""
    wanted = [
        paths_of(command) if command.name in SIZED and not ends_early(command, commands) else () for command in commands
    ]
    if not any(wanted):
        return commands
    written: set[str | None] = set()
    for i, command in enumerate(commands):
        wanted[i] = tuple([path for path in wanted[i] if path not in written])
        written |= written_paths(command)
    sizes = {size.path: size for size in measure(tuple(dict.fromkeys(path for paths in wanted for path in paths)))}
    return tuple(
        [
            command._replace(sizes=tuple([sizes[path] for path in paths if path in sizes])) if paths else command
            for command, paths in zip(commands, wanted, strict=True)
        ]
    )


def written_paths(command: Command) -> set[str | None]:
    """The files that a command writes by a redirect or an option for output: their size is not yet known."""
    targets = [
        redirect.target for redirect in command.redirects if redirect.op in (">", ">|", "&>") and redirect.target
    ]
    outputs = [b for a, b in itertools.pairwise(command.words) if a.value in ("-o", "-O", "--output")]
    return {path_of(word, command.cwd) for word in (*targets, *outputs)}


def paths_of(command: Command) -> tuple[str, ...]:
    """The paths of a command's input that can be measured on this host."""
    if command.hosts or not LOCAL_WRAPPERS.issuperset(command.wrappers):
        return ()
    work = work_of(command)
    return tuple([path for path in work.files if path]) if work else ()


def ends_early(command: Command, commands: Sequence[Command]) -> bool:
    """Whether the command writes into a pipe that is closed after a few lines."""
    index, length = command.pipe
    return index + 1 < length and any(
        later.pipe[1] == length and later.pipe[0] > index and later.start > command.start and later.name in READS_LITTLE
        for later in commands
    )


def weigh_by_size(command: Command, long_s: float) -> Weight | None:
    """The Weight by the bytes that the command reads; None if they are not known.

    From `long_s` seconds on it is long, with medium confidence up to twice as many.
    """
    work = work_of(command) if command.name in SIZED else None
    if work is None:
        return None
    sizes = {size.path: size for size in command.sizes}
    parts = [sizes.get(path) if path else None for path in work.files]
    known = [part for part in parts if part]
    whole = len(known) == len(parts) and all(part.exact for part in known)
    count = work.total if work.total is not None else sum([part.bytes for part in known])
    if work.total is None and not known:
        return None
    whole = whole or work.total is not None
    seconds = count / work.rate
    if seconds >= long_s and not work.filtered:
        least = "" if whole else "at least "
        why = f"{work.noun} of {least}{byte_size(count)} (about {duration(rounded(seconds))})"
        sure = seconds >= 2 * long_s and command.name not in CLONES
        return Weight("long", why, confidence="high" if sure else "medium")
    return Weight(work.small, f"{work.noun} of {byte_size(count)}") if whole and seconds < long_s else None


def rounded(seconds: float) -> float:
    """An estimate in whole minutes or hours, without a second unit that would look exact."""
    unit = 3600 if seconds >= 3 * 3600 else 60 if seconds >= 90 else 10
    return round(seconds / unit) * unit


def is_called_large(command: Command) -> bool:
    """Whether the name of a file that `command`, one of SIZED, reads says that it is large."""
    work = work_of(command)
    return work is not None and any(path and LARGE.search(path.rpartition("/")[2]) for path in work.files)


def work_of(command: Command) -> Work | None:
    """What `command`, one of SIZED, does with its input; None if it reads none, or nothing is known about how."""
    name = command.name
    if name in COMPRESSORS:
        return compression(command)
    if name in CHECKSUMS:
        return None if set(command.args) & {"-c", "--check", "-s"} else plain(command, "a checksum", CHECKSUM)
    if name == "split":
        return plain(command, "a split", COPY, first=True) if command.args[:1] and command.args[0][:1] == "-" else None
    if name in TARS:
        return archive_work(command)
    if name in ZIPS:
        return zip_work(command)
    if name in COPIES:
        return copy_work(command)
    if name in LOADS:
        return load_work(command)
    if name == "dd":
        return dd_work(command)
    if name == "ffmpeg":
        return ffmpeg_work(command)
    if name == "HandBrakeCLI":
        if "--scan" in command.args or ("-t", "0") in itertools.pairwise(command.args):
            return None
        inputs = [b for a, b in itertools.pairwise(command.words) if a.value in ("-i", "--input")]
        return Work("a transcode", VIDEO, paths(command, inputs)) if inputs else None
    return image_work(command)


def plain(command: Command, noun: str, rate: float, first: bool = False) -> Work:
    """The work of a program that reads its operands (or only the first), or stdin without any."""
    _, files = split_arguments(command.words[1:], OPTIONS.get(command.name, ArgSpec()))
    return Work(noun, rate, paths(command, files[:1] if first else files) or (stdin_path(command),))


def compression(command: Command) -> Work | None:
    """The work of a compressor."""
    form, _, expands = COMPRESSORS[command.name].partition(" ")
    options, _ = split_arguments(command.words[1:], OPTIONS.get(command.name, ArgSpec()))
    names = {option for option, _ in options}
    if names & {"-l", "--list"}:
        return None
    tests = names & {"-d", "--decompress", "--uncompress", "-t", "--test"}
    rate = RATES[form][1 if expands or tests else 0]
    threads = command.name in PARALLEL_COMPRESSORS or "-T" in names or any(arg[:2] == "-T" for arg in command.args)
    if not expands and not tests:
        rate *= level_factor(form, command.args)
    noun = "decompression" if expands or tests else "compression"
    return plain(command, noun, rate * (CORES if threads else 1))


def level_factor(form: str, args: tuple[str, ...]) -> float:
    """How many times as fast as at its default level a compressor is."""
    level = next((int(arg[1:]) for arg in args if re.fullmatch(r"-\d{1,2}", arg)), None)
    if level is None:
        return 1
    if form == "zstd":
        return 0.01 if level >= 16 else 0.1 if level >= 9 else 1
    if form in ("gzip", "xz"):
        return 2 if level <= 2 else 0.4 if level >= 8 and form == "gzip" else 1
    return 1


def archive_work(command: Command) -> Work | None:
    """The work of tar."""
    call = parse_tar(command.words[1:])
    if call is None:
        return None
    compress, expand = RATES[call.form]
    if call.mode in "cru":
        files = [path_of(word, folder_of(command, call.folders[i])) for i, word in enumerate(call.operands)]
        if call.listed:
            files.append(None)
        return Work("an archive", min(compress, COPY), tuple(files), filtered=call.filtered) if files else None
    if call.mode not in "xtd" or call.listed:
        return None
    if call.mode == "t" and not call.form:
        return None  # it reads the headers, and skips the files
    noun = {"x": "extraction of an archive", "t": "a list of an archive"}.get(call.mode, "a comparison with an archive")
    archive = call.archive
    if archive is None or archive.value == "-":
        return Work(noun, min(expand, COPY), (stdin_path(command),))
    return Work(noun, min(expand, COPY), paths(command, [archive]))


def zip_work(command: Command) -> Work | None:
    """The work of zip, unzip, 7z and unrar."""
    options, files = split_arguments(command.words[1:], OPTIONS.get(command.name, ArgSpec()))
    names = {option for option, _ in options}
    if command.name == "zip":
        if len(files) < 2 or {"-sf", "--show-files"} & set(command.args):
            return None
        filtered = bool(names & {"-x", "--exclude", "-i", "--include"})
        return Work("an archive", RATES["gzip"][0], paths(command, files[1:]), filtered=filtered)
    if command.name == "unzip":
        if not files or names & {"-l", "-v", "-z", "-Z"}:
            return None
        return Work("extraction of an archive", RATES["gzip"][1], paths(command, files[:1]), filtered=len(files) > 1)
    if command.name == "unar":
        return Work("extraction of an archive", RATES["7z"][1], paths(command, files[:1])) if files else None
    action, rest = (files[0].value, files[1:]) if files else ("", [])
    if action in ("a", "u") and len(rest) > 1:
        return Work("an archive", RATES["7z"][0] * CORES, paths(command, rest[1:]))
    if action in ("x", "e", "t") and rest:
        return Work("extraction of an archive", RATES["7z"][1], paths(command, rest[:1]))
    return None


def copy_work(command: Command) -> Work | None:
    """The work of cp, and of scp and rsync from this host."""
    options, words = split_arguments(command.words[1:], OPTIONS[command.name])
    names = {option for option, _ in options}
    if command.name == "cp":
        if names & {"-l", "--link", "-s", "--symbolic-link", "--reflink", "--attributes-only"}:
            return None
        sources = words if names & {"-t", "--target-directory"} else words[:-1]
        return Work("a copy", COPY, paths(command, sources)) if sources else None
    if (
        len(words) < 2
        or names & {"--dry-run", "--list-only", "--files-from"}
        or (command.name == "rsync" and "-n" in names)
    ):
        return None
    sources, target = words[:-1], words[-1].value
    if any(is_remote(word.value) for word in sources):
        return None  # a size on another host
    rate, noun = (NETWORK, "an upload") if is_remote(target) else (COPY, "a copy")
    filtered = bool(names & {"--exclude", "--exclude-from", "--include", "--filter", "-f", "--max-size", "--min-size"})
    return Work(noun, rate, paths(command, sources), filtered=filtered)


def is_remote(word: str) -> bool:
    """Whether rsync and scp take the word for a path on another host."""
    before, colon, _ = word.partition(":")
    return bool(colon) and "/" not in before


def load_work(command: Command) -> Work | None:
    """The work of a database client that reads a file. What little SQL starts may take long."""
    options, words = split_arguments(command.words[1:], OPTIONS[command.name])
    if command.name == "pg_restore":
        if {option for option, _ in options} & {"-l", "--list"}:
            return None
        return Work("a restore", RESTORE, paths(command, words[:1]) or (stdin_path(command),))
    scripts = (
        [value for option, value in options if option in ("-f", "--file") and value] if command.name == "psql" else []
    )
    files = paths(command, scripts)
    if not files and not any(option in ("-c", "-e", "--command", "--execute") for option, _ in options):
        files = (stdin_path(command),)
    return Work("an SQL script", RESTORE, files, small="unknown") if any(files) else None


def dd_work(command: Command) -> Work | None:
    """The work of dd: the bytes that its operands say, or those of its file."""
    operands = {name: word for word in command.words[1:] for name in [word.value.partition("=")[0]]}
    source, count = operands.get("if"), operands.get("count")
    if "iflag" in operands:
        return None
    if count:
        size = operands.get("bs") or operands.get("ibs")
        numbers = [parse_size(word.value.partition("=")[2]) if word else 512 for word in (size, count)]
        return (
            Work("a copy", COPY, total=numbers[0] * numbers[1])
            if numbers[0] is not None and numbers[1] is not None
            else None
        )
    if source is None or source.value.startswith("if=/dev/"):
        return None
    return Work("a copy", COPY, (path_of(source._replace(text=source.text[3:], value=source.value[3:]), command.cwd),))


def ffmpeg_work(command: Command) -> Work | None:
    """The work of ffmpeg: by the kind of its input, the encoders and the length of the output."""
    words, args = command.words[1:], command.args
    inputs = [words[i + 1] for i, arg in enumerate(args[:-1]) if arg == "-i"]
    if not inputs or not has_output(args) or {"-frames:v", "-vframes", "-loop", "-stream_loop", "lavfi"} & set(args):
        return None
    values = dict(itertools.pairwise(args))
    suffixes = {word.value.rpartition(".")[2].lower() for word in inputs}
    copies = [value for option, value in values.items() if re.match(r"-(?:c|codec|vcodec|acodec)(?::|$)", option)]
    if copies and set(copies) == {"copy"}:
        rate = COPY
    elif suffixes <= AUDIO_SUFFIXES:
        rate = min([AUDIO.get(suffix, OTHER_AUDIO) for suffix in suffixes])
    elif suffixes <= IMAGE_SUFFIXES:
        rate = IMAGES
    elif "-vn" in args or values.get("-c:v") == "copy" or values.get("-vcodec") == "copy":
        rate = 25 * VIDEO
    else:
        rate = VIDEO * (5 if any(map(HARDWARE_ENCODER.search, args)) else 1)
        rate *= {"ultrafast": 4, "superfast": 3, "veryfast": 2, "slower": 0.5, "veryslow": 0.25}.get(
            values.get("-preset", ""), 1
        )
    clip = CLOCK.fullmatch(values.get("-t", ""))
    if clip and rate != COPY:
        hours, minutes, seconds = (float(part or 0) for part in clip.groups())
        length = 3600 * hours + 60 * minutes + seconds
        if length <= 10:
            return Work("a clip", MB, total=int(length * MB))
    return Work("a transcode", rate, paths(command, inputs), filtered="-t" in values or "-to" in values)


def has_output(args: tuple[str, ...]) -> bool:
    """Whether the arguments of ffmpeg name an output: without one it shows what its inputs contain, and ends. Options after
    the last file have no value."""
    last = next((i for i in reversed(range(len(args))) if args[i][:1] != "-" or args[i] == "-"), 0)
    return last > 0 and args[last - 1] != "-i"


def image_work(command: Command) -> Work | None:
    """The work of ImageMagick: all images among its words, but the result of `convert`; none for `identify`."""
    if command.args[:1] == ("identify",):
        return None
    images = [word for word in command.words[1:] if word.value.rpartition(".")[2].lower() in IMAGE_SUFFIXES]
    changes = command.name == "mogrify" or command.args[:1] == ("mogrify",)
    inputs = images if changes else images[:-1] if len(images) > 1 else []
    return Work("an image conversion", IMAGES, paths(command, inputs)) if inputs else None


def parse_size(text: str) -> int | None:
    """The bytes of a size such as 4k, 1M or 1GB, as dd and split read it; None for other text."""
    match = SIZE.fullmatch(text)
    if not match:
        return None
    power = " KMGTP".index(match[2].upper() or " ")
    return int(float(match[1]) * (1000 if match[3] == "B" else 1024) ** power)


def paths(command: Command, words: Sequence[Word]) -> tuple[str | None, ...]:
    """The paths of words, from the folder of the command's `cd`."""
    return tuple([path_of(word, command.cwd) for word in words])


def stdin_path(command: Command) -> str | None:
    """The path of the file that is redirected to stdin, or None."""
    target = next((redirect.target for redirect in command.redirects if redirect.op == "<" and not redirect.fd), None)
    return path_of(target, command.cwd) if target else None


def path_of(word: Word, folder: str | None) -> str | None:
    """The path that a word names, from `folder`; None if only the shell knows it."""
    if word.static:
        if GLOB.search(word.value) or word.value[:1] in ("~", "-", ""):
            return None
    elif not FIXED_PATH.fullmatch(word.text) or (word.text[:1] == "~" and word.text[:2] != "~/"):
        return None
    return join_path(folder, word.value)


def folder_of(command: Command, folder: Word | None) -> str | None:
    """The folder of tar's operands after `-C folder`; a path that exists nowhere if only the shell knows it."""
    if folder is None:
        return command.cwd
    return path_of(folder, command.cwd) or "$"


def join_path(folder: str | None, path: str) -> str | None:
    """`path` from `folder` (None: from where the command is proposed); None if only the shell knows the folder."""
    if path[:1] == "/" or path[:2] == "~/" or folder is None:
        return path
    if (
        folder[:1] in ("-", "$")
        or not FIXED_PATH.fullmatch(folder)
        or GLOB.search(folder)
        or (folder[:1] == "~" and folder[1:2] not in ("", "/"))
    ):
        return None
    return f"{folder.rstrip('/')}/{path}"
