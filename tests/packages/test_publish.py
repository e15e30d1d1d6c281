"""A complete file gets its final name atomically and replaces another only on demand, with or without hard links."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pixxel_async._publish import publish


@pytest.mark.parametrize("links", [True, False])
def test_publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    """A taken name keeps its file and the part file stays; with `replace` it is replaced."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no hard links")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    part, final = tmp_path / ".x.part", tmp_path / "x"
    part.write_bytes(b"first")
    publish(part, final, replace=False)
    assert os.listdir(tmp_path) == ["x"]

    part.write_bytes(b"second")
    with pytest.raises(FileExistsError):
        publish(part, final, replace=False)
    assert (part.read_bytes(), final.read_bytes()) == (b"second", b"first")
    publish(part, final, replace=True)
    assert os.listdir(tmp_path) == ["x"] and final.read_bytes() == b"second"


@pytest.mark.parametrize("replace", [True, False])
def test_a_folder_is_never_replaced(tmp_path: Path, replace: bool) -> None:
    """A folder keeps its name, also where a file would be replaced, and the part file stays."""
    part, final = tmp_path / ".x.part", tmp_path / "x"
    part.write_bytes(b"bytes")
    final.mkdir()

    with pytest.raises((FileExistsError, IsADirectoryError, PermissionError)):
        publish(part, final, replace=replace)
    assert final.is_dir() and part.read_bytes() == b"bytes"
