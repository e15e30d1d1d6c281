"""What of a link names its object, and what only signs it."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit

from .spelling import digest

_SIGNED_BY = ("x-amz-", "x-goog-", "response-")
"""How parameters begin that sign a link, or say how it shall be answered, at S3 and Google Cloud Storage."""
_SIGNATURES = re.compile("signature|expires|awsaccesskeyid|googleaccessid|key-pair-id|policy")
"""Beside `Signature`: older S3 and Google links, and CloudFront's."""
_SHARED = re.compile("sig|sv|ss|srt|sr|sp|se|st|spr|sip|si|sdd|ses|scid|saoid|suoid|sk(oid|s|t|tid|e|v)")
"""Beside `sig`: Azure's shared access signatures."""


def fingerprint(url: str) -> str:
    """A digest of the object that a signed link leads to: the same for a renewed link, and it tells nothing of it."""
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True)
        named = f"{parts.scheme}://{parts.netloc}{parts.path}?{urlencode(sorted(_naming(query)))}"
    except ValueError:
        named = url
    return digest(named)[:16]


def _naming(query: list[tuple[str, str]]) -> list[tuple[str, str]]:
    names = {name.lower() for name, _ in query}
    signing = [rule for mark, rule in (("signature", _SIGNATURES), ("sig", _SHARED)) if mark in names]
    return [(name, value) for name, value in query if not _signs(name.lower(), signing)]


def _signs(name: str, signing: list[re.Pattern[str]]) -> bool:
    return name.startswith(_SIGNED_BY) or any(rule.fullmatch(name) for rule in signing)
