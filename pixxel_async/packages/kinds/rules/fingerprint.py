"""Fingerprints of signed links: the object's part of a URL is kept, its signature is left out."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit

from .spelling import digest

_SIGNED_BY = ("x-amz-", "x-goog-", "response-")
"""Prefixes of query parameters that sign a link or override response headers, on S3 and Google Cloud Storage."""
_SIGNATURES = re.compile("signature|expires|awsaccesskeyid|googleaccessid|key-pair-id|policy")
"""Parameters beside `Signature`: S3 and Google version 2, CloudFront."""
_SHARED = re.compile("sig|sv|ss|srt|sr|sp|se|st|spr|sip|si|sdd|ses|scid|saoid|suoid|sk(oid|s|t|tid|e|v)")
"""Parameters beside `sig`: Azure's shared access signatures."""


def fingerprint(url: str) -> str:
    """Return 16 hex digits that identify the linked object: equal for renewed links, and not reversible."""
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True)
        named = f"{parts.scheme}://{parts.netloc}{parts.path}?{urlencode(sorted(_naming_members(query)))}"
    except ValueError:
        named = url
    return digest(named)[:16]


def _naming_members(query: list[tuple[str, str]]) -> list[tuple[str, str]]:
    names = {name.lower() for name, _ in query}
    signing = [rule for mark, rule in (("signature", _SIGNATURES), ("sig", _SHARED)) if mark in names]
    return [(name, value) for name, value in query if not _signs(name.lower(), signing)]


def _signs(name: str, signing: list[re.Pattern[str]]) -> bool:
    return name.startswith(_SIGNED_BY) or any(rule.fullmatch(name) for rule in signing)
