"""All 55 operations return the declared type and lose no member, over real sockets and in both profiles."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Literal

import pytest

from pixxel_async import PixxelClient, models
from pixxel_async._http.codec.model import Model
from pixxel_async._http.pages import Page, Pages
from pixxel_async._http.reply import Reply, TransportFailure
from pixxel_async.models import NewDelivery, NewOrderItem, SatelliteRef, SearchFilter, StoreConfig
from pixxel_async.resources import OPERATIONS
from pixxel_async.sandbox import Sandbox
from pixxel_async.settings import Timing
from tests.description.document import by_name
from tests.sandbox.valid_requests import SQUARE, asset_ids

Do = Callable[[], Awaitable[Any]]
PROFILES: tuple[Literal["literal", "realistic"], ...] = ("literal", "realistic")


class Ids:
    """Ids of objects in a new sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        world = sandbox.world
        area = next(iter(world.areas.values()))
        picture = next(iter(world.pictures.values()))
        self.project, self.workflow = next(iter(world.projects)), next(iter(world.workflows))
        run = next(iter(world.runs[self.workflow].values()))
        self.job, self.task = run.id, run.steps[0].id
        self.aoi, self.insight, self.satellite = area.id, next(iter(world.insights)), area.satellite_id
        self.visualization, self.index, self.date = picture.id, picture.index["id"], area.dates()[0]
        self.other_index = list(world.indices)[1]
        self.order = next(iter(world.orders.values()))
        self.catalog = next(iter(world.catalog(sandbox.clock.now())))
        self.scene, self.collection = area.scenes[0].id, area.scenes[0].satellite.collection
        self.assets = asset_ids(sandbox)[:1]


