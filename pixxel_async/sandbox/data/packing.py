"""The life of packages: asked for, packing, ready, and the signed links to them."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

from attrs import field, frozen

from ..files.virtual_bytes import VirtualBytes
from ..rules.ids import digest, tag
from ..rules.links import SigningStyle, sign

_KEPT = 64
"""Objects whose bytes are kept as ribbons: less than a megabyte each."""


@frozen
class Stored:
    """An object of the storage.

    Attributes:
        key: its path.
        name: file name that the storage suggests.
        etag: strong, and the same in every process.
        make: makes its bytes.
    """

    key: str
    name: str
    etag: str
    make: Callable[[], VirtualBytes] = field(repr=False)


@frozen
class PackedArchive:
    """What asking for a package tells.

    Attributes:
        state: `pending`, `ready` or `failed`.
        link: the signed link of a ready one, fresh each time.
    """

    state: str
    link: str = ""


class Packing:
    """All packages of one sandbox.

    Args:
        seed: what signatures and entity tags are drawn from.
        seconds: from the first asking until a package is ready.
        link_life: seconds that a signed link opens its object.
        restarts: whether asking again while it packs begins anew.
        variant: what else the bytes depend on, such as a size that was asked for.

    Attributes:
        origin: of the storage, once it listens.
        link_style: in whose manner links are signed.
        same_link: whether a link is given out again as long as it is good.
        suffix: of the file names that the storage suggests.
        early_ready: whether what still packs is called ready, without a link.
        slow: seconds for single packages, by the id of what is packed.
        failing: ids of what cannot be packed.
    """

    # ASSUMPTION: asking again neither restarts nor charges, and what is ready stays ready; `restarts` is the other way.

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
        self._made: OrderedDict[str, VirtualBytes] = OrderedDict()

    def ask(self, key: str, owner: str, make: Callable[[], VirtualBytes], now: float) -> PackedArchive:
        """Ask for the package `key` of the thing with the id `owner`; the first asking starts the packing."""
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
        """A signed link: a fresh one, or the last one while that is good."""
        ends, link = self._links.get(key, (now, ""))
        if now >= ends:
            link = sign(f"/{key}", self.secret, now, math.ceil(self.link_life), self.link_style)
            if self.same_link:
                self._links[key] = math.floor(now) + math.ceil(self.link_life), link
        return link

    def stored(self, key: str) -> Stored | None:
        """The object of this key, if it was asked for."""
        return self._stored.get(key)

    def body(self, stored: Stored) -> VirtualBytes:
        """The object's bytes; those of the last few objects are kept."""
        if stored.key not in self._made:
            self._made[stored.key] = stored.make()
        self._made.move_to_end(stored.key)
        if len(self._made) > _KEPT:
            self._made.popitem(last=False)
        return self._made[stored.key]
