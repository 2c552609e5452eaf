"""Atomic replacement of a file: its content, its permissions, and no remains of a failed attempt."""

from __future__ import annotations

from pathlib import Path

import pytest

from pueue_skill.startup.files import write_atomic


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_content_and_permissions_do_not_depend_on_the_old_file(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "new/folder/file"
    for content in (b"first", b"", b"\0 second"):
        write_atomic(file, content, mode)
        assert file.read_bytes() == content
        assert file.stat().st_mode & 0o777 == mode
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert list(file.parent.iterdir()) == [file]


def test_a_failed_attempt_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    occupied = tmp_path / "occupied"
    (occupied / "by a folder").mkdir(parents=True)
    with pytest.raises(OSError, match="occupied"):
        write_atomic(occupied, b"content")
    assert list(tmp_path.iterdir()) == [occupied]
    assert list(occupied.iterdir()) == [occupied / "by a folder"]
