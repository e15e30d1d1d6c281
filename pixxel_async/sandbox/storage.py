"""Serve packages from presigned URLs, as an object storage does, on a port of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import unquote

from attrs import evolve

from .answers import SandboxAnswer, as_xml
from .behaviour.behaviour import Behaviour
from .clock import HISTORY, Clock, http_date, zulu
from .data.packing import Packing, Stored
from .files.layout import content_type
from .files.virtual_bytes import VirtualBytes
from .http.expired_link import expired_answer
from .http.site import SiteRequest
from .rules.links import ends, judge, style_of
from .rules.ranges import choose_part

_MODIFIED = http_date(HISTORY)


class SandboxStorage:
    """Serve packed objects.

    Args:
        packing: the packages and their signatures.
        clock: the sandbox's clock.
        behaviour: which headers it sends and which requests it supports.
        public: finds an object that needs no signature by its path.
    """

    def __init__(
        self,
        packing: Packing,
        clock: Clock,
        behaviour: Behaviour | None = None,
        public: Callable[[str], Stored | None] = lambda key: None,
    ) -> None:
        self._packing = packing
        self._public = public
        self._clock = clock
        self._behaviour = behaviour or Behaviour()

    def respond(self, request: SiteRequest) -> SandboxAnswer:
        """Answer one request: verify the signature, then select the requested range."""
        key = unquote(request.path).lstrip("/")
        stored = self._public(key) if request.method == "GET" else None
        if stored is None:
            refusal = self._refusal(request)
            if refusal is not None:
                return refusal
            stored = self._packing.find(key)
        if stored is None:
            return as_xml(404, "NoSuchKey", "The specified key does not exist.")
        headers = request.headers if self._behaviour.ranges else {}
        answer = _answer_get(stored, self._packing.body(stored), headers)
        if "Content-Type" in answer.headers:
            answer = evolve(answer, send_length=self._behaviour.lengths)
        return answer.with_headers(**self._header_changes(stored, answer))

    def _header_changes(self, stored: Stored, answer: SandboxAnswer) -> dict[str, str | None]:
        """Return headers that the profile changes or removes (None)."""
        changed: dict[str, str | None] = {}
        if self._behaviour.content_type != "format" and "Content-Type" in answer.headers:
            # aiohttp always sends a content type; an empty one is equivalent to none.
            changed["Content-Type"] = "application/octet-stream" if self._behaviour.content_type == "bytes" else ""
        if self._behaviour.etag != "strong":
            changed["ETag"] = f"W/{stored.etag}" if self._behaviour.etag == "weak" else None
            changed["Last-Modified"] = None
        if not self._behaviour.ranges:
            changed["Accept-Ranges"] = None
        if not self._behaviour.file_name:
            changed["Content-Disposition"] = None
        return changed

    def _refusal(self, request: SiteRequest) -> SandboxAnswer | None:
        if "authorization" in request.headers:
            return as_xml(400, "InvalidArgument", "Only one auth mechanism allowed", ArgumentName="Authorization")
        now, path = self._clock.now(), unquote(request.path)
        verdict = judge(path, request.query, self._packing.secret, now)
        if verdict == "unsigned":
            return as_xml(403, "AccessDenied", "Access Denied")
        if verdict == "damaged" or request.method != "GET":
            return as_xml(403, "SignatureDoesNotMatch", "The signature does not match the request.")
        if verdict == "expired":
            return expired_answer(style_of(request.query), ends=zulu(ends(request.query)), now=zulu(now))
        return None


def _answer_get(stored: Stored, body: VirtualBytes, range_headers: Mapping[str, str]) -> SandboxAnswer:
    cut = choose_part(range_headers, body.size, stored.etag, _MODIFIED)
    if cut.status == 416:
        refused = as_xml(416, "InvalidRange", "The requested range is not satisfiable")
        return refused.with_headers(Content_Range=f"bytes */{body.size}")
    if cut.status == 412:
        return as_xml(412, "PreconditionFailed", "At least one of the preconditions did not hold")
    headers = {"ETag": stored.etag, "Last-Modified": _MODIFIED, "Accept-Ranges": "bytes"}
    if cut.status == 304:
        return SandboxAnswer(304, headers)
    headers["Content-Type"] = content_type(b"".join(body.read(0, 2)))
    headers["Content-Disposition"] = f'attachment; filename="{stored.name}"'
    if cut.status == 206:
        headers["Content-Range"] = f"bytes {cut.start}-{cut.stop - 1}/{body.size}"
    return SandboxAnswer(cut.status, headers, body, cut.start, cut.stop)


def name(request: SiteRequest) -> str:
    """Name every storage request `storage`."""
    return "storage"
