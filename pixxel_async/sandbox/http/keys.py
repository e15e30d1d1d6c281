"""Who may call: the sandbox's own API keys, and the forms in which they are accepted."""

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
    """What one key opens.

    Attributes:
        ends: until when, in seconds since 1970.
        projects: ids of the projects that it may act in; None for all.
    """

    ends: float = float("inf")
    projects: frozenset[str] | None = None


class Keys:
    """The keys that are valid now.

    Args:
        seed: what the first key is drawn from.
        form: whether a key stands bare in the header, behind `Bearer `, either, or brings a scheme word of its own.
    """

    def __init__(self, seed: int | str, form: AuthForm = "both") -> None:
        self.form = form
        self._known: dict[str, SandboxKey] = {}
        self.first = self.add(f"sandbox-{digest(seed, 'key').hex()[:32]}")

    def known(self) -> list[str]:
        """All keys that are let in, without their scheme words."""
        return [key.rpartition(" ")[2] for key in self._known]

    def add(self, key: str, *, ends: float = float("inf"), projects: Collection[str] | None = None) -> str:
        """Let another key in, until `ends` (seconds since 1970), into these projects or into all; returns it."""
        key = f"{_SCHEME} {key}" if self.form == "scheme" else key
        self._known[key] = SandboxKey(ends, None if projects is None else frozenset(projects))
        return key

    def revoke(self, key: str) -> None:
        """Refuse this key from now on."""
        self._known.pop(key, None)

    def check(self, header: str | None, now: float) -> SandboxKey:
        """What the key in the header opens.

        Raises:
            Refused: 403 for a missing, unknown or ended key, 401 for a form that is not read.
        """
        # ASSUMPTION: 401 is for what does not look like a key, 403 for all else; the vendor's pages differ.
        if not header:
            raise RequestRefused(403, "forbidden", "no API key in the Authorization header")
        found = self._known.get(self._read(header), SandboxKey(ends=0.0))
        if found.ends <= now:
            raise RequestRefused(403, "forbidden", "the API key is unknown, expired or revoked")
        return found

    def _read(self, header: str) -> str:
        """The key that a header holds in the form that is read here."""
        scheme, _, rest = header.partition(" ")
        form, key = ("bearer", rest) if rest and scheme.lower() == "bearer" else ("raw", header)
        if self.form == "scheme" and scheme == _SCHEME:
            return header
        if self.form not in ("both", form) or " " in key:
            raise RequestRefused(401, "unauthorized", "the form of the API key is not recognised")
        return key
