"""Read a storage response beside its body: the reason of a refusal, the file name, checksums of the whole.

Refusals are classified by `_protocol/storage_answers.py`; 200, 206 and 416 are read in `resume.py`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from urllib.parse import unquote

from attrs import frozen

from ...._protocol.storage_answers import Meaning, classify, describe

__all__ = ["StorageRefusal", "classify_refusal", "server_file_name", "stated_digests"]


@frozen
class StorageRefusal:
    """A response without the requested body.

    Attributes:
        meaning: as of `classify`.
        message: the storage's message, with secrets masked.
    """

    meaning: Meaning
    message: str = ""


def classify_refusal(status: int, headers: Mapping[str, str], head: bytes) -> StorageRefusal:
    """Classify an error response whose body begins with `head`."""
    return StorageRefusal(classify(status, headers, head), describe(status, headers, head))


_STAR_NAME = re.compile(r"filename\*\s*=\s*utf-8''([^;\s]+)", re.IGNORECASE)
_PLAIN_NAME = re.compile(r"filename\s*=\s*(?:\"([^\"]*)\"|([^;\s]+))", re.IGNORECASE)


def server_file_name(disposition: str, limit: int = 200) -> str | None:
    """Return the file name of a Content-Disposition header, for display and never for a path; None without one."""
    if star := _STAR_NAME.search(disposition):
        name = unquote(star[1])
    elif plain := _PLAIN_NAME.search(disposition):
        name = plain[1] or plain[2] or ""
    else:
        return None
    last = re.split(r"[/\\]", name)[-1]
    return "".join(char for char in last if char.isprintable())[:limit] or None


_LENGTHS = {"crc32": 4, "md5": 16, "sha1": 20, "sha256": 32, "sha512": 64}
_OF_THE_WHOLE = {
    "x-amz-checksum-crc32": "crc32",
    "x-amz-checksum-sha1": "sha1",
    "x-amz-checksum-sha256": "sha256",
    "x-ms-blob-content-md5": "md5",
}
_REPR_DIGEST = {"sha-256": "sha256", "sha-512": "sha512", "md5": "md5", "sha": "sha1"}


def stated_digests(headers: Mapping[str, str], *, whole_body: bool = True) -> dict[str, bytes]:
    """Return the checksums of the whole package that a storage states: algorithm -> bytes. Malformed ones are skipped.

    Args:
        headers: names in lower case.
        whole_body: whether the response is the whole body (200), so that a checksum of the body is one of the package.
    """
    stated = [(_OF_THE_WHOLE[name], text) for name, text in headers.items() if name in _OF_THE_WHOLE]
    if whole_body:
        stated.append(("md5", headers.get("content-md5", "")))
    for part in headers.get("x-goog-hash", "").split(","):
        name, _, text = part.strip().partition("=")
        stated.append((name, text))
    for part in headers.get("repr-digest", "").split(","):
        name, _, text = part.strip().partition("=")
        stated.append((_REPR_DIGEST.get(name.lower(), ""), text.strip(":")))
    decoded = ((algorithm, _decode_digest(text)) for algorithm, text in stated)
    return {name: value for name, value in decoded if value and len(value) == _LENGTHS.get(name)}


def _decode_digest(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
