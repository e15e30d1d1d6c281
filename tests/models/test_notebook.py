"""Results in a notebook, a log line and a data frame."""

from __future__ import annotations

import dataclasses
import pprint
from pathlib import Path
from typing import Any

import attrs
import pytest

from pixxel_async import (
    Downloaded,
    Failed,
    JobPackage,
    Page,
    PixxelClient,
    PixxelError,
    Skipped,
    Snapshot,
    models,
)
from pixxel_async._html import footprints
from pixxel_async.models import AOI, Geometry, Job, JobDownload, JobStatus, STACItem
from pixxel_async.sandbox import Sandbox
from tests.support.browser import browser

SQUARE = {"type": "Polygon", "coordinates": [[[10, 60], [12, 60], [12, 61], [10, 61], [10, 60]]]}
DONE = Downloaded(JobPackage(workflow_id="w", job_id="j"), Path("exports/w/j.zip"), 5, "ab" * 32, "crc")
SHOT = Snapshot(1, 2, 3, 4, 5, 6, 7, 8.0)


async def sandbox_rows(client: PixxelClient) -> list[Page[object]]:
    """Return a page of each listing that needs no ids."""
    workflow = (await client.workflows.list())[0]
    listings = [client.workflows.list(), client.aois.list(), client.orders.list(), client.order_items.list()]
    listings += [client.projects.list(), client.catalogs.search(), client.jobs.list(workflow.id)]
    return [await listing for listing in listings]


async def test_every_repr_is_short() -> None:
    """The repr of a row or page has at most 300 characters, id and status first."""
    async with Sandbox() as sandbox, PixxelClient(sandbox.api_key, base_url=sandbox.url) as client:
        pages = await sandbox_rows(client)
    for page in pages:
        assert len(page) and len(repr(page)) <= 300
        for row in page:
            assert len(repr(row)) <= 300
    job = Job(created_by="u", status=JobStatus.RUNNING, id="j-1")
    assert repr(job).startswith("Job(id='j-1', status='running', created_by='u'")
    assert repr(AOI(name="n", aoi_id="a-1")).startswith("AOI(aoi_id='a-1'")
    assert len(repr(DONE)) <= 300 and "job:w/j" in repr(DONE)


def test_tables_show_no_secret_and_run_nothing() -> None:
    """Tables escape values, mask link queries and show only the names of unknown members."""
    job = Job(id="<script>alert(1)</script>")
    assert "<script" not in job._repr_html_() and "&lt;script" in job._repr_html_()
    download = JobDownload.from_dict({"id": "j", "signed_url": "https://s/x?sig=5ecret", "token": "5ecret"})
    for text in (repr(download), download._repr_html_(), Page([download])._repr_html_(), repr(Page([download]))):
        assert "5ecret" not in text
    for text in (DONE._repr_html_(), SHOT._repr_html_(), Page(["x"])._repr_html_(), Page([])._repr_html_()):
        assert "<table" in text


HOSTILE = '<script>alert("x")</script>&\x1b[2J' * 20
MODELS = [kind for name in models.__all__ if attrs.has(kind := getattr(models, name))]


@pytest.mark.slow
@pytest.mark.parametrize("kind", MODELS)
def test_hostile_texts_in_every_model(kind: Any) -> None:
    """Whatever a server sends in each member, reprs are short and steer no terminal, and tables run nothing."""
    wires = [field.metadata.get("wire", field.name) for field in attrs.fields(kind) if field.name != "extra"]
    point = {"type": "Point", "coordinates": [1, 2]}
    nested = {HOSTILE: HOSTILE, "id": HOSTILE, "name": HOSTILE, "geometry": point}
    for value in (HOSTILE, [HOSTILE] * 9, {HOSTILE: HOSTILE}, [nested] * 9, 10**12, None):
        row = kind.from_dict({**dict.fromkeys(wires, value), HOSTILE: HOSTILE})
        for shown in (row, Page([row] * 50)):
            assert len(repr(shown)) <= 300 and repr(shown).isprintable()
            table = shown._repr_html_()
            assert "<script" not in table and "\x1b" not in table and "<table" in table


def test_reprs_of_outcomes() -> None:
    """An outcome names its package first, and shows as much of a long reason as fits."""
    job = JobPackage(workflow_id="w" * 36, job_id="j" * 36)
    for shown in (Skipped(job, HOSTILE, HOSTILE), Failed(job, PixxelError(HOSTILE)), Snapshot(*[10**12] * 8)):
        assert len(repr(shown)) <= 300 and repr(shown).isprintable()
    assert "is not here" in repr(Failed(job, PixxelError("it is not here")))
    assert repr(Skipped(job, "no reason")).startswith(f"Skipped(package='{job}', reason='no reason'")


def test_footprints_keep_their_shape() -> None:
    """Footprints keep their proportions (60° north halves a degree of longitude); holes and points are drawn."""
    drawn = footprints([Geometry.from_dict(SQUARE)])
    assert 'width="315" height="320"' in drawn and "10.000, 60.000 to 12.000, 61.000" in drawn
    assert footprints([]) == footprints([None, {"type": "Polygon"}, {"type": "Point", "coordinates": [None, 1]}]) == ""
    assert footprints([{"type": "Point", "coordinates": [1, 2]}]).count("<path") == 1
    nested = {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": SQUARE}] * 2}
    assert footprints([nested]).count("Z") == 2
    assert "<svg" in STACItem(id="i", geometry=Geometry.from_dict(SQUARE))._repr_html_()


def test_a_row_works_with_dataclasses() -> None:
    """Models satisfy dataclasses.asdict, with nested rows as mappings."""
    job = Job.from_dict({"id": "j", "tasks": [{"id": "t"}]})
    assert dataclasses.asdict(job)["id"] == "j" and dataclasses.asdict(job)["tasks"][0]["id"] == "t"  # type: ignore[call-overload]
    assert "extra" not in dataclasses.asdict(job)  # type: ignore[call-overload]
    assert "Job(id='j'" in pprint.pformat(job)


async def test_a_page_is_a_data_frame() -> None:
    """`pandas.DataFrame(page)` has a row for each row and a column for each member."""
    pandas = pytest.importorskip("pandas")
    async with Sandbox() as sandbox, PixxelClient(sandbox.api_key, base_url=sandbox.url) as client:
        for page in await sandbox_rows(client):
            frame = pandas.DataFrame(page)
            assert len(frame) == len(page) and {"status", "id", "aoi_id", "name"} & set(frame.columns)


@pytest.mark.slow
async def test_a_browser_renders_it(tmp_path: Path) -> None:
    """A browser renders tables and maps and loads nothing."""
    async with Sandbox() as sandbox, PixxelClient(sandbox.api_key, base_url=sandbox.url) as client:
        pages = await sandbox_rows(client)
    file = tmp_path / "page.html"
    parts = "".join(page._repr_html_() + page[0]._repr_html_() for page in pages)  # type: ignore[attr-defined]
    file.write_text(f"<!doctype html><meta charset=utf-8>{parts}", encoding="utf-8")
    async with browser(tmp_path) as tab:
        await tab.open(file.as_uri())
        drawn = "[...svg.querySelectorAll('path, circle')].map(each => each.getBoundingClientRect().width)"
        sizes = await tab.value(f"[...document.querySelectorAll('svg')].map(svg => Math.max(...{drawn}))")
        assert len(sizes) > 3 and all(size > 1 for size in sizes)
        assert await tab.value("document.querySelectorAll('table').length") == 2 * len(pages)
        assert set(tab.asked) <= {file.as_uri()}
