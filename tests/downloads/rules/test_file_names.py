"""File names: safe segments from any text, templates, suffixes, names of part files."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.downloads.rules.file_names import fold, make_distinct, part_name, render, segment, with_suffix
from pixxel_async.errors import ConfigError


@frozen
class Package:
    """The part of a package that naming uses."""

    ids: tuple[str, ...]

    @property
    def path(self) -> tuple[str, ...]:
        return self.ids

    @property
    def id8(self) -> str:
        return "0badcafe"

    def fields(self) -> dict[str, str]:
        return dict(zip(("workflow_id", "job_id", "task_id"), self.ids, strict=False))

    def __str__(self) -> str:
        return "job:" + "/".join(self.ids)


PACKAGE = Package(("w-1", "j-1"))
DEVICES = ["CON", "con", "NUL.txt", "COM1", "COM\u00b9.zip", "lpt9", "AUX ", "prn.tar.gz", "CONIN$", "CLOCK$"]
HOSTILE = [
    "../../x", "/etc/passwd", "..\\x", "C:\\x", "\\\\host\\share", "a:stream", "%2e%2e%2f", "a\x00b", "a\r\nb",
    "\x1b[31m", "\u202egnp.exe", "a\u200bb", "\ue000", "\ud800", "\ufeff", "x.", "x ", '<>"|?*', "n" * 4000,
    "\U0001f6f0" * 200, "", ".", "..", "...", " ", ".bashrc", "-rf", "~", "~root", "x.part", "X.PART", "x.json",
    "x.lock", "SHA256SUMS", ".-~", *DEVICES,
]  # fmt: skip


def assert_safe(name: str) -> None:
    assert 0 < len(name.encode()) <= 200
    assert unicodedata.normalize("NFC", name) == name
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp") for char in name)
    assert not set(name) & set('<>:"/\\|?*')
    assert name[0] not in " .-~" and name[-1] not in " ."
    stem = name.split(".")[0].strip().upper()
    assert stem not in ("CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$")
    assert not (stem[:3] in ("COM", "LPT") and stem[3:] in set("0123456789\u00b9\u00b2\u00b3"))
    assert not name.casefold().endswith((".part", ".json", ".lock", ".sqlite", "sha256sums"))


@pytest.mark.fault("H-01", "H-03", "H-05")
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_hostile_text_becomes_one_safe_segment(text: str) -> None:
    """H-01 to H-05: any text from a server or list becomes one safe segment."""
    assert_safe(segment(text))


@pytest.mark.fault("H-02")
@pytest.mark.slow
@given(st.text(alphabet=st.characters(), max_size=300))
def test_any_text_becomes_one_safe_segment(text: str) -> None:
    """Any text becomes a segment that satisfies all rules."""
    assert_safe(segment(text))


@pytest.mark.slow
@given(st.text(alphabet="./\\:-~ C\x00ONL1%a\u0301\u202e", max_size=40))
def test_segments_are_idempotent(text: str) -> None:
    """segment() is idempotent."""
    assert segment(segment(text)) == segment(text)


@pytest.mark.slow
@given(st.lists(st.text(max_size=50), min_size=1, max_size=3).map(tuple))
def test_a_default_name_has_one_segment_for_each_id(ids: tuple[str, ...]) -> None:
    """A default name has one segment per id, and no id adds or leaves a folder."""
    parts = render(Package(ids), None, {}).split("/")

    assert len(parts) == len(ids)
    for part in parts:
        assert_safe(part)


@pytest.mark.fault("H-02")
@pytest.mark.parametrize("hidden", "\u3164\u115f\u034f\ufe0f\u2800\u200d\u00ad")
def test_invisible_characters_are_removed(hidden: str) -> None:
    """H-02: invisible characters are removed, so that names that look equal are equal."""
    assert segment(f"a{hidden}b") == "ab"


@pytest.mark.fault("H-04")
def test_long_names_stay_distinct() -> None:
    """Long texts that differ at the end only stay distinct when shortened."""
    assert segment("n" * 4000 + "a") != segment("n" * 4000 + "b")


def test_plain_ids_stay_as_they_are() -> None:
    """Ids as the API makes them are unchanged."""
    assert render(Package(("0b8f-1", "v1.2_x")), None, {}) == "0b8f-1/v1.2_x"


def test_template_with_formats() -> None:
    """A template combines ids, fields and formats, and a field never makes two segments."""
    fields = {"finished_at": datetime(2026, 3, 1, tzinfo=UTC), "workflow_name": "Crop/../Health"}

    name = render(PACKAGE, "{workflow_name}/{finished_at:%Y-%m}/{job_id}", fields)

    assert name == "Crop_.._Health/2026-03/j-1"


def test_a_missing_value_reads_unknown() -> None:
    """A field without a value becomes `unknown`."""
    assert render(PACKAGE, "{finished_at:%Y}/{job_id}", {"finished_at": None}) == "unknown/j-1"


@pytest.mark.parametrize(
    "template",
    [
        "{nope}",
        "{job_id",
        "{0}",
        "{job_id.x}",
        "{job_id!r}",
        "{job_id:{workflow_id}}",
        "",
        "/{job_id}",
        "../{job_id}",
        "a//b",
    ],
)
def test_a_bad_template_is_refused(template: str) -> None:
    """A malformed template, or one that leaves the folder, raises ConfigError."""
    with pytest.raises(ConfigError):
        render(PACKAGE, template, {})


def test_an_unknown_field_names_the_known_ones() -> None:
    """The error about an unknown field lists the known ones."""
    with pytest.raises(ConfigError, match="job_id, status, workflow_id"):
        render(PACKAGE, "{jobid}", {"status": "completed"})


def test_a_format_that_does_not_fit_is_refused() -> None:
    """A format that does not fit its value raises ConfigError."""
    with pytest.raises(ConfigError, match="job_id"):
        render(PACKAGE, "{job_id:.2f}", {})


@pytest.mark.parametrize(
    ("name", "container", "expected"),
    [
        ("w/j", "zip", "w/j.zip"),
        ("w/j.zip", "zip", "w/j.zip"),
        ("w/j.ZIP", "tiff", "w/j.tif"),
        ("w/v1.2", "zip", "w/v1.2.zip"),
        ("w/j", "tar.gz", "w/j.tar.gz"),
        ("w/j", "unknown", "w/j.bin"),
        ("w.zip/j", "csv", "w.zip/j.csv"),
    ],
)
def test_the_suffix_follows_the_container(name: str, container: str, expected: str) -> None:
    """The suffix follows the container and replaces one in the template."""
    assert with_suffix(name, container) == expected


@pytest.mark.fault("H-06")
def test_two_packages_with_one_name_get_distinct_ones() -> None:
    """The distinguishing part of a name depends on the package only."""
    other = Package(("w-1", "j-2"))

    assert make_distinct("w/j.zip", PACKAGE) == make_distinct("w/j.zip", PACKAGE) != make_distinct("w/j.zip", other)
    assert make_distinct("w/j.zip", PACKAGE).endswith(".zip")


@pytest.mark.fault("H-06")
def test_names_that_a_file_system_confuses_fold_alike() -> None:
    """H-06: names that differ in case or Unicode normalisation fold to the same."""
    assert fold("W/Caf\u00e9.zip") == fold("w/cafe\u0301.ZIP")


def test_part_names_come_from_the_identity() -> None:
    """A part file's name is a digest of the package's text form."""
    assert part_name(PACKAGE) == part_name(Package(("w-1", "j-1")))
    assert part_name(PACKAGE).startswith(".") and part_name(PACKAGE).endswith(".part") and len(part_name(PACKAGE)) == 22
