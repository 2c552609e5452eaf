"""The programs that sizes.py and transfers.py judge, so that these are imported only for a command with one of them."""

from __future__ import annotations

COMPRESSORS = {
    "gzip": "gzip", "pigz": "gzip", "gunzip": "gzip -d", "unpigz": "gzip -d", "zcat": "gzip -d", "gzcat": "gzip -d",
    "bzip2": "bzip2", "pbzip2": "bzip2", "lbzip2": "bzip2", "bunzip2": "bzip2 -d", "bzcat": "bzip2 -d",
    "xz": "xz", "pixz": "xz", "lzma": "xz", "lzip": "xz", "plzip": "xz", "unxz": "xz -d", "unlzma": "xz -d", "xzcat": "xz -d",
    "zstd": "zstd", "zstdmt": "zstd", "pzstd": "zstd", "unzstd": "zstd -d", "zstdcat": "zstd -d",
    "lz4": "lz4", "unlz4": "lz4 -d", "brotli": "brotli",
}  # fmt: skip
"""By program, the format, and whether it decompresses."""

CHECKSUMS = {"md5sum", "sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum", "b2sum", "b3sum", "cksum", "shasum", "xxhsum"}  # fmt: skip
ZIPS = {"zip", "unzip", "7z", "7za", "7zz", "7zr", "unrar", "unar"}
TARS = ("tar", "bsdtar")
COPIES = {"cp", "scp", "rsync"}
LOADS = {"psql", "mysql", "mariadb", "pg_restore", "sqlite3"}
SIZED = {*COMPRESSORS, *CHECKSUMS, *ZIPS, *COPIES, *LOADS, *TARS, "split", "dd", "ffmpeg", "HandBrakeCLI", "convert", "magick", "mogrify"}  # fmt: skip
"""Programs whose run time follows from the size of their input."""

DOWNLOADERS = ("curl", "wget")

CLOUD_COPIES = {"aws": "s3", "gcloud": "storage", "gsutil": ""}
"""Clients of object stores, with the word before `cp` and `mv`."""

CLOUD_ANCHORS = {"aws s3", "gcloud storage", "gsutil cp", "gsutil mv"}

DATA_PROGRAMS = {*SIZED, *DOWNLOADERS, *CLOUD_COPIES}


def anchors() -> set[str]:
    """Every text with a command of DATA_PROGRAMS that may be long contains one of these; `split` and `sum` are everyday words."""
    split = {f"split {option}" for option in ("-b", "-C", "-l", "-n", "--bytes", "--lines", "--number")}
    return {
        *SIZED - CHECKSUMS - {"split"},
        *[f"{name} {name}" for name in CHECKSUMS],
        *split,
        *DOWNLOADERS,
        *CLOUD_ANCHORS,
    }
