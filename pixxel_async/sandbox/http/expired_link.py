"""What object storages say of a signed link whose time is over, each in its own words."""

from __future__ import annotations

from ..answers import SandboxAnswer, as_xml, plain
from ..rules.links import SigningStyle

_AZURE = (
    "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
    "including the signature."
)


def expired(style: SigningStyle, *, ends: str = "", now: str = "") -> SandboxAnswer:
    """The refusal of a link that has expired.

    Args:
        style: whose words: `s3`, `azure` or `gcs`.
        ends, now: when it expired and what time it is, as far as that is told.
    """
    if style == "azure":
        # ASSUMPTION: a byte order mark stands before the document, and the time is told in a text of its own.
        detail = f"Signature not valid in the specified time frame: Expiry [{ends}] - Current [{now}]"
        document = as_xml(403, "AuthenticationFailed", _AZURE, AuthenticationErrorDetail=detail)
        return plain(403, b"\xef\xbb\xbf" + document.body.whole(), "application/xml")
    if style == "gcs":
        # ASSUMPTION: 400, unlike the others.
        return as_xml(
            400, "ExpiredToken", "Invalid argument.", Details=f"The provided token has expired. {ends}".strip()
        )
    facts = {"Expires": ends, "ServerTime": now}
    return as_xml(403, "AccessDenied", "Request has expired", **{name: text for name, text in facts.items() if text})
