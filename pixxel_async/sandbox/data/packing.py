"""The life cycle of packages: requested, packing, ready, and their signed URLs."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

from attrs import field, frozen

from ..files.virtual_bytes import VirtualBytes
from ..rules.ids import digest, tag
from ..rules.links import SigningStyle, sign

_KEPT = 64
"""Objects whose virtual bytes stay cached: less than a megabyte each."""


@frozen
class Stored:
    """An object of the storage.

    Attributes:
        key: its path.
        name: file name in Content-Disposition.
        etag: strong, equal in every process.
        make: makes its bytes.
    """

    key: str
    name: str
    etag: str
    make: Callable[[], VirtualBytes] = field(repr=False)


@frozen
class PackedArchive:
    """The state of a requested package.

    Attributes:
        state: `pending`, `ready` or `failed`.
        link: the signed URL of a ready one, a fresh one each time.
    """

    state: str
    link: str = ""


class Packing:
    """All packages of one sandbox.

    Args:
        seed: determines signatures and entity tags.
        seconds: from the first request until a package is ready.
        link_life: lifetime of a signed URL in seconds.
        restarts: whether a repeated request restarts the packing.
        variant: further parameters of the bytes, such as a requested size.

    Attributes:
        origin: the storage's origin, once it listens.
        link_style: the signing scheme of URLs.
        same_link: whether a URL is handed out again while it is valid.
        suffix: of file names in Content-Disposition.
        early_ready: whether a package that is still packing is called ready, without a link.
        slow: packing seconds of single packages, by the id of the packed object.
        failing: ids of objects whose packing fails.
    """

    # ASSUMPTION: a repeated request neither restarts nor charges, and a ready package stays ready; see `restarts`.

    def __init__(
        self, seed: int | str, seconds: float, link_life: float, *, restarts: bool = False, variant: object = None
    ) -> None:
        self._seed = (seed, variant)
        self.seconds = seconds
        self.link_life = link_life
        self.link_style: SigningStyle = "s3"
        self.same_link = False
        self.suffix = ".zip"
        self.early_ready = False
        self.restarts = restarts
        self.secret = digest(seed, "storage")
        self.origin = ""
        self.slow: dict[str, float] = {}
        self.failing: set[str] = set()
        self._ready: dict[str, float] = {}
        self._stored: dict[str, Stored] = {}
        self._links: dict[str, tuple[float, str]] = {}
        self._bodies: OrderedDict[str, VirtualBytes] = OrderedDict()

    def ask(self, key: str, owner: str, make: Callable[[], VirtualBytes], now: float) -> PackedArchive:
        """Request the package `key` of the object `owner`; the first request starts the packing."""
        if key not in self._stored:
            name = key.rpartition("/")[2].removesuffix(".zip") + self.suffix
            self._stored[key] = Stored(key, name, tag(*self._seed, key), make)
        fresh = now + self.slow.get(owner, self.seconds)
        ready = self._ready.setdefault(key, fresh)
        if now < ready and self.restarts:
            self._ready[key] = fresh
        if now < ready:
            return PackedArchive("ready" if self.early_ready and owner not in self.failing else "pending")
        if owner in self.failing:
            return PackedArchive("failed")
        return PackedArchive("ready", self.origin + self._link(key, now))

    def _link(self, key: str, now: float) -> str:
        """Return a fresh signed URL, or the last one while that is valid."""
        ends, link = self._links.get(key, (now, ""))
        if now >= ends:
            link = sign(f"/{key}", self.secret, now, math.ceil(self.link_life), self.link_style)
            if self.same_link:
                self._links[key] = math.floor(now) + math.ceil(self.link_life), link
        return link

    def find(self, key: str) -> Stored | None:
        """Return the object of a key, if it was requested."""
        return self._stored.get(key)

    def body(self, stored: Stored) -> VirtualBytes:
        """Return an object's bytes; the last few objects stay cached."""
        if stored.key not in self._bodies:
            self._bodies[stored.key] = stored.make()
        self._bodies.move_to_end(stored.key)
        if len(self._bodies) > _KEPT:
            self._bodies.popitem(last=False)
        return self._bodies[stored.key]
