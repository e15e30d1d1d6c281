"""Derive members of a sandbox profile from single responses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Findings = dict[str, Any]
_WORD = re.compile(r"[A-Za-z][A-Za-z _-]{1,30}")
_TAKEN = {"words": r"(\d+m )?\d+s", "clock": r"\d\d:\d\d:\d\d", "seconds": r"\d+"}
_STYLES = (("X-Amz-Signature=", "s3"), ("X-Goog-Signature=", "gcs"), ("sig=", "azure"))
_STARTS = {b"PK": "zip", b"\x1f\x8b": "gzip"}

_SPELLING = frozenset({"error_codes", "error_details", "numbers", "progress", "time_taken", "words"})
"""Findings about how responses spell things; a profile groups them."""


def as_profile(findings: Findings) -> Findings:
    """Group findings as a sandbox's profile does."""
    spelling = {name: value for name, value in findings.items() if name in _SPELLING}
    rest = {name: value for name, value in findings.items() if name not in _SPELLING}
    return {**rest, "spelling": spelling} if spelling else rest


def derive_numbering(bare: Sequence[str], first_page: Sequence[str]) -> Findings:
    """Derive the first page number from the ids of a page without a number and of page 1."""
    if not bare or not first_page:
        return {}
    return {"first_page": 1 if list(bare) == list(first_page) else 0}


def derive_limit(requested: int, status: int, named: int | None) -> Findings:
    """Derive the page limit from the response to a very large page: an error, or the limit that it names."""
    if status == 400:
        return {"page_above": "refused"}
    return {"page_above": "clamped", "page_most": named} if named is not None and 0 < named < requested else {}


def derive_refusal(status: int, code: str, details: Any) -> Findings:
    """Derive the error form from the response to an unknown id."""
    findings: Findings = {"missing": status} if status in (400, 403, 404) else {}
    if code:
        findings["error_form"] = "envelope"
        findings["error_codes"] = "status" if code.isdigit() else "upper" if code.isupper() else "words"
        kinds = {dict: "object", list: "list", str: "text", type(None): "null"}
        findings["error_details"] = kinds.get(type(details), "object")
    return findings


def derive_job(job: Mapping[str, Any]) -> Findings:
    """Derive spellings from a job's values."""
    progress, findings = job.get("progress"), Findings()
    if isinstance(progress, int | float | str):
        findings["progress"] = "number" if not isinstance(progress, str) else "percent" if "%" in progress else "text"
    for form, pattern in _TAKEN.items():
        if re.fullmatch(pattern, str(job.get("time_taken") or "")):
            findings["time_taken"] = form
    if isinstance(job.get("cost"), int | str):
        findings["numbers"] = "text" if isinstance(job["cost"], str) else "number"
    return findings


def derive_words(usual: Mapping[str, str]) -> Findings:
    """Derive status words, by our word for each; texts that look like no word are left out."""
    renamed = {name: word for name, word in usual.items() if word != name and _WORD.fullmatch(word)}
    return {"words": renamed} if renamed else {}


def derive_link(url: str, seconds: float | None) -> Findings:
    """Derive signing scheme and lifetime from a signed URL, of which only the scheme is kept."""
    style = next((style for mark, style in _STYLES if mark in url), "")
    findings: Findings = {"link_style": style} if style else {}
    return findings if seconds is None or seconds <= 0 else findings | {"link_life": round(seconds)}


def derive_object(status: int, headers: Mapping[str, str], first: bytes) -> Findings:
    """Derive the storage's features from its response to a range request for a package's first bytes."""
    tag, kind = headers.get("etag", ""), headers.get("content-type", "")
    names = {"": "none", "application/octet-stream": "bytes", "binary/octet-stream": "bytes"}
    return {
        "ranges": status == 206,
        "etag": "none" if not tag else "weak" if tag.startswith("W/") else "strong",
        "content_type": names.get(kind.partition(";")[0].strip(), "format"),
        "file_name": "filename" in headers.get("content-disposition", ""),
        "lengths": "content-length" in headers,
        "archive": _STARTS.get(first[:2], "tar" if first[257:262] == b"ustar" else "zip"),
        "bare_files": first[:2] in (b"II", b"MM"),
    }
