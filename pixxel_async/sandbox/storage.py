"""The object storage: presigned links on a port of their own, and nothing else."""

from __future__ import annotations

from urllib.parse import unquote

from .answers import Answer, as_xml
from .clock import HISTORY, Clock, http_date, zulu
from .files.ribbon import Ribbon
from .packing import Packing, Stored
from .rules.links import ends, judge
from .rules.ranges import part
from .site import Request

_MODIFIED = http_date(HISTORY)


class Storage:
    """Hands out what was packed.

    Args:
        packing: knows the packages and signs the links.
        clock: the sandbox's.
    """

    def __init__(self, packing: Packing, clock: Clock) -> None:
        self._packing = packing
        self._clock = clock

    def respond(self, request: Request) -> Answer:
        """The answer to one request: the link is judged first, then the part that was asked for is cut."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        stored = self._packing.stored(unquote(request.path).lstrip("/"))
        if stored is None:
            return as_xml(404, "NoSuchKey", "The specified key does not exist.")
        return _cut(stored, self._packing.body(stored), request)

    def _refusal(self, request: Request) -> Answer | None:
        if "authorization" in request.headers:
            return as_xml(400, "InvalidArgument", "Only one auth mechanism allowed", ArgumentName="Authorization")
        now, path = self._clock.now(), unquote(request.path)
        verdict = judge(path, request.query, self._packing.secret, now)
        if verdict == "unsigned":
            return as_xml(403, "AccessDenied", "Access Denied")
        if verdict == "damaged" or request.method != "GET":
            return as_xml(403, "SignatureDoesNotMatch", "The signature does not match the request.")
        if verdict == "expired":
            facts = {"Expires": zulu(ends(request.query)), "ServerTime": zulu(now)}
            return as_xml(403, "AccessDenied", "Request has expired", **facts)
        return None


def _cut(stored: Stored, body: Ribbon, request: Request) -> Answer:
    cut = part(request.headers, body.size, stored.etag, _MODIFIED)
    if cut.status == 416:
        refused = as_xml(416, "InvalidRange", "The requested range is not satisfiable")
        return refused.with_headers(Content_Range=f"bytes */{body.size}")
    if cut.status == 412:
        return as_xml(412, "PreconditionFailed", "At least one of the preconditions did not hold")
    headers = {"ETag": stored.etag, "Last-Modified": _MODIFIED, "Accept-Ranges": "bytes"}
    if cut.status == 304:
        return Answer(304, headers)
    headers["Content-Type"] = "application/zip"
    headers["Content-Disposition"] = f'attachment; filename="{stored.name}"'
    if cut.status == 206:
        headers["Content-Range"] = f"bytes {cut.start}-{cut.stop - 1}/{body.size}"
    return Answer(cut.status, headers, body, cut.start, cut.stop)


def name(request: Request) -> str:
    """Every request of the storage is of one kind."""
    return "storage"
