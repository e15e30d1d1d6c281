"""Name final files and part files below the folder: each field becomes one path segment that is safe on every system.

Rule 1: a name comes from our own ids and the user's template; a server's text only ever fills one field of it.
Rule 2: a field can neither leave its segment nor name anything special, on any operating system.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from string import Formatter
from typing import Any, Protocol

from ..._formats.name_encoding import percent_encode
from ...errors import ConfigError

__all__ = [
    "Named",
    "check_template",
    "fold",
    "is_below",
    "is_device",
    "make_distinct",
    "part_name",
    "render",
    "segment",
    "strip_suffix",
    "with_suffix",
]

MAX_BYTES = 180
"""Bytes of one segment before suffix and `-<id8>`, so that no file name passes 200."""

_SUFFIXES: Mapping[str, str] = {
    "zip": ".zip",
    "gzip": ".gz",
    "tar.gz": ".tar.gz",
    "tar": ".tar",
    "tiff": ".tif",
    "csv": ".csv",
    "png": ".png",
    "jpeg": ".jpg",
    "geojson": ".geojson",
    "hdf5": ".h5",
    "netcdf": ".nc",
    "jpeg2000": ".jp2",
    "nitf": ".ntf",
    "7z": ".7z",
    "zstd": ".zst",
}
_UNKNOWN_SUFFIX = ".bin"
_EVERY_SUFFIX = (*sorted(_SUFFIXES.values(), key=len, reverse=True), _UNKNOWN_SUFFIX, ".tiff", ".jpeg", ".tgz")

_FORBIDDEN = str.maketrans(dict.fromkeys('<>:"/\\|?*', "_"))
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_HIDDEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800") | {
    chr(code) for first, last in ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF)) for code in range(first, last + 1)
}
_SEGMENT = r"(?!\.{0,2}(?:/|\Z))[^/\\\x00]+"
_BELOW = re.compile(rf"(?!(?i:\.pixxel)(?:/|\Z))(?![A-Za-z]:){_SEGMENT}(?:/{_SEGMENT})*")
"""Segments that are not empty, `.` or `..` and hold no backslash or NUL, without a drive or our own state folder."""
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")
"""Texts that are file names as they are, unless they name a device or a file of ours."""
_PORTS = "0123456789\u00b9\u00b2\u00b3"
_DEVICES = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"] + [port + n for port in ("COM", "LPT") for n in _PORTS]
)
_OURS = (".part", ".json", ".lock", ".sqlite", ".sqlite-wal", ".sqlite-shm", ".sqlite-journal", "sha256sums")


class Named(Protocol):
    """Members of a package used for its name."""

    @property
    def path(self) -> tuple[str, ...]:
        """Its default path, one text for each segment."""
        ...

    @property
    def id8(self) -> str:
        """Eight hex digits that distinguish packages."""
        ...

    def fields(self) -> Mapping[str, Any]:
        """Return its ids by name."""
        ...


def render(package: Named, template: str | None, fields: Mapping[str, Any]) -> str:
    """Render a package's path below the folder, with `/` between segments and without a suffix.

    Args:
        template: such as `{workflow_name}/{finished_at:%Y-%m}/{job_id}`; None for the kind's default.
        fields: further fields for the template beside the package's ids and `id8`; a value of None reads `unknown`.

    Raises:
        ConfigError: the template is malformed, leaves the folder, or names an unknown field.
    """
    if template is None:
        return "/".join(map(segment, package.path))
    values = {"id8": package.id8, **package.fields(), **fields}
    check_template(template, values)
    text = "".join(_split_template(template, values))
    return "/".join(segment(part) for part in text.split("/"))


def check_template(template: str, valid: Iterable[str]) -> None:
    """Refuse a template that cannot be rendered, before anything is requested.

    Args:
        valid: the known fields.

    Raises:
        ConfigError: it is malformed, leaves the folder, or names an unknown field; the message names the known ones.
    """
    fields = list(_parse(template))
    names = sorted(valid)
    for _, name, spec, conversion in fields:
        if name is None:
            continue
        if name not in names:
            raise ConfigError(f"the name template has no field {name!r}; known: {', '.join(names)}")
        if conversion or "{" in (spec or ""):
            raise ConfigError(f"the field {name!r} of the name template takes a format such as %Y-%m and nothing else")
    shape = "".join(literal + ("x" if name is not None else "") for literal, name, _, _ in fields)
    if any(part.strip(" .") == "" for part in shape.split("/")):
        raise ConfigError("each part of the name template, between slashes, must contain more than dots and blanks")


def _parse(template: str) -> Iterator[tuple[str, str | None, str | None, str | None]]:
    try:
        yield from Formatter().parse(template)
    except ValueError as error:
        raise ConfigError(f"the name template {template!r} is malformed: {error}") from None


def _split_template(template: str, values: Mapping[str, Any]) -> Iterator[str]:
    for literal, name, spec, _ in _parse(template):
        yield literal
        if name is not None:
            yield segment(_format(name, values[name], spec or ""))


def _format(name: str, value: Any, spec: str) -> str:
    if value is None:
        return "unknown"
    try:
        return format(value, spec)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"the field {name!r} of the name template cannot be written as {spec!r}: {error}") from None


def segment(text: str) -> str:
    """Convert any text to one file name that is safe on every system, deterministically.

    The result is NFC, not empty, at most `MAX_BYTES` long in UTF-8, and holds no separator, control, bidi or zero-width
    character; it starts with none of `.`, `-`, `~`, ends with no dot or blank, and is no device's name and none of our
    own files. Characters that the file system cannot encode are percent-encoded.
    """
    if _PLAIN.fullmatch(text) and text.upper() not in _DEVICES and not text.lower().endswith(_OURS):
        return text  # most ids
    name = percent_encode(_visible(text).translate(_FORBIDDEN))
    name = _shorten(_trim(name), text)
    if not name:
        return f"x-{_digest(text)[:8]}"
    if is_device(name):
        name = f"_{name}"
    return f"{name}_" if name.casefold().endswith(_OURS) else name


def is_below(path: str) -> bool:
    """Return whether a path with `/` stays below the folder it is relative to, on every system, and off `.pixxel`."""
    return _BELOW.fullmatch(path) is not None


def is_device(name: str) -> bool:
    """Return whether some system takes a file name for a device's, whatever its suffix."""
    return name.split(".")[0].rstrip(" ").upper() in _DEVICES


