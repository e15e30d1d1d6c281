"""Write a STAC catalog of fetched packages into a folder: items first, then collections, the catalog last."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from ..._publish import write_atomically
from ..errors import CommandError, Exit
from ..text import printable
from .rows import OutputRow
from .stac import (
    CATALOG,
    COLLECTION,
    COUNT_MEMBER,
    FOLDER_MEMBER,
    PACKAGE_MEMBER,
    Extent,
    Grouping,
    relative,
    stac_catalog,
    stac_collection,
    stac_item,
)

_MOST_FILES = 1000
"""Unpacked files of a package that become assets."""


class CatalogFolder:
    """A STAC catalog in a folder of its own.

    Each file is replaced atomically, and before any file that links to it: a reader sees the old catalog or the new
    one, whole, also when the process is killed. Files that are right already are not touched.

    Args:
        folder: folder of the catalog, created when needed.
        packages: the folder or object store of the packages.
        clock: seconds since 1970.
    """

    def __init__(self, folder: Path, packages: str, *, clock: Callable[[], float] = time.time) -> None:
        self.path = folder / CATALOG
        self.items = 0
        self._folder = folder.absolute()
        self._packages = packages
        self._groups: dict[Grouping, Extent] = {}
        self._started = clock()

    def check(self) -> None:
        """Raise `CommandError` if the folder has a catalog that is not ours."""
        if self.path.exists() and FOLDER_MEMBER not in _read(self.path):
            raise CommandError(
                f"{printable(str(self.path))} is another catalog, which stays; choose another folder by --to"
            )

    def add(self, listed: OutputRow, fields: Mapping[str, Any], unpacked: Path | None, geometry: Any) -> None:
        """Write the item of a package.

        Args:
            listed, fields, geometry: as for `stac_item`.
            unpacked: folder of its unpacked files; None if there is none.
        """
        group = Grouping.of(str(listed["package"]))
        home = self._folder / group.id
        files = {} if unpacked is None else dict(islice(_files_below(unpacked), _MOST_FILES))
        item = stac_item(listed, fields, files, geometry, home=home)
        self._write(home / f"{item['id']}.json", item)
        self._groups.setdefault(group, Extent()).add(item)
        self.items += 1

    def finish(self) -> Path:
        """Write the collections, then the catalog, and remove items that are in it no more; return its path."""
        for group, extent in self._groups.items():
            if group.title:
                self._write(self._folder / group.id / COLLECTION, stac_collection(group, extent))
        self._write(self.path, stac_catalog(relative(self._packages, self._folder), self._groups))
        self._remove_stale()
        return self.path

    def _write(self, path: Path, document: Mapping[str, Any]) -> None:
        content = (json.dumps(document, indent=2) + "\n").encode()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not (path.is_file() and path.read_bytes() == content):
                write_atomically(path, [content])
        except OSError as error:
            name = printable(str(path))
            raise CommandError(
                f"{name} cannot be written: {error.strerror or type(error).__name__}; choose another folder by --to",
                Exit.DISK,
            ) from None

    def _remove_stale(self) -> None:
        """Remove items and collections of ours to which nothing links.

        Files that were written since the start are left: another process that saw a later record may need them.
        """
        current = {
            self._folder / group.id / f"{each}.json" for group, extent in self._groups.items() for each in extent.ids
        }
        current |= {self._folder / group.id / COLLECTION for group in self._groups if group.title}
        for path in sorted(self._folder.glob("*/*.json")):
            with suppress(OSError):
                if path not in current and path.stat().st_mtime < self._started and _is_ours(_read(path)):
                    path.unlink()
                    path.parent.rmdir()  # fails while other files are in it


def _files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files below a folder and their names in it, sorted."""
    for name in sorted(each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()):
        yield name, folder / name


def _read(path: Path) -> Mapping[str, Any]:
    """Read a JSON object; an empty one if the file is something else."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _is_ours(document: Mapping[str, Any]) -> bool:
    properties = document.get("properties")
    return COUNT_MEMBER in document or (isinstance(properties, dict) and PACKAGE_MEMBER in properties)
