"""Events of a download, as frozen values; the last event of an item is its outcome.

`item` is the package in its text form, such as `job:W/J`. No event holds a key or a signed URL.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from ._formats.zip_entry import is_raster
from ._formats.zip_walk import list_entries
from ._hints import Hinting
from ._html import member_table, short_repr
from .errors import DownloadStage, PixxelError

if TYPE_CHECKING:
    from .packages import Package

__all__ = [
    "Asked",
    "Downloaded",
    "Dropped",
    "Event",
    "Failed",
    "Moved",
    "Outcome",
    "Paused",
    "ProofKind",
    "Proving",
    "Publishing",
    "Renewed",
    "Rewound",
    "Skipped",
    "Started",
    "Unpacking",
    "Waiting",
]


ProofKind = Literal["crc", "structure", "digest", "size"]
"""How a file was proved: by checksums of all its contents, by its structure, by the storage's digest, by its length."""


@frozen
class Asked:
    """A package was requested, and the service responded.

    Attributes:
        status: the service's status word.
    """

    item: str
    status: str


@frozen
class Waiting:
    """A package is not ready yet, or another process is fetching it.

    Attributes:
        status: the service's status word, or the event waited for.
        since: seconds since the package was first requested.
    """

    item: str
    status: str
    since: float


@frozen
class Paused:
    """The service refused a request for a package (429); no request is sent to it for a while.

    Attributes:
        seconds: length of the pause.
        retry_after: seconds requested by the service, which may be more; None if it named none.
    """

    item: str
    seconds: float
    retry_after: float | None


@frozen
class Started:
    """A body has begun to arrive.

    Attributes:
        size: bytes of the whole package; None when the storage does not say.
        resumed_from: bytes that were on disk already.
    """

    item: str
    size: int | None
    resumed_from: int


@frozen
class Moved:
    """Bytes have arrived.

    Attributes:
        received: bytes of the package on disk, those of earlier runs included.
        size: bytes of the whole package; None if the storage does not say.
        gained: bytes on disk since this body's last event; their sum is the number of bytes received.
    """

    item: str
    received: int
    size: int | None
    gained: int = 0


@frozen
class Rewound:
    """Bytes on disk are of no use; the package continues from an earlier offset.

    Attributes:
        to: bytes that remain.
    """

    item: str
    to: int


@frozen
class Renewed:
    """The signed URL had expired, and was renewed."""

    item: str


@frozen
class Proving:
    """All bytes are on disk and are being verified."""

    item: str


@frozen
class Publishing:
    """The bytes are proved; the file is getting its final name, or is being uploaded to the object store."""

    item: str


@frozen
class Unpacking:
    """An archive is being unpacked (`extract`): at its start, a few times a second, and at its end.

    Attributes:
        files: files that were written.
        total: files in all.
    """

    item: str
    files: int
    total: int


@frozen
class Dropped:
    """No caller waits for the package any more: its call was cancelled, or its batch left. It has no outcome.

    Bytes on disk are kept for the next request.
    """

    item: str


_KINDS = "an outcome is a `Downloaded`, a `Skipped` or a `Failed`: use isinstance or match"
_OUTCOME = {
    **dict.fromkeys(("failed", "ok", "state", "status", "success", "succeeded"), _KINDS),
    **dict.fromkeys(("file", "file_path", "filename", "filepath", "local_path", "name"), "`path` is the file"),
}
"""Guesses of an outcome's attributes, and what to use in their place."""


@frozen(repr=False)
class Downloaded(Hinting):
    """A package lies complete and proved under its final name.

    Attributes:
        package: the package.
        path: the file; the folder of its files, where the archive was not kept; of an object the place below the spool
            folder that it would have, where nothing is left.
        size: its bytes.
        sha256: its digest in hex; None with `checksum=None`.
        proof: how it was proved.
        fetched: False when it was there already.
        server_name: the name that the storage gave it, a field and nothing more; None when it gave none.
        seconds: from the first request for it until now.
        folder: where its files were unpacked to; None when they were not.
        url: of the object, such as `s3://bucket/prefix/W/J.zip`; None for a file.
        resumed_from: bytes of it that an earlier run had fetched.
    """

    _instead = _OUTCOME

    package: Package
    path: Path
    size: int
    sha256: str | None = None
    proof: ProofKind = "size"
    fetched: bool = True
    _members: tuple[Any, ...] | None = field(default=None, repr=False, eq=False)
    server_name: str | None = None
    seconds: float = 0.0
    folder: Path | None = None
    url: str | None = None
    resumed_from: int = 0

    def _shown_members(self) -> list[tuple[str, Any]]:
        """Return the members for notebooks: package, location and proof."""
        members = {
            "package": str(self.package),
            "path": str(self.url or self.path),
            "size": self.size,
            "proof": self.proof,
        }
        members |= {"fetched": self.fetched, "sha256": self.sha256, "folder": self.folder and str(self.folder)}
        return [(name, value) for name, value in members.items() if value is not None]

    def __repr__(self) -> str:
        return short_repr("Downloaded", self._shown_members())

    def _repr_html_(self) -> str:
        """Return the facts as a table for notebooks."""
        return member_table("Downloaded", self._shown_members())

    @property
    def members(self) -> tuple[Any, ...]:
        """The files inside: of a ZIP its directory, of an archive that was not kept the unpacked files.

        Read from the disk where this run did not fetch the package; empty for other kinds, and beyond 10,000 files.
        """
        return self._members if self._members is not None else _members(self.path, self.folder, self.url)

    @property
    def rasters(self) -> tuple[str, ...]:
        """The GeoTIFFs as GDAL and rasterio open them: unpacked files where there are any, else paths into the archive.

        Empty for an object: GDAL has names of its own for each kind of store.
        """
        return rasters_in(self.path, self.folder, self.url, self._members)


