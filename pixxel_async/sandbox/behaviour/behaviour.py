"""Open questions about the API: one switch each, with the possible answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from attrs import Attribute, field, fields, frozen

from ..._files import read_named
from ..._formats.text_encoding import decode_text
from ...errors import ConfigError

_MOST_BYTES = 1 << 20
"""Bytes of a profile."""


def _one_of(*choices: Any) -> Any:
    """Define a member with these possible values, the first of which is the default."""

    def check(behaviour: Any, member: Attribute[Any], value: Any) -> None:
        if not any(value == choice and type(value) is type(choice) for choice in choices):
            raise ConfigError(f"{member.name} must be one of {', '.join(map(repr, choices))}, not {value!r}")

    return field(default=choices[0], validator=check)


def _number(default: float | None, *, least: float = 0.0) -> Any:
    """Define a numeric member; None is allowed if it is the default."""

    def check(behaviour: Any, member: Attribute[Any], value: Any) -> None:
        right = isinstance(value, int | float) and not isinstance(value, bool) and value >= least
        if not right and not (default is None and value is None):
            raise ConfigError(f"{member.name} must be a number from {least:g} on, not {value!r}")

    return field(default=default, validator=check)


def _check_words(behaviour: Any, member: Attribute[Any], value: Any) -> None:
    if not isinstance(value, dict) or not all(isinstance(text, str) for pair in value.items() for text in pair):
        raise ConfigError(f"{member.name} must map words to words, not {value!r}")


@frozen(kw_only=True)
class Spelling:
    """How responses spell words, numbers, keys and columns.

    Attributes:
        words: other words for `status`, by the usual word, such as `{"completed": "SUCCESS"}`.
        elements: key of inputs and outputs of an insight: `name` or `id`.
        items_by: keys of the image search's results: `id` or `number`.
        images_by: keys of an AOI's images: `date`, `id` or `number`.
        error_details: type of the envelope's details: `object`, `list`, `text` or `null`.
        error_codes: `words` (not_found), `upper` (NOT_FOUND), `status` (404), or `none`: an empty text.
        report_mark: whether the report starts with a byte order mark.
        report_columns: headings of the report: `words` (order_id) or `titles` (Order ID).
        progress: `text`, `percent` (with the sign) or `number`.
        time_taken: `words` (4m 10s), `clock` (00:04:10) or `seconds` (250).
        unset: an unset member is `empty`, `null` or `absent`.
        numbers: whole numbers are a `number` or a `text`.
    """

    words: Mapping[str, str] = field(factory=dict, validator=_check_words)
    elements: Literal["name", "id"] = _one_of("name", "id")
    items_by: Literal["id", "number"] = _one_of("id", "number")
    images_by: Literal["date", "id", "number"] = _one_of("date", "id", "number")
    error_details: Literal["object", "list", "text", "null"] = _one_of("object", "list", "text", "null")
    error_codes: Literal["words", "upper", "status", "none"] = _one_of("words", "upper", "status", "none")
    report_mark: bool = _one_of(False, True)
    report_columns: Literal["words", "titles"] = _one_of("words", "titles")
    progress: Literal["text", "percent", "number"] = _one_of("text", "percent", "number")
    time_taken: Literal["words", "clock", "seconds"] = _one_of("words", "clock", "seconds")
    unset: Literal["empty", "null", "absent"] = _one_of("empty", "null", "absent")
    numbers: Literal["number", "text"] = _one_of("number", "text")


def _to_spelling(value: Spelling | Mapping[str, Any]) -> Spelling:
    if isinstance(value, Spelling):
        return value
    if not isinstance(value, Mapping):
        raise ConfigError(f"spelling must be an object with members of Spelling, not {value!r}")
    _refuse_unknown(Spelling, value)
    return Spelling(**value)


@frozen(kw_only=True)
class Behaviour:
    """The service's behaviour where the vendor's pages leave it open.

    Attributes:
        shape: `literal`, as documented, or `realistic`, with what a living service sends besides.
        auth_form: form of the Authorization header: `both`, `raw`, `bearer` or `scheme` (with a word of its own).
        key_refusal: status for an unknown, expired or revoked key.
        foreign: status for objects of a project that the key may not use.
        packing: seconds from the first request until a package is ready.
        restarts: whether a repeated request restarts the packing.
        unfinished: response to a package request for a running job: 400, 409 or `pending`.
        early_ready: whether a package is called ready before it has a link.
        retry_after: Retry-After of a response without a link, in seconds; None: no header.
        link_life: lifetime of a signed URL in seconds.
        link_style: signing scheme: `s3`, `azure` or `gcs`.
        same_link: whether a repeated request returns the same URL while it is valid.
        bare_files: whether a package of one file besides its description is that file instead of an archive.
        archive: format of packages: `zip`, `tar` or `gzip` (a compressed tar); one of a fixed size is a ZIP.
        parts: nested archives that a package's files are divided among; 1: none.
        folders: whether a package's files lie in folders.
        content_type: of the storage: `format`, `bytes` (application/octet-stream) or `none`.
        lengths: whether the storage sends Content-Length.
        ranges: whether the storage supports Range.
        etag: `strong`, `weak` or `none`.
        file_name: whether the storage sends Content-Disposition.
        empty_body: contents of an insight package when no part is named: `outputs` or `all`.
        missing: status for an unknown id: 404, 403 or 400.
        error_form: body of errors: `envelope`, `text` or `html`.
        calls_per_second: rate limit, above which calls get a 429; None: none.
        announce_limit: whether a 429 has Retry-After.
        calls_at_once: concurrency limit, above which calls get a 429; None: none.
        answer_within: seconds after which a gateway answers 504; None: never.
        page_most: rows of the largest page.
        page_above: handling of a larger `limit`: `clamped` or `refused`.
        first_page: number of the first page of projects: 1 or 0.
        names: whether a name filter matches the `whole` name or a `part` of it.
        lists: several values of a filter: `commas`, `repeated` (ids=1&ids=2) or `brackets` (ids[]=1).
        spans: separator of a span of times or areas: `comma`, `slash` or `dots`.
        created_on: whether that filter matches the same `day` or the same `instant`.
        search_on: paging of the image search: `none`, by `skip` or by `token`.
        next_links: whether an unfinished list of scenes has a `next` link.
        zones: form of the report's time zone: `name` (Asia/Kolkata) or `offset` (+05:30).
        picture_scale: pixels of a picture, along an edge, for each pixel of its scene.
        firefly: whether there is a satellite that the vendor's pages do not name, with an empty collection.
        spelling: how responses spell words, numbers, keys and columns; a `Spelling` or a mapping of its members.
    """

    shape: Literal["literal", "realistic"] = _one_of("literal", "realistic")
    auth_form: Literal["both", "raw", "bearer", "scheme"] = _one_of("both", "raw", "bearer", "scheme")
    key_refusal: int = _one_of(403, 401)
    foreign: int = _one_of(403, 404)
    packing: float = _number(2.0)
    restarts: bool = _one_of(False, True)
    unfinished: int | str = _one_of(400, 409, "pending")
    early_ready: bool = _one_of(False, True)
    retry_after: int | None = _number(None)
    link_life: float = _number(600.0)
    link_style: Literal["s3", "azure", "gcs"] = _one_of("s3", "azure", "gcs")
    same_link: bool = _one_of(False, True)
    bare_files: bool = _one_of(False, True)
    archive: Literal["zip", "tar", "gzip"] = _one_of("zip", "tar", "gzip")
    parts: int = _number(1, least=1)
    folders: bool = _one_of(True, False)
    content_type: Literal["format", "bytes", "none"] = _one_of("format", "bytes", "none")
    lengths: bool = _one_of(True, False)
    ranges: bool = _one_of(True, False)
    etag: Literal["strong", "weak", "none"] = _one_of("strong", "weak", "none")
    file_name: bool = _one_of(True, False)
    empty_body: Literal["outputs", "all"] = _one_of("outputs", "all")
    missing: int = _one_of(404, 403, 400)
    error_form: Literal["envelope", "text", "html"] = _one_of("envelope", "text", "html")
    calls_per_second: float | None = _number(None, least=1)
    announce_limit: bool = _one_of(True, False)
    calls_at_once: int | None = _number(None, least=1)
    answer_within: float | None = _number(None)
    page_most: int = _number(10_000, least=1)
    page_above: Literal["clamped", "refused"] = _one_of("clamped", "refused")
    first_page: int = _one_of(1, 0)
    names: Literal["whole", "part"] = _one_of("whole", "part")
    lists: Literal["commas", "repeated", "brackets"] = _one_of("commas", "repeated", "brackets")
    spans: Literal["comma", "slash", "dots"] = _one_of("comma", "slash", "dots")
    created_on: Literal["day", "instant"] = _one_of("day", "instant")
    search_on: Literal["none", "skip", "token"] = _one_of("none", "skip", "token")
    next_links: bool = _one_of(False, True)
    zones: Literal["name", "offset"] = _one_of("name", "offset")
    picture_scale: int = _number(1, least=1)
    firefly: bool = _one_of(False, True)
    spelling: Spelling = field(factory=Spelling, converter=_to_spelling)


def _refuse_unknown(kind: type[Behaviour] | type[Spelling], members: Mapping[str, Any]) -> None:
    valid = {member.name for member in fields(kind)}
    if unknown := sorted(members.keys() - valid):
        place = "a profile" if kind is Behaviour else "the spelling of a profile"
        raise ConfigError(f"{place} has no {unknown[0]!r}; it knows {', '.join(sorted(valid))}")


def load_behaviour(profile: str | Path | Mapping[str, Any], **changes: Any) -> Behaviour:
    """Load a profile: `literal`, `realistic`, a JSON file, or a mapping of members.

    Args:
        profile: which profile; a file or mapping sets some members of `Behaviour`.
        changes: members that override it; None is ignored.

    Raises:
        ConfigError: an unknown profile, member or value.
    """
    members = {"shape": profile} if profile in ("literal", "realistic") else _read(profile)
    _refuse_unknown(Behaviour, members)
    return Behaviour(**{**members, **{name: value for name, value in changes.items() if value is not None}})


def _read(profile: str | Path | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(profile, Mapping):
        return dict(profile)
    if Path(profile).suffix != ".json":
        raise ConfigError(f"profile must be one of literal, realistic or a JSON file, not {str(profile)!r}")
    try:
        members = json.loads(decode_text(read_named(profile, _MOST_BYTES)))
    except OSError as error:
        raise ConfigError(f"the profile {profile} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"the profile {profile} is not JSON: {error}") from None
    if not isinstance(members, dict):
        raise ConfigError(f"the profile {profile} must hold an object")
    return members