def calls(client: PixxelClient, ids: Ids) -> dict[str, tuple[Do | Pages[Any], Any]]:
    """Return for each operation, variant and get-by-listing its call and the class that it returns."""
    item = NewOrderItem(project_id=ids.project, usecase="agriculture", geometry=SQUARE, item_ids=[ids.scene])
    block = {"block": {"name": "gap-filled-ndvi", "version": "1.0.0"}, "input": [{"name": "input_image"}]}
    picture, mode = (ids.aoi, ids.visualization), {"visualization_mode": "dynamic"}
    legend = {ids.date: [{"label": "low", "color": "#000000", "min": None, "max": None}]}
    area = {"satellite_id": ids.satellite, "provider": "planetary", "project_id": ids.project, "item_ids": [ids.scene]}
    formula = {"expression": "B08 / B04", "expression_type": "index", "colormap": "rplumbho", "rescale": [0, 1.5]}
    place = SatelliteRef(collection_id=ids.collection, satellite_id=ids.satellite)
    times = {"start_date": dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "end_date": "2025-12-31T00:00:00Z"}

    async def store() -> models.Store:
        secrets = {"access_key_id": "a", "secret_access_key": "s3cr3t"}
        return await client.stores.create(
            name="mine", type="S3", configs=StoreConfig(bucket="b", region="us-east-2"), secrets=secrets
        )

    async def delete_store() -> None:
        await client.stores.delete((await store()).id or "")

    async def deliver() -> list[models.Delivery]:
        info = {"config": (await store()).id, "path": "a/b"}
        return await client.deliveries.create([NewDelivery(catalog_ids=[ids.catalog], cloud_info=info)])

    async def stores() -> Page[models.Store]:
        await store()
        return await client.stores.list()

    async def deliveries() -> Page[models.Delivery]:
        await deliver()
        return await client.deliveries.list(catalog_id=ids.catalog)

    async def assets_again() -> models.AssetDownload:
        asked = await client.assets.request_download(ids.aoi, asset_ids=ids.assets)
        return await client.assets.get_download(ids.aoi, asked.download_id or "")

    async def catalogs_again() -> models.CatalogDownload:
        asked = await client.catalogs.request_download(catalog_ids=[ids.catalog])
        return await client.catalogs.get_download(asked.id or "")

    return {
        "ping": (client.ping, str),
        "projects.list": (client.projects.list(page_size=1), models.Project),
        "projects.get": (lambda: client.projects.get(ids.project), models.Project),
        "aois.list": (client.aois.list(project_ids=[ids.project], limit=1), models.AOI),
        "aois.create": (lambda: client.aois.create(name="N", description="", geometry=SQUARE, **area), models.AOI),
        "aois.get": (lambda: client.aois.get(ids.aoi), models.AOI),
        "search.images": (client.search.images(
            geometry=SQUARE, satellites=[place], filters=[SearchFilter(id="eo:cloud_cover", min=0, max=90)], limit=100,
            **times,
        ), models.STACItem),
        "satellites.list": (client.satellites.list(), models.Satellite),
        "indices.list": (client.indices.list(limit=2), models.Index),
        "indices.create": (lambda: client.indices.create(
            name="Mine", description="", satellite_id=ids.satellite, **formula,
        ), models.Index),
        "visualizations.list": (client.visualizations.list(ids.aoi), models.Visualization),
        "visualizations.get": (lambda: client.visualizations.get(*picture), models.Visualization),
        "visualizations.create": (
            lambda: client.visualizations.create(ids.aoi, index_id=ids.other_index), models.Visualization),
        "visualizations.update_metadata": (lambda: client.visualizations.update_metadata(
            *picture, legend=legend, dynamic_bins=3, **mode), models.VisualizationMetadata),
        "visualizations.rollback_metadata": (lambda: client.visualizations.rollback_metadata(
            *picture, index_id=ids.index, dates=[ids.date], **mode), models.Visualization),
        "visualizations.png": (
            lambda: client.visualizations.png(*picture, index_id=ids.index, date=ids.date, **mode), bytes),
        "visualizations.sld": (
            lambda: client.visualizations.sld(*picture, dates=[ids.date], visualization_modes=["dynamic"]), models.SLD),
        "blocks.list": (client.blocks.list(mode="insight"), models.Block),
        "blocks.list_versions": (client.blocks.list_versions("cropclassification"), models.Block),
        "blocks.get": (lambda: client.blocks.get("cropclassification", "1.0.0"), models.Block),
        "insights.create": (lambda: client.insights.create(ids.aoi, **block), models.InsightCreated),
        "insights.estimate": (lambda: client.insights.estimate(ids.aoi, **block), models.InsightEstimate),
        "insights.list": (client.insights.list(ids.aoi), models.Insight),
        "insights.get": (lambda: client.insights.get(ids.aoi, ids.insight), models.Insight),
        "insights.request_download": (
            lambda: client.insights.request_download(ids.aoi, ids.insight), models.InsightDownload),
        "insights.delete": (
            lambda: client.insights.delete(ids.aoi, ids.insight, project_id=ids.project), type(None)),
        "assets.list": (client.assets.list(ids.aoi, limit=1), models.Asset),
        "assets.request_download": (
            lambda: client.assets.request_download(ids.aoi, asset_ids=ids.assets), models.AssetDownload),
        "assets.get_download": (assets_again, models.AssetDownload),
        "workflows.list": (client.workflows.list(), models.Workflow),
        "workflows.get": (lambda: client.workflows.get(ids.workflow, project_id=ids.project), models.Workflow),
        "workflows.estimate": (lambda: client.workflows.estimate(ids.workflow), models.WorkflowEstimate),
        "jobs.list": (client.jobs.list(ids.workflow), models.Job),
        "jobs.create": (lambda: client.jobs.create(ids.workflow, project_id=ids.project), models.Job),
        "jobs.get": (lambda: client.jobs.get(ids.workflow, ids.job), models.Job),
        "jobs.request_download": (lambda: client.jobs.request_download(ids.workflow, ids.job), models.JobDownload),
        "tasks.request_download": (
            lambda: client.tasks.request_download(ids.workflow, ids.job, ids.task), models.TaskDownload),
        "bandsets.list": (client.bandsets.list(), models.Bandset),
        "orders.list": (client.orders.list(limit=1), models.Order),
        "orders.create": (lambda: client.orders.create([item], dry_run=True), models.Order),
        "orders.get": (lambda: client.orders.get(ids.order.id), models.Order),
        "order_items.list": (client.order_items.list(order_ids=[ids.order.id]), models.OrderItem),
        "order_items.get": (lambda: client.order_items.get(ids.order.lines[0].id), models.OrderItem),
        "archives.list_collections": (client.archives.list_collections(), models.STACCollection),
        "archives.get_collection": (lambda: client.archives.get_collection(ids.collection), models.STACCollection),
        "archives.list_items": (client.archives.list_items(ids.collection, limit=2), models.STACItem),
        "archives.get_item": (lambda: client.archives.get_item(ids.collection, ids.scene), models.STACItem),
        "archives.search": (client.archives.search(bbox=[75.0, 30.0, 76.0, 31.5]), models.STACItem),
        "reports.orders": (lambda: client.reports.orders(tz="Asia/Kolkata"), bytes),
        "stores.list": (stores, models.Store),
        "stores.create": (store, models.Store),
        "stores.delete": (delete_store, type(None)),
        "deliveries.list": (deliveries, models.Delivery),
        "deliveries.create": (deliver, models.Delivery),
        "catalogs.request_download": (
            lambda: client.catalogs.request_download(catalog_ids=[ids.catalog]), models.CatalogDownload),
        "catalogs.get_download": (catalogs_again, models.CatalogDownload),
        "catalogs.search": (client.catalogs.search(limit=50), models.Catalog),
        "catalogs.get": (lambda: client.catalogs.get(ids.catalog), models.Catalog),
    }  # fmt: skip


LISTED = {"visualizations.get", "insights.get"}
NAMES = sorted(OPERATIONS.keys() | LISTED | {"insights.estimate"})