@frozen(repr=False)
class Skipped(Hinting):
    """A package that this run leaves alone.

    Attributes:
        package: the package.
        reason: why, for people.
        file: the path of the file that is its own, where there is one, as text; also to be had as `path`.
        given_up: whether it is missing because it failed for good in too many runs.
        url: of the object that is its own, where there is one.
        folder: where its files were unpacked to; None when they were not.
    """

    _instead = _OUTCOME

    package: Package
    reason: str
    file: str | None = None
    given_up: bool = False
    url: str | None = None
    folder: Path | None = None

    def __repr__(self) -> str:
        return short_repr("Skipped", [("package", str(self.package)), ("reason", self.reason), ("file", self.file)])

    @property
    def path(self) -> Path | None:
        """`file` as a path, created on access: very many packages may be skipped."""
        return None if self.file is None else Path(self.file)

    @property
    def members(self) -> tuple[Any, ...]:
        """The files inside, as `Downloaded.members`; read from the disk on access."""
        return () if self.file is None else _members(Path(self.file), self.folder, self.url)

    @property
    def rasters(self) -> tuple[str, ...]:
        """The GeoTIFFs, as `Downloaded.rasters`; read from the disk on access."""
        return () if self.file is None else rasters_in(Path(self.file), self.folder, self.url)


@frozen(repr=False)
class Failed(Hinting):
    """A package that did not reach the disk.

    Attributes:
        package: the package.
        error: the reason; `error.retryable` says whether a later attempt may succeed.
        stage: where it failed.
    """

    _instead = _OUTCOME

    package: Package
    error: PixxelError
    stage: DownloadStage = "stream"

    def __repr__(self) -> str:
        members = [("package", str(self.package)), ("stage", self.stage), ("error", self.error)]
        return short_repr("Failed", members, longest=150)


MAX_LISTED_MEMBERS = 10_000
"""Files that `members` lists at most; of a larger archive it lists none."""


@frozen
class UnpackedFile:
    """A file that was unpacked from an archive that was not kept.

    Attributes:
        name: path below the folder, with `/` between its folders.
        size: bytes.
    """

    name: str
    size: int


def _members(path: Path, folder: Path | None, url: str | None) -> tuple[Any, ...]:
    if url is not None:
        return ()
    try:
        if folder == path:
            members: tuple[Any, ...] = tuple(UnpackedFile(name, (path / name).stat().st_size) for name in _files(path))
        else:
            members = tuple(islice(list_entries(path), MAX_LISTED_MEMBERS + 1))
    except (OSError, PixxelError):  # moved away, or no ZIP
        return ()
    return members if len(members) <= MAX_LISTED_MEMBERS else ()


def rasters_in(
    path: Path, folder: Path | None, url: str | None, members: tuple[Any, ...] | None = None
) -> tuple[str, ...]:
    """Return the rasters of a package's file or folder as GDAL opens them; none of an object."""
    if url is not None:
        return ()
    if folder is not None:
        return tuple(str(folder / name) for name in _files(folder) if is_raster(name))
    if path.suffix.lower() in (".tif", ".tiff"):
        return (str(path),)
    listed = _members(path, folder, url) if members is None else members
    # GDAL counts the braces around an archive's path; without them it finds the archive by its suffix.
    archive = str(path) if {"{", "}"} & set(str(path)) else f"{{{path}}}"
    return tuple(f"/vsizip/{archive}/{member.name}" for member in listed if is_raster(member.name))


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


Outcome = Downloaded | Skipped | Failed
"""How one package ended."""

Event = (
    Asked | Waiting | Paused | Started | Moved | Rewound | Renewed | Proving | Publishing | Unpacking | Dropped
    | Outcome
)  # fmt: skip
"""Any event of a download."""
