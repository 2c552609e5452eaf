"""Commands judged by the sizes of the files that they name: sizes are given as data."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from pueue_skill.plan.analysis import Analysis, analyse
from pueue_skill.rules import gate
from pueue_skill.rules.cost import weigh
from pueue_skill.rules.model import Preferences
from pueue_skill.shell.model import FileSize

KB, MB, GB = 1000, 1000**2, 1000**3


def sized(default: int) -> Callable[[Sequence[str]], list[FileSize]]:
    """Measure every file as `default` bytes."""
    return lambda paths: [FileSize(path, default) for path in paths]


def judged(text: str, size: int) -> Analysis:
    return analyse(text, {}, measure=sized(size))


def paths(text: str) -> list[str]:
    """The paths that an analysis asks the sizes of."""
    asked: list[str] = []

    def measure(paths: Sequence[str]) -> list[FileSize]:
        asked.extend(paths)
        return []

    analyse(text, {}, measure=measure)
    return asked


BY_SIZE = [
    "gzip notes.txt",
    "gzip -9 -k notes.txt",
    "pigz -p 8 notes.txt",
    "xz -T0 notes.txt",
    "zstd -19 -o out.zst notes.txt",
    "gunzip backup.gz",
    "gzip < notes.txt > notes.gz",
    "tar xzf release.tgz",
    "tar zxvf release.tgz -C /opt",
    "tar --zstd -xf release.tar.zst",
    "tar --extract --file=release.tar",
    "tar -C src -cJf out.txz lib bin",
    "tar czf out.tgz src",
    "zip -r out.zip src",
    "unzip -q release.zip -d out",
    "7z x release.7z",
    "sha256sum disk.img",
    "shasum -a 256 disk.img",
    "cp -r data backup",
    "rsync -ave ssh data/ host:/srv/data/",
    "scp -P 22 archive host:",
    "split -l 100000 rows.csv part-",
    "dd if=disk.img of=copy.img bs=4M",
    "ffmpeg -y -i talk.mp4 -c:v libx265 talk.mkv",
    "ffmpeg -i song.wav song.mp3",
    "HandBrakeCLI -i talk.mkv -o talk.mp4",
    "mogrify -resize 50% a.png b.png",
    "pg_restore -j 4 -d app app.dump",
    "sudo nice -n 19 gzip notes.txt",
    "bash -c 'gzip notes.txt'",
]


@pytest.mark.parametrize("text", BY_SIZE)
def test_size_decides(text: str) -> None:
    assert judged(text, 10 * KB).findings == ()
    found = judged(text, 900 * GB).findings
    assert len(found) == 1
    assert "900 GB" in found[0].message or "1.8 TB" in found[0].message
    assert gate.interesting(text)


@pytest.mark.parametrize("text", BY_SIZE)
def test_without_sizes_the_tables_decide(text: str) -> None:
    assert analyse(text, {}, measure=lambda paths: []).findings == analyse(text, {}).findings


@pytest.mark.parametrize(
    ("text", "size", "message"),
    [
        ("sha256sum disk.img", 80 * GB, "a checksum of 80.0 GB (about 3m)"),
        ("cp disk.img /mnt", 200 * GB, "a copy of 200 GB (about 11m)"),
        ("xz rows.csv", 300 * MB, "compression of 300 MB (about 1m20s)"),
        ("scp disk.img host:", 36 * GB, "an upload of 36.0 GB (about 12m)"),
        ("ffmpeg -i talk.mp4 talk.mkv", 40 * GB, "a transcode of 40.0 GB (about 6h)"),
    ],
)
def test_messages_name_the_size(text: str, size: int, message: str) -> None:
    (finding,) = judged(text, size).findings
    assert finding.message.startswith(f"{message} in the foreground")


def test_the_threshold_is_the_configured_one() -> None:
    measure = sized(30 * GB)  # 75 s
    assert analyse("sha256sum x", {}, measure=measure).findings[0].confidence == "medium"
    assert (
        analyse("sha256sum x", {}, preferences=Preferences(long=30), measure=measure).findings[0].confidence == "high"
    )
    assert analyse("sha256sum x", {}, preferences=Preferences(long=90), measure=measure).findings == ()


def test_a_copy_may_only_share_blocks() -> None:
    assert judged("cp disk.img copy.img", 900 * GB).findings[0].confidence == "medium"
    assert judged("cp --reflink disk.img copy.img", 900 * GB).findings == ()
    assert paths("cp -l disk.img copy.img") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cd data && gzip a.txt", ["data/a.txt"]),
        ("cd ~/data; gzip a.txt /b.txt ~/c.txt", ["~/data/a.txt", "/b.txt", "~/c.txt"]),
        ("cd $DATA && gzip a.txt /b.txt", ["/b.txt"]),
        ("cd - && gzip a.txt", []),
        ("gzip *.log 'two words' $X \"$Y\" {a,b}", ["*.log", "two words"]),
        ("gzip 'a*b' '~/x' ~other/x -", []),
        ("tar -C src -cf out.tar a -C ../lib b", ["src/a", "../lib/b"]),
        ("tar -C $SRC -cf out.tar a /b", ["/b"]),
        ("tar cf - src | ssh host 'tar xf -'", ["src"]),
        ("tar bxf 20 release.tar", ["release.tar"]),
        ("rsync -ave ssh --exclude .git data/ host:/srv", ["data/"]),
        ("rsync -a host:/srv/data/ data/", []),
        ("scp -i key a.bin b.bin host:", ["a.bin", "b.bin"]),
        ("cp -t /mnt a b", ["a", "b"]),
        ("unzip a.zip inner.txt -d out", ["a.zip"]),
        ("zip -r out.zip a b", ["a", "b"]),
        ("psql -d app -f load.sql", ["load.sql"]),
        ("mysql app < load.sql", ["load.sql"]),
        ("psql -c 'select 1' < load.sql", []),
        ("sha256sum -c sums.txt", []),
        ("ffmpeg -f lavfi -i testsrc out.mp4", []),
        ("dd if=/dev/sda of=disk.img", []),
        # other hosts and containers have other files
        ("ssh host gzip a.txt", []),
        ("docker exec web gzip a.txt", []),
        ("docker run --rm alpine tar xf a.tar", []),
        # a pipe that is closed early
        ("zcat a.gz | head -5", []),
        ("zcat a.gz | grep x | head -5", []),
        ("zcat a.gz | wc -l", ["a.gz"]),
        # written by the same text
        ("python gen.py > a.csv; gzip a.csv b.csv", ["b.csv"]),
        ("curl -o a.tgz https://example.com/a.tgz && tar xzf a.tgz", []),
        # nothing that depends on a size
        ("git status && ls -la a.tgz && cat a.gz", []),
    ],
)
def test_paths_that_are_measured(text: str, expected: list[str]) -> None:
    assert paths(text) == expected


LISTINGS = [
    "unzip -l a.zip", "unzip -v", "unzip -v a.zip", "unzip -lv a.zip", "unzip -qq -l a.zip", "unzip -z a.zip", "unzip -Z1 a.zip", "unzip -p a.zip readme.txt", "unzip -c a.zip readme.txt", "zipinfo -1 a.zip",
    "zip -r -sf a.zip data", "zip -T a.zip", "7z l a.7z", "7z l -slt a.7z", "7z i", "unrar l a.rar", "unrar v a.rar", "unrar vb a.rar", "lsar a.zip", "tar -tf a.tar", "tar tvf a.tar", "tar --list -f a.tar", "bsdtar -tf a.zip",
    "gzip -l a.gz", "pigz -l a.gz", "xz -l a.xz", "xz -lv a.xz", "zstd -l a.zst", "lz4 --list a.lz4", "plzip -l a.lz", "unsquashfs -l a.sqfs", "mksquashfs -version", "pg_restore -l a.dump",
    "ffmpeg -i talk.mp4", "ffmpeg -i talk.mp4 2>&1 | grep Duration", "ffmpeg -hide_banner -i talk.mp4 -i b.mp4", "ffmpeg -i talk.mp4 -hide_banner", "ffprobe talk.mp4", "HandBrakeCLI --scan -i talk.mkv", "HandBrakeCLI -i talk.mkv -t 0",
    "sox --info a.wav", "soxi a.wav", "magick identify a.png b.png", "identify a.png b.png", "mogrify -list format", "convert -list format", "rsync --list-only data/ host:", "psql -l",
]  # fmt: skip


@pytest.mark.parametrize("text", LISTINGS)
def test_a_listing_is_no_work_whatever_the_size(text: str) -> None:
    assert judged(text, 900 * GB).findings == ()
    assert analyse(text, {}).findings == ()


@pytest.mark.parametrize(
    "text",
    [
        "unzip -p a.zip", "unzip -t a.zip", "7z t a.7z", "tar tf a.tar.gz", "xz -t a.xz", "ffmpeg -i talk.mp4 -f null -", "ffmpeg -i talk.mp4 talk.mkv -y", "ffmpeg -i talk.mp4 -map 0 pipe:1",
    ],
)  # fmt: skip
def test_what_reads_everything_is_work(text: str) -> None:
    assert judged(text, 900 * GB).findings


def test_nothing_is_measured_without_need() -> None:
    def fail(paths: Sequence[str]) -> list[FileSize]:
        raise AssertionError(paths)

    analyse("git status && ls -la a.tgz && ssh host gzip x", {}, measure=fail)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"a": FileSize("a", 900 * GB)}, "long"),  # b is missing, and cannot make it shorter
        ({"a": FileSize("a", 1 * KB)}, "as the tables say"),
        ({"a": FileSize("a", 1 * KB), "b": FileSize("b", 1 * KB)}, "quick"),
        ({"a": FileSize("a", 1 * KB), "b": FileSize("b", 1 * KB, exact=False)}, "as the tables say"),
        ({"a": FileSize("a", 1 * KB), "b": FileSize("b", 900 * GB, exact=False)}, "long"),
    ],
)
def test_parts_of_the_input(sizes: dict[str, FileSize], expected: str) -> None:
    analysis = analyse("bzip2 a b", {}, measure=lambda paths: [sizes[path] for path in paths if path in sizes])
    without_sizes = weigh(analyse("bzip2 a b", {}).commands[0])
    assert weigh(analysis.commands[0]) == without_sizes or weigh(analysis.commands[0]).size == expected
    assert (weigh(analysis.commands[0]) == without_sizes) == (expected == "as the tables say")
    if "at least" in weigh(analysis.commands[0]).why:
        assert len(sizes) < 2 or not sizes["b"].exact


def test_excluded_files_make_a_size_an_upper_bound() -> None:
    assert judged("tar czf out.tgz --exclude=data src", 1 * MB).findings == ()
    (finding,) = judged("tar czf out.tgz --exclude=data src", 900 * GB).findings
    assert "GB" not in finding.message


def test_little_sql_may_run_long() -> None:
    """It is neither long nor quick: nobody knows what the statements do."""
    (command,) = judged("psql -f migrate.sql", 2 * KB).commands
    assert weigh(command).size == "unknown"
    assert "an SQL script of 40.0 GB" in judged("psql -f dump.sql", 40 * GB).findings[0].message


def test_the_words_of_dd_say_the_size() -> None:
    assert analyse("dd if=/dev/zero of=x bs=1M count=100", {}).findings == ()
    assert "a copy of 107 GB" in analyse("dd if=/dev/zero of=x bs=1M count=100k", {}).findings[0].message
    assert analyse("dd if=/dev/zero of=/dev/sdb bs=1M", {}).findings


def test_encoders_differ() -> None:
    assert judged("ffmpeg -i talk.mp4 -c copy talk.mkv", 4 * GB).findings == ()
    assert judged("ffmpeg -i talk.mp4 -c:v libx264 talk.mkv", 4 * GB).findings
    assert judged("ffmpeg -i song.wav song.mp3", 40 * MB).findings == ()
    assert judged("ffmpeg -i talk.mp4 -t 5 clip.mp4", 40 * GB).findings == ()
    assert judged("zstd -19 rows.csv", 1 * GB).findings
    assert judged("zstd rows.csv", 1 * GB).findings == ()


@pytest.mark.parametrize(
    "text",
    [
        "tar zxf release.tgz",
        "tar -xvzf release.tgz",
        "tar xzf backup-2024.01.02.tar.gz",
        "tar xzf - < backup.tgz",
        "cat disk.img | dd of=/dev/sdb bs=4M",
        "tar --gzip --create --file out.tgz src",
        "bsdtar -xf release.zip",
        "rsync -aHvz /srv/photos host:/backup/photos",
        "rsync -avz -e ssh --exclude cache site/ host:/srv/site/",
        "rsync -a --files-from list.txt photos/ host:/srv/",
        "wget --continue https://example.com/x",
        "wget -q https://example.com/part-1.parquet",
        "wget https://example.com/datasets/speech.zip",
        "curl -LO https://example.com/corpus/speech.tar.gz",
        "cat urls.txt | xargs -P 4 wget -q",
        "parallel -j4 curl -sO ::: https://example.com/a https://example.com/b",
        "find logs -name '*.log' -print0 | xargs -0 -P 4 gzip",
        "gzip -c my_large_table | ssh host 'cat > x.gz'",
        "xz bigfile.txt",
        "split -b 2G image.bin part-",
        "aws s3 cp --recursive s3://bucket/raw raw",
        "aws --profile work s3 cp s3://bucket/raw.parquet .",
        "gcloud storage cp --recursive gs://bucket/raw raw",
        "gsutil -m cp 'gs://bucket/raw/*' raw",
        "rclone copy remote:raw raw",
    ],
)
def test_transfers_of_unknown_size_that_are_long(text: str) -> None:
    assert analyse(text, {}).findings
    assert gate.interesting(text)


@pytest.mark.parametrize(
    "text",
    [
        "tar tzf release.tgz",
        "tar --list --file release.tgz",
        "rsync -ave ssh configfile host:/etc/app/",
        "rsync -avz main.c Makefile host:src/",
        "rsync -q -e 'ssh -p 2222' notes host:",
        "rsync -az --exclude=.git --exclude '*.o' tool/ host:tool/",
        "rsync -az ~/tool/scripts/ host:tool/scripts/",
        "rsync -a ~/tool/Makefile host:tool/Makefile",
        "scp tests/*.py host:tests/",
        "scp tool-1.2.3-x86_64.tar.gz host:/opt/",
        "tar xzf tool-1.2.3.tar.gz",
        "tar -C /opt -xf tool-linux-arm64.tar.xz",
        "unzip tool-v2026.7.0.zip",
        "curl -LO https://example.com/tool-1.2.3.tar.bz2",
        "curl -L https://example.com/x | tar xz",
        "printf x | dd of=out bs=1 seek=4 conv=notrunc",
        'dd if=/dev/zero of="$folder/a" bs=1 count=0 seek=16M',
        "rsync --list-only host:/srv/",
        "scp -r -P 2222 main.c host:",
        "cp -r templates/base site",
        "wget https://example.com/tool-1.2.tar.gz",
        "wget --spider https://example.com/part-1.parquet",
        "curl -I https://example.com/image.iso",
        "cat urls.txt | xargs -n1 wget -q",
        "cat urls.txt | xargs -P 4 -n1 curl -s -o /dev/null",
        "cat notes.txt | gzip > notes.gz",
        "find logs -name '*.log' -exec gzip {} +",
        "gzip biggest-loser.txt",
        "zcat large.gz | head",
        "split -b 10M report.pdf part-",
        "aws s3 cp report.json s3://bucket/",
        "aws s3 ls s3://bucket/raw --recursive",
        "gcloud storage ls --recursive gs://bucket",
        "gsutil cp report.json gs://bucket/",
        "gcloud storage cp report.json gs://bucket/",
    ],
)
def test_transfers_of_unknown_size_that_are_not_long(text: str) -> None:
    assert analyse(text, {}).findings == ()