async def test_the_table_is_complete() -> None:
    """The table calls every operation of the description and every method that the generator adds."""
    async with Sandbox() as sandbox, PixxelClient(sandbox.api_key, base_url=sandbox.url) as client:
        assert sorted(calls(client, Ids(sandbox))) == NAMES
        assert len(OPERATIONS) == 55


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("profile", PROFILES)
async def test_a_call_returns_its_type_and_loses_nothing(name: str, profile: Literal["literal", "realistic"]) -> None:
    """A call returns the declared class, and `to_dict` returns every member that the server sent."""
    replies: list[Reply | TransportFailure] = []

    async with (
        Sandbox(profile=profile, packing=0.0) as sandbox,
        PixxelClient(
            sandbox.api_key, base_url=sandbox.url, on_reply=[lambda _, got, __: replies.append(got)]
        ) as client,
    ):
        how, kind = calls(client, Ids(sandbox))[name]
        got = await (how if isinstance(how, Pages) else how())
        rows = list(got) if isinstance(got, Page | list) else [got]
        assert rows
        assert {type(row) for row in rows} == {kind}
        if isinstance(how, Pages):
            assert len([row async for row in how]) >= len(rows)
        if isinstance(rows[0], Model):
            last = replies[-1] if not isinstance(how, Pages) else replies[0]
            assert isinstance(last, Reply)
            sent = _rows(json.loads(last.body), name)
            assert len(sent) == len(rows)
            assert [path for one, row in zip(sent, rows, strict=True) for path in _lost(one, row.to_dict())] == []


WAITS = ("jobs", "aois", "insights", "visualizations")


@pytest.mark.slow
@pytest.mark.parametrize("what", WAITS)
@pytest.mark.parametrize("profile", PROFILES)
async def test_waiting_for_an_object_that_has_ended(what: str, profile: Literal["literal", "realistic"]) -> None:
    """`wait` returns an object that has already ended, and `watch` yields its end last, in any letter case."""
    async with (
        Sandbox(profile=profile) as sandbox,
        PixxelClient(sandbox.api_key, base_url=sandbox.url, timing=Timing(sleep=_at_once)) as client,
    ):
        ids = Ids(sandbox)
        key = {
            "jobs": (ids.workflow, ids.job),
            "aois": (ids.aoi,),
            "insights": (ids.aoi, ids.insight),
            "visualizations": (ids.aoi, ids.visualization),
        }[what]
        resource: Any = getattr(client, what)
        ended = await resource.wait(*key, timeout=60)
        seen = [each async for each in resource.watch(*key, timeout=60)]
    assert ended.status.lower() in ("completed", "success")
    assert seen[-1].status == ended.status


async def test_drift_counts_unknown_members_and_words() -> None:
    """Unknown members and words of the realistic profile are counted by place and raise no error."""
    async with Sandbox(profile="realistic") as sandbox, PixxelClient(sandbox.api_key, base_url=sandbox.url) as client:
        ids = Ids(sandbox)
        assert (client.drift().members, client.drift().words) == ({}, {})
        jobs = [job async for job in client.jobs.list(ids.workflow)]
        drift = client.drift()

    unknown = {name for job in jobs for name in job.extra}
    assert unknown
    assert {f"Job.{name}" for name in unknown} <= drift.members.keys()
    odd = {f"Job.status={job.status}" for job in jobs if job.status and not job.status.known}
    assert odd
    assert odd <= drift.words.keys()


async def _at_once(seconds: float) -> None:
    """Sleep no time, except for a deadline of 30 s or more."""
    await asyncio.sleep(0 if seconds < 30 else seconds)


def _rows(answer: Any, name: str) -> list[Any]:
    """Return the objects of a response: the rows of a listing, or the object below its wrapping member."""
    described = by_name().get(name.replace(".get", ".list") if name in LISTED else name, {})
    inner = answer.get(described.get("x-items") or described.get("x-unwrap"), answer)
    return inner if isinstance(inner, list) else list(inner.values()) if described.get("x-items") else [inner]


def _lost(sent: Any, kept: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of sent values that were not kept; null, the zero time and empty lists do not count."""
    if sent in (None, "", [], {}) or sent == kept:
        return
    if isinstance(sent, dict) and isinstance(kept, dict):
        for name, value in sent.items():
            yield from _lost(value, kept.get(name), f"{path}.{name}")
    elif isinstance(sent, list) and isinstance(kept, list):
        rows = sent if len(sent) == len(kept) else [row for row in sent if row is not None]
        if len(rows) != len(kept):
            yield path
        for number, (one, other) in enumerate(zip(rows, kept, strict=False)):
            yield from _lost(one, other, f"{path}[{number}]")
    elif not _means_the_same(sent, kept):
        yield f"{path}: {sent!r} became {kept!r}"


def _means_the_same(sent: Any, kept: Any) -> bool:
    """Return whether a number sent as text, or a time in another spelling, has the kept value."""
    if isinstance(kept, int | float) and isinstance(sent, str):
        return float(sent) == kept
    try:
        return _moment(sent) == _moment(kept) if kept is not None else _moment(sent).year == 1
    except (TypeError, ValueError):
        return False


def _moment(text: Any) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
