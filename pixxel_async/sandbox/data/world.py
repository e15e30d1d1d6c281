"""The state of one sandbox, determined by its seed and the requests it received."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from attrs import frozen

from ..answers import RequestRefused, not_found
from ..behaviour.behaviour import Behaviour
from ..files.archive import ArchiveMember
from ..files.layout import PACKERS, divide, flatten
from ..files.virtual_bytes import VirtualBytes
from ..rules.ids import number, tag, uuid
from .contents import SceneLocation, make_sized
from .entities.areas import Area
from .entities.imagery import Scene, scenes
from .entities.insights import SandboxInsight
from .entities.jobs import JobRun, SandboxWorkflow
from .entities.orders import OrderEntry, OrderLine, SandboxOrder, entries
from .entities.pictures import Picture, presets
from .packing import Packing, Stored
from .thumbnails import thumbnail, thumbnail_key

Row = dict[str, Any]
_SCENES = 8
"""Scenes shared by packages of a fixed size."""


@frozen
class PendingDownload:
    """A package requested by POST.

    Attributes:
        id: its id in the API.
        owner: id of its AOI, or empty.
        place: centre of its rasters.
        members: makes its contents.
    """

    id: str
    owner: str
    place: SceneLocation
    members: Callable[[], Iterable[ArchiveMember]]


class World:
    """Everything that exists in a sandbox.

    Args:
        seed: determines ids.
        packing: packs and signs.
        job_seconds: duration of jobs created by requests.
        package_size: bytes of every package; None for the size of its contents.
        behaviour: choices where the vendor's pages leave a question open.
    """

    def __init__(
        self,
        seed: int | str,
        packing: Packing,
        *,
        job_seconds: float = 20.0,
        package_size: int | None = None,
        behaviour: Behaviour | None = None,
    ) -> None:
        self.seed = seed
        self.packing = packing
        self.job_seconds = job_seconds
        self.package_size = package_size
        self.behaviour = behaviour or Behaviour()
        self.org_id = uuid(seed, "organization")
        self.user_id = uuid(seed, "service account")
        self.projects: dict[str, Row] = {}
        self.workflows: dict[str, SandboxWorkflow] = {}
        self.runs: dict[str, dict[str, JobRun]] = {}
        self.scenes = scenes(seed)
        self.areas: dict[str, Area] = {}
        self.indices: dict[str, Row] = {row["id"]: row for row in presets(seed)}
        self.pictures: dict[str, Picture] = {}
        self.insights: dict[str, SandboxInsight] = {}
        self.orders: dict[str, SandboxOrder] = {}
        self.stores: dict[str, Row] = {}
        self.deliveries: list[Row] = []
        self.downloads: dict[str, PendingDownload] = {}
        self._counts: Counter[str] = Counter()

    def new_id(self, kind: str) -> str:
        """Return an id for the next object of a kind: the nth id is the same in every sandbox of this seed."""
        self._counts[kind] += 1
        return uuid(self.seed, kind, self._counts[kind])

    def bundle(
        self, key: str, place: SceneLocation, members: Callable[[], Iterable[ArchiveMember]]
    ) -> Callable[[], VirtualBytes]:
        """Return a function that makes a package's bytes, from its members or the fixed package size."""
        size = self.package_size
        if size is None:
            return lambda: self._pack(list(members()))
        return lambda: make_sized(place, f"{self.seed}/{number(_SCENES, key)}", key, size)

    def _pack(self, members: list[ArchiveMember]) -> VirtualBytes:
        behaviour = self.behaviour
        files = [member for member in members if not member.name.endswith("spec.json")]
        if behaviour.bare_files and len(files) == 1:
            return files[0].content
        if not behaviour.folders:
            members = flatten(members)
        return PACKERS[behaviour.archive](members if behaviour.parts == 1 else divide(members, behaviour.parts))

    def refuse_unfinished(self, reason: str, *, ended: bool) -> str:
        """Return the state of an unfinished package; raise `RequestRefused` where it cannot be requested."""
        # ASSUMPTION: 400; 409 or a `pending` state are possible, too. A failed job is always refused.
        if self.behaviour.unfinished == "pending" and not ended:
            return "pending"
        raise RequestRefused(409 if self.behaviour.unfinished == 409 else 400, "bad_request", reason)

    def area(self, id: str) -> Area:
        """Return an AOI; raise `RequestRefused` with 404."""
        if id not in self.areas:
            raise not_found("AOI", id)
        return self.areas[id]

    def project(self, id: str) -> Row:
        """Return a project; raise `RequestRefused` with 404."""
        if id not in self.projects:
            raise not_found("project", id)
        return self.projects[id]

    def lines(self) -> list[tuple[SandboxOrder, OrderLine]]:
        """Return all order items with their orders, oldest first."""
        return [(order, line) for order in self.orders.values() for line in order.lines]

    def scene(self, id: str) -> Scene | None:
        """Return a scene of the archive, or one acquired for an order."""
        if id in self.scenes:
            return self.scenes[id]
        return next((entry.scene for entry in self.catalog(math.inf).values() if entry.scene.id == id), None)

    def thumbnail(self, key: str) -> Stored | None:
        """Return the thumbnail at this path of the storage."""
        scene = self.scene(key.rpartition("/")[2].removesuffix(".png"))
        if scene is None or key != thumbnail_key(scene.id):
            return None
        name = key.rpartition("/")[2]
        return Stored(key, name, tag(self.seed, key), lambda: VirtualBytes.of(thumbnail(self.seed, scene)))

    def catalog(self, now: float) -> dict[str, OrderEntry]:
        """Return the organization's catalog."""
        return {entry.id: entry for order in self.orders.values() for entry in entries(order, now)}
