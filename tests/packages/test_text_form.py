"""The text form of packages, such as `job:W/J`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.errors import ConfigError
from pixxel_async.models import Asset, Catalog, Insight, Job, JobTask, OrderItem
from pixxel_async.packages import (
    AssetPackage,
    CatalogPackage,
    IndexPicture,
    InsightPackage,
    JobPackage,
    OrderReport,
    Package,
    PackageEntry,
    SignedLink,
    TaskPackage,
    as_entry,
    as_package,
    parse_package,
)

ids = st.text(st.characters(codec=None), min_size=1)
some, several = st.lists(ids, max_size=3), st.lists(ids, min_size=1, max_size=3)
packages: st.SearchStrategy[Package] = st.one_of(
    st.builds(JobPackage, workflow_id=ids, job_id=ids),
    st.builds(TaskPackage, workflow_id=ids, job_id=ids, task_id=ids),
    st.builds(InsightPackage, aoi_id=ids, insight_id=ids, inputs=some, outputs=some),
    st.builds(AssetPackage, aoi_id=ids, asset_ids=several),
    st.builds(CatalogPackage, catalog_ids=several),
    st.builds(CatalogPackage, order_item_ids=several),
    st.builds(OrderReport, tz=ids, edition=ids),
    st.builds(IndexPicture, aoi_id=ids, visualization_id=ids, index_id=ids, date=ids, mode=ids),
)


@pytest.mark.slow
@given(packages)
def test_text_round_trips(package: Package) -> None:
    """`parse_package` reads back what `str` wrote, whatever characters the ids hold."""
    text = str(package)
    assert parse_package(text) == package
    assert text.isascii() and text.isprintable() and " " not in text


@pytest.mark.slow
@given(packages, packages)
def test_one_text_for_one_package(one: Package, other: Package) -> None:
    """Different packages have different texts."""
    assert (str(one) == str(other)) == (one == other)


def test_spelling() -> None:
    """Ids are written plainly if possible and escaped otherwise."""
    assert str(JobPackage(workflow_id="w-1", job_id="j_1.a~")) == "job:w-1/j_1.a~"
    assert str(TaskPackage(workflow_id="a/b", job_id="c:d", task_id="é\n%")) == "task:a%2Fb/c%3Ad/%C3%A9%0A%25"
    assert str(InsightPackage(aoi_id="a", insight_id="i")) == "insight:a/i"
    assert str(InsightPackage(aoi_id="a", insight_id="i", outputs=["z", "x,y"])) == "insight:a/i/outputs=x%2Cy,z"
    assert str(AssetPackage(aoi_id="a", asset_ids=["s"])) == "asset:a/asset_ids=s"
    assert str(CatalogPackage(order_item_ids=["o"])) == "catalog:order_item_ids=o"


def test_reports_may_be_spelled_short() -> None:
    """A report's time zone and edition default to UTC and today, and an invalid zone is refused."""
    report = OrderReport(tz="Europe/Berlin", edition="2026-11-28")
    assert str(report) == "report:tz=Europe%2FBerlin/edition=2026-11-28"
    assert parse_package("report:tz=Europe/Berlin/edition=2026-11-28") == report
    today: Any = parse_package("report:tz=Etc/GMT+5")
    assert today.tz == "Etc/GMT+5" and datetime.now(UTC) - datetime.fromisoformat(f"{today.edition}T00Z") < timedelta(2)
    assert parse_package("report:edition=first") == OrderReport(edition="first")
    for text in ("report:Europe/Berlin", "report:tz=", "report:tz=UTC/edition=", "report:tz=UTC/edition=a/b"):
        with pytest.raises(ConfigError, match="must be written report:tz="):
            parse_package(text)


def test_lists_are_sets() -> None:
    """Lists of ids are sets: order, repeats and collection type do not matter; a text is a single id."""
    one = AssetPackage(aoi_id="a", asset_ids=["s", "r", "s"])
    assert one == AssetPackage(aoi_id="a", asset_ids=("r", "s")) == parse_package("asset:a/asset_ids=s,r")
    assert hash(one) == hash(AssetPackage(aoi_id="a", asset_ids={"r", "s"}))
    assert one != AssetPackage(aoi_id="a", asset_ids="r")
    assert AssetPackage(aoi_id="a", asset_ids="rs").asset_ids == ("rs",)


