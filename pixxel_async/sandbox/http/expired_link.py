"""The error documents of S3, Azure and Google Cloud Storage for an expired signed URL."""

from __future__ import annotations

from ..answers import SandboxAnswer, as_xml, plain
from ..rules.links import SigningStyle

_AZURE = (
    "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
    "including the signature."
)


def expired_answer(style: SigningStyle, *, ends: str = "", now: str = "") -> SandboxAnswer:
    """Build the refusal of an expired signed URL.

    Args:
        style: whose document: `s3`, `azure` or `gcs`.
        ends, now: time of expiry and current time, ISO 8601; empty to leave them out.
    """
    if style == "azure":
        # ASSUMPTION: Azure sends a byte order mark first and the times in a detail element.
        detail = f"Signature not valid in the specified time frame: Expiry [{ends}] - Current [{now}]"
        document = as_xml(403, "AuthenticationFailed", _AZURE, AuthenticationErrorDetail=detail)
        return plain(403, b"\xef\xbb\xbf" + document.body.read_all(), "application/xml")
    if style == "gcs":
        # ASSUMPTION: Google answers 400, unlike the others.
        return as_xml(
            400, "ExpiredToken", "Invalid argument.", Details=f"The provided token has expired. {ends}".strip()
        )
    facts = {"Expires": ends, "ServerTime": now}
    return as_xml(403, "AccessDenied", "Request has expired", **{name: text for name, text in facts.items() if text})
