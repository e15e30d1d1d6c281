"""Open questions about the API: one switch each, with the possible answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from attrs import Attribute, asdict, field, fields, frozen

from ...errors import ConfigError


def _one_of(*known: Any) -> Any:
    """Define a member with these possible values, the first of which is the default."""

    def check(behaviour: Any, member: Attribute[Any], value: Any) -> None:
        if not any(value == one and type(value) is type(one) for one in known):
            raise ConfigError(f"{member.name} must be one of {', '.join(map(repr, known))}, not {value!r}")

    return field(default=known[0], validator=check)


def _number(default: float | None, *, least: float = 0.0) -> Any:
    """Define a numeric member; None is allowed if it is the default."""

    def check(behaviour: Any, member: Attribute[Any], value: Any) -> None:
        right = isinstance(value, int | float) and not isinstance(value, bool) and value >= least
        if not right and not (default is None and value is None):
            raise ConfigError(f"{member.name} must be a number from {least:g} on, not {value!r}")

    return field(default=default, validator=check)


def _words(behaviour: Any, member: Attribute[Any], value: Any) -> None:
    if not isinstance(value, dict) or not all(isinstance(text, str) for pair in value.items() for text in pair):
        raise ConfigError(f"{member.name} must map words to words, not {value!r}")


@frozen(kw_only=True)
class Behaviour:
    """How the service behaves where nobody has said how.

    Attributes:
        shape: look of the answers: `literal`, as documented, or `realistic`, with what a living service sends besides.
        auth_form: how the key stands in the header: `both`, `raw`, `bearer` or `scheme`, with a word of its own.
        key_refusal: status for a key that is unknown, has ended or was revoked.
        foreign: status for what lies in a project that the key does not open.
        packing: seconds from the first asking until a package is ready.
        restarts: whether asking again while it packs begins anew.
        unfinished: what asking for the package of a job that still runs gets: 400, 409 or `pending`.
        early_ready: whether a package is called ready while it has no link yet.
        retry_after: seconds that an answer without a link names in Retry-After; None: it names none.
        words: other words for those of `status`, by the usual one, such as `{"completed": "SUCCESS"}`.
        link_life: seconds that a signed link is good for.
        link_style: whose manner it is signed in: `s3`, `azure` or `gcs`.
        same_link: whether asking again gives the same link as long as that is good, instead of a fresh one.
        bare_files: whether a package with one file besides its description is that file instead of an archive.
        archive: what packages are: `zip`, `tar` or `gzip`, a compressed tar; one of a size that was asked for is a ZIP.
        parts: archives that the files of a package are divided over, inside one more; 1: they lie in that.
        folders: whether the files of a package lie in folders.
        content_type: that the storage tells: `format`, `bytes` (application/octet-stream) or `none`.
        lengths: whether the storage tells how long an object is.
        ranges: whether the storage answers Range with a part.
        etag: `strong`, `weak` or `none`.
        file_name: whether the storage suggests one.
        empty_body: what the package of an insight holds when none of its parts is named: `outputs` or `all`.
        elements: what names the inputs and outputs of an insight: their `name`, or an `id`.
        missing: status for what is not there: 404, 403 or 400.
        error_form: body of errors: `envelope`, `text` or `html`.
        error_details: member of the envelope: `object`, `list`, `text` or `null`.
        error_codes: `words` (not_found), `upper` (NOT_FOUND), `status` (404), or `none`: an empty text.
        calls_per_second: above it, calls get a 429; None: no limit.
        limit_told: whether a 429 has Retry-After.
        calls_at_once: more than these under way at a time get a 429; None: no limit.
        answer_within: seconds after which a gateway answers for a call that takes longer: 504; None: it waits.
        page_most: rows of the largest page.
        page_above: what a larger wish gets: `clamped` or `refused`.
        first_page: number of the first page of projects: 1 or 0.
        names: whether a filter by name wants it `whole` or in `part`.
        lists: how a filter is given several values: `commas`, `repeated` (ids=1&ids=2) or `brackets` (ids[]=1).
        spans: what stands between the ends of a span of times or areas: `comma`, `slash` or `dots`.
        created_on: whether it finds the same `day` or the same `instant`.
        search_on: how the image search goes on after its first page: `none`, by `skip` or by `token`.
        items_by: keys of the images that a search finds: `id` or `number`.
        images_by: keys of the images of an AOI: `date`, `id` or `number`.
        report_mark: whether the report begins with a byte order mark.
        report_columns: headings of the report: `words` (order_id) or `titles` (Order ID).
        zones: how the report wants its time zone: `name` (Asia/Kolkata) or `offset` (+05:30).
        picture_scale: pixels of a picture, along an edge, for each one of its scene.
        firefly: whether there is a satellite that the vendor's pages do not name, with a collection that is empty.
        progress: `text`, `percent` (with the sign) or `number`.
        time_taken: `words` (4m 10s), `clock` (00:04:10) or `seconds` (250).
        unset: what stands for what is not set: `empty`, `null` or `absent`.
        numbers: whether whole numbers come as a `number` or as `text`.
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
    words: Mapping[str, str] = field(factory=dict, validator=_words)
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
    elements: Literal["name", "id"] = _one_of("name", "id")
    missing: int = _one_of(404, 403, 400)
    error_form: Literal["envelope", "text", "html"] = _one_of("envelope", "text", "html")
    error_details: Literal["object", "list", "text", "null"] = _one_of("object", "list", "text", "null")
    error_codes: Literal["words", "upper", "status", "none"] = _one_of("words", "upper", "status", "none")
    calls_per_second: float | None = _number(None, least=1)
    limit_told: bool = _one_of(True, False)
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
    items_by: Literal["id", "number"] = _one_of("id", "number")
    images_by: Literal["date", "id", "number"] = _one_of("date", "id", "number")
    report_mark: bool = _one_of(False, True)
    report_columns: Literal["words", "titles"] = _one_of("words", "titles")
    zones: Literal["name", "offset"] = _one_of("name", "offset")
    picture_scale: int = _number(1, least=1)
    firefly: bool = _one_of(False, True)
    progress: Literal["text", "percent", "number"] = _one_of("text", "percent", "number")
    time_taken: Literal["words", "clock", "seconds"] = _one_of("words", "clock", "seconds")
    unset: Literal["empty", "null", "absent"] = _one_of("empty", "null", "absent")
    numbers: Literal["number", "text"] = _one_of("number", "text")


