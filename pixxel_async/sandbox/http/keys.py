"""The sandbox's API keys and the accepted forms of the Authorization header."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from attrs import frozen

from ..answers import RequestRefused
from ..rules.ids import digest

AuthForm = Literal["both", "raw", "bearer", "scheme"]
_SCHEME = "Token"


@frozen
class SandboxKey:
    """The rights of one key.

    Attributes:
        ends: expiry, in seconds since 1970.
        projects: ids of the projects that it may use; None for all.
    """

    ends: float = float("inf")
    projects: frozenset[str] | None = None


class Keys:
    """The accepted keys.

    Args:
        seed: determines the first key.
        form: accepted form: the bare key (`raw`), `Bearer KEY`, both, or the scheme `Token`.
        first: the first key; None for a key derived from the seed.
    """

    def __init__(self, seed: int | str, form: AuthForm = "both", first: str | None = None) -> None:
        self.form = form
        self._keys: dict[str, SandboxKey] = {}
        self.first = self.add(first or f"sandbox-{digest(seed, 'key').hex()[:32]}")

    def accepted(self) -> list[str]:
        """Return all accepted keys without their scheme."""
        return [key.rpartition(" ")[2] for key in self._keys]

    def add(self, key: str, *, ends: float = float("inf"), projects: Collection[str] | None = None) -> str:
        """Accept another key until `ends` (seconds since 1970), for these projects or all; return it."""
        key = f"{_SCHEME} {key}" if self.form == "scheme" else key
        self._keys[key] = SandboxKey(ends, None if projects is None else frozenset(projects))
        return key

    def revoke(self, key: str) -> None:
        """Revoke a key."""
        self._keys.pop(key, None)

    def check(self, header: str | None, now: float) -> SandboxKey:
        """Return the rights of the key in the Authorization header.

        Raises:
            RequestRefused: 403 for a missing, unknown or ended key, 401 for a form that is not read.
        """
        # ASSUMPTION: 401 for a malformed key, 403 for everything else; the vendor's pages differ.
        if not header:
            raise RequestRefused(403, "forbidden", "no API key in the Authorization header")
        key = self._keys.get(self._read(header), SandboxKey(ends=0.0))
        if key.ends <= now:
            raise RequestRefused(403, "forbidden", "the API key is unknown, expired or revoked")
        return key

    def _read(self, header: str) -> str:
        """Extract the key from a header of the accepted form."""
        scheme, _, rest = header.partition(" ")
        form, key = ("bearer", rest) if rest and scheme.lower() == "bearer" else ("raw", header)
        if self.form == "scheme" and scheme == _SCHEME:
            return header
        if self.form not in ("both", form) or " " in key:
            raise RequestRefused(401, "unauthorized", "the form of the API key is not recognised")
        return key