@pytest.mark.parametrize(
    ("kind", "ids", "message"),
    [
        (AssetPackage, {"aoi_id": "a", "asset_ids": []}, "asset_ids"),
        (AssetPackage, {"aoi_id": "a", "asset_ids": [""]}, "asset_ids"),
        (AssetPackage, {"aoi_id": "a", "asset_ids": [7]}, "asset_ids"),
        (CatalogPackage, {}, "exactly one"),
        (CatalogPackage, {"catalog_ids": ["c"], "order_item_ids": ["o"]}, "exactly one"),
        (InsightPackage, {"aoi_id": "a", "insight_id": "i", "inputs": [None]}, "inputs"),
        (SignedLink, {"name": "", "url": "https://storage.example/a"}, "name"),
    ],
)
def test_invalid_lists_are_refused(kind: Any, ids: dict[str, Any], message: str) -> None:
    """Empty lists and invalid ids are refused."""
    with pytest.raises(ConfigError, match=message):
        kind(**ids)


SIGNED = "https://storage.example/b/o.zip?versionId=3&X-Amz-Date=20310527T000000Z&X-Amz-Signature=5ecret"


def test_a_signed_link_is_masked() -> None:
    """A signed link's text and repr hold a name and a digest, and its text cannot be parsed back."""
    link = SignedLink(url=SIGNED, name="my scene")
    assert str(link).startswith("link:my%20scene/")
    for text in (str(link), repr(link), str(link.fields()), repr(as_entry(link))):
        assert "5ecret" not in text and "storage.example" not in text
    with pytest.raises(ConfigError, match="does not hold a signed link"):
        parse_package(str(link))


@pytest.mark.parametrize(
    ("renewed", "same"),
    [
        (SIGNED.replace("5ecret", "other").replace("0527", "0601"), True),
        (SIGNED.replace("versionId=3", "versionId=4"), False),
        (SIGNED.replace("o.zip", "p.zip"), False),
        ("https://storage.example/b/o.zip?versionId=3&AWSAccessKeyId=A&Signature=x&Expires=1", True),
        ("https://storage.example/b/o.zip?versionId=3&sv=2024&se=2031&sp=r&sig=x", True),
        ("https://storage.example/b/o.zip?versionId=3&sp=r", False),
    ],
)
def test_a_renewed_signature_is_the_same_package(renewed: str, same: bool) -> None:
    """Two signatures of the same object are the same package; another object, version or name is not."""
    link = SignedLink(url=SIGNED, name="n")
    assert (SignedLink(url=renewed, name="n") == link) is same
    assert (str(SignedLink(url=renewed, name="n")) == str(link)) is same
    assert SignedLink(url=SIGNED, name="m") != link


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (Insight.from_dict({"id": "i", "aoi_id": "a", "status": "completed"}), "insight:a/i"),
        (Asset.from_dict({"id": "s", "aoi_id": "a"}), "asset:a/asset_ids=s"),
        (Catalog.from_dict({"id": "c"}), "catalog:catalog_ids=c"),
        (OrderItem.from_dict({"id": "o"}), "catalog:order_item_ids=o"),
    ],
)
def test_rows_of_all_kinds_name_packages(row: object, text: str) -> None:
    """Insights, assets, catalog images and order items each name a package."""
    assert str(as_package(row)) == text


@pytest.mark.parametrize(
    ("package", "path"),
    [
        ("task:w/j/t", "w/j/t"),
        ("insight:a/i", "a/i"),
        ("insight:a/i/inputs=x", "a/i-8e4a1c30"),
        ("asset:a/asset_ids=s", "a/s"),
        ("asset:a/asset_ids=r,s", "a/assets-8e4a1c30"),
        ("catalog:catalog_ids=c", "catalogs/c"),
        ("catalog:order_item_ids=o,p", "order-items/8e4a1c30"),
        (SignedLink(url=SIGNED, name="north/one"), "north/one"),
    ],
)
def test_each_kind_has_its_own_path(package: object, path: str) -> None:
    """The default path is made of the ids, or of eight digits of the text's hash if there are many."""
    found = as_package(package)
    assert "/".join(found.path).replace(found.id8, "8e4a1c30") == path


def test_packages_are_values() -> None:
    """Packages are frozen values that compare and hash by ids and kind."""
    one = JobPackage(workflow_id="w", job_id="j")
    assert one == JobPackage(workflow_id="w", job_id="j")
    assert {one: 1}[JobPackage(workflow_id="w", job_id="j")] == 1
    assert one.ids == ("w", "j")
    assert one.fields() == {"workflow_id": "w", "job_id": "j"}
    with pytest.raises(AttributeError):
        one.job_id = "k"  # type: ignore[misc]