def load_behaviour(profile: str | Path | Mapping[str, Any], **given: Any) -> Behaviour:
    """Load a profile: `literal`, `realistic`, a JSON file, or a mapping of members.

    Args:
        profile: which profile; a file or mapping sets some members of `Behaviour`.
        given: members that override it; None is ignored.

    Raises:
        ConfigError: an unknown profile, member or value.
    """
    told = {"shape": profile} if profile in ("literal", "realistic") else _read(profile)
    known = {member.name for member in fields(Behaviour)}
    if unknown := sorted(told.keys() - known):
        raise ConfigError(f"a profile has no {unknown[0]!r}; it knows {', '.join(sorted(known))}")
    return Behaviour(**{**told, **{name: value for name, value in given.items() if value is not None}})


def _read(profile: str | Path | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(profile, Mapping):
        return dict(profile)
    if Path(profile).suffix != ".json":
        raise ConfigError(f"profile must be one of literal, realistic or a JSON file, not {str(profile)!r}")
    try:
        told = json.loads(Path(profile).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"the profile {profile} cannot be read: {type(error).__name__}") from None
    if not isinstance(told, dict):
        raise ConfigError(f"the profile {profile} must hold an object")
    return told


def profile_text(behaviour: Behaviour) -> str:
    """Render a behaviour as the JSON file of a profile."""
    return json.dumps(asdict(behaviour), indent=1) + "\n"