def _visible(text: str) -> str:
    shown = (char for char in unicodedata.normalize("NFC", text) if not _is_hidden(char))
    plain = "".join(" " if unicodedata.category(char) == "Zs" else char for char in shown)
    return unicodedata.normalize("NFC", plain)


def _is_hidden(char: str) -> bool:
    return unicodedata.category(char) in _HIDDEN_CATEGORIES or char in _HIDDEN


def _trim(name: str) -> str:
    return name.lstrip(" .-~").rstrip(" .")


def _shorten(name: str, text: str) -> str:
    encoded = name.encode()
    if len(encoded) <= MAX_BYTES - 2:
        return name
    cut = encoded[: MAX_BYTES - 11].decode(errors="ignore")
    return f"{_trim(cut)}-{_digest(text)[:8]}"


def with_suffix(name: str, container: str) -> str:
    """Replace a name's suffix by that of its container.

    Args:
        container: one of `_formats.detect.Container`.
    """
    return strip_suffix(name) + _SUFFIXES.get(container, _UNKNOWN_SUFFIX)


def make_distinct(name: str, package: object) -> str:
    """Insert `-<id8>` before the suffix, for a package whose name is taken."""
    stem = strip_suffix(name)
    return f"{stem}-{_digest(str(package))[:8]}{name[len(stem) :]}"


def part_name(package: object, owner: str = "") -> str:
    """Name a package's part file after its identity and, where given, its owner."""
    return f".{_digest(str(package))[:16]}{'-' * bool(owner)}{owner}.part"


def fold(name: str) -> str:
    """Fold a name so that names equal on some file system are equal: neither case nor Unicode normalization counts."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def strip_suffix(name: str) -> str:
    """Remove the suffix that stands for the container."""
    last = name[name.rfind("/") + 1 :].lower()
    if "." not in last:
        return name
    suffix_of_name = next((suffix for suffix in _EVERY_SUFFIX if last.endswith(suffix) and last != suffix), "")
    return name[: len(name) - len(suffix_of_name)]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