@pytest.mark.parametrize("bad", ["", None, 7])
def test_an_id_is_a_text_that_is_not_empty(bad: object) -> None:
    """An empty or missing id is refused with its name."""
    with pytest.raises(ConfigError, match="job_id"):
        JobPackage(workflow_id="w", job_id=bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("w/j", "job:, task:, .* or picture:"),
        ("", "job:, task:, .* or picture:"),
        ("job", "job:, task:, .* or picture:"),
        ("JOB:w/j", "job:, task:, .* or picture:"),
        ("order:1", "job:, task:, .* or picture:"),
        ("job:w", "job:WORKFLOW_ID/JOB_ID"),
        ("job:w/j/t", "job:WORKFLOW_ID/JOB_ID"),
        ("job:w/", "job:WORKFLOW_ID/JOB_ID"),
        ("job:", "job:WORKFLOW_ID/JOB_ID"),
        ("task:w/j", "task:WORKFLOW_ID/JOB_ID/TASK_ID"),
        ("task:w//t", "task:WORKFLOW_ID/JOB_ID/TASK_ID"),
        ("insight:a", "insight:AOI_ID/INSIGHT_ID"),
        ("insight:a/i/colours=x", "insight:AOI_ID/INSIGHT_ID"),
        ("insight:a/i/inputs=x/inputs=y", "insight:AOI_ID/INSIGHT_ID"),
        ("asset:a/s", "asset:AOI_ID/asset_ids=ID"),
        ("asset:a/asset_ids=", "asset:AOI_ID/asset_ids=ID"),
        ("asset:asset_ids=s", "asset:AOI_ID/asset_ids=ID"),
        ("catalog:c", "catalog:catalog_ids=ID"),
        ("catalog:catalog_ids=c,,d", "catalog:catalog_ids=ID"),
    ],
)
def test_bad_text_is_refused_with_the_right_form(text: str, message: str) -> None:
    """Invalid text is refused with the known kinds, or with the form of its kind."""
    with pytest.raises(ConfigError, match=message):
        parse_package(text)


@pytest.mark.parametrize("before", ["", "job:", "picture:"])
def test_a_link_where_a_package_belongs(before: str) -> None:
    """A signed link in place of a package is refused without its signature."""
    with pytest.raises(ConfigError) as caught:
        parse_package(f"{before}https://storage.example/a.zip?X-Amz-Signature=canary-5f7c1e90aa")
    assert "https://storage.example/a.zip?***" in str(caught.value)
    assert "canary" not in repr(vars(caught.value)) + str(caught.value)


def test_blanks_around_a_line_do_not_matter() -> None:
    """Blanks and line ends around the text are ignored."""
    assert parse_package(" job:w/j\r\n") == JobPackage(workflow_id="w", job_id="j")


def test_rows_name_packages() -> None:
    """A job row names its package and has the fields for name templates."""
    job = Job.from_dict({"id": "j", "workflow_id": "w", "status": "completed", "created_at": "2024-05-27T06:50:20Z"})
    got = as_entry(job)
    assert got.package == JobPackage(workflow_id="w", job_id="j")
    assert got.ended is True
    assert got.fields["status"] == "completed"
    assert got.fields["created_at"] == job.created_at
    assert "finished_at" not in got.fields
    assert as_package(job) == got.package


def test_a_task_row_knows_its_job() -> None:
    """A task row names its package by the ids lent by its listing."""
    job = Job.from_dict({"id": "j", "workflow_id": "w", "tasks": [{"id": "t", "name": "ndvi", "status": "running"}]})
    assert job.tasks
    got = as_entry(job.tasks[0])
    assert got.package == TaskPackage(workflow_id="w", job_id="j", task_id="t")
    assert got.ended is False
    assert got.fields["task_name"] == "ndvi"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (Job.from_dict({"id": "j"}), "Job identifies no package: its workflow_id is missing"),
        (Job.from_dict({}), "workflow_id and id"),
        (JobTask.from_dict({"id": "t"}), "workflow_id and job_id"),
    ],
)
def test_a_row_without_its_ids_is_refused(row: object, message: str) -> None:
    """A row without its ids is refused with the missing members."""
    with pytest.raises(ConfigError, match=message):
        as_package(row)


@pytest.mark.parametrize("thing", [None, 7, b"job:w/j", object(), ["job:w/j"]])
def test_other_values_are_not_packages(thing: object) -> None:
    """Other values are refused with their type."""
    with pytest.raises(ConfigError, match=type(thing).__name__):
        as_entry(thing)


def test_wanted_is_returned_unchanged() -> None:
    """A `PackageEntry` is returned unchanged; a package and a text gain no fields."""
    own = PackageEntry(JobPackage(workflow_id="w", job_id="j"), {"site": "north"}, name="a/b")
    assert as_entry(own) is own
    assert as_entry("job:w/j") == as_entry(own.package) == PackageEntry(own.package)


def test_ids_may_be_uuids() -> None:
    """Ids may be UUID objects."""
    id = UUID("30b4c722-4b9c-4ff0-a4e5-d6280d63ae35")
    package: Any = JobPackage
    assert package(workflow_id=id, job_id=id) == JobPackage(workflow_id=str(id), job_id=str(id))
    assert str(package(workflow_id=id, job_id=id)) == f"job:{id}/{id}"
