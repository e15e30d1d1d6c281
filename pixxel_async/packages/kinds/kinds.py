"""The package kinds. To add a kind, write its class here and list it in `KINDS`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Self

from attrs import Factory, field, frozen

from ..._http.call import Call
from ..._http.codec.serialize import to_body
from ..._redact import mask
from ...errors import ConfigError
from ...resources import OPERATIONS
from .answer import PackageAnswer
from .package import Answered, Package, Packed, unique_sorted
from .rules.fingerprint import fingerprint
from .rules.spelling import decode, encode

if TYPE_CHECKING:
    from ..._http.resource import API

_REPORT = re.compile(r"(?:tz=(?P<tz>[^=]+?))?(?:(?:^|/)edition=(?P<edition>[^=/]+))?")

LOST_ANSWERS = 3
"""Lost answers to a POST after each of which it is repeated, for kinds whose request is free and idempotent."""
TIMES = {"status": "status", "created_at": "created_at", "updated_at": "updated_at", "finished_at": "finished_at"}


@frozen(kw_only=True)
class JobPackage(Packed):
    """The inputs and outputs of one job, a run of a workflow."""

    kind: ClassVar = "job"
    form: ClassVar = "job:WORKFLOW_ID/JOB_ID"
    answer: ClassVar = "JobDownload"
    # ASSUMPTION: the PUT that requests a package also reports its state, and may restart packing.
    restarts: ClassVar = True
    rows: ClassVar = {"Job": {"workflow_id": "workflow_id", "job_id": "id"}}
    row_fields: ClassVar = TIMES

    workflow_id: str
    job_id: str

    def call(self, download_id: str) -> Call:
        """Build the PUT; `download_id` is not used."""
        return Call(OPERATIONS["jobs.request_download"], self.fields())


@frozen(kw_only=True)
class TaskPackage(Packed):
    """The outputs of one task, a step of a job."""

    kind: ClassVar = "task"
    form: ClassVar = "task:WORKFLOW_ID/JOB_ID/TASK_ID"
    answer: ClassVar = "TaskDownload"
    restarts: ClassVar = True
    rows: ClassVar = {"JobTask": {"workflow_id": "workflow_id", "job_id": "job_id", "task_id": "id"}}
    row_fields: ClassVar = {**TIMES, "task_name": "name"}

    workflow_id: str
    job_id: str
    task_id: str

    def call(self, download_id: str) -> Call:
        """Build the PUT; `download_id` is not used."""
        return Call(OPERATIONS["tasks.request_download"], self.fields())


@frozen(kw_only=True)
class InsightPackage(Packed):
    """Selected inputs and outputs of an insight; without a selection, the service decides."""

    kind: ClassVar = "insight"
    form: ClassVar = "insight:AOI_ID/INSIGHT_ID, with /inputs=NAME,… or /outputs=NAME,… for some of its parts"
    answer: ClassVar = "InsightDownload"
    restarts: ClassVar = True
    rows: ClassVar = {"Insight": {"aoi_id": "aoi_id", "insight_id": "id"}}
    row_fields: ClassVar = {"status": "status", "created_at": "created_at", "insight_name": "name"}

    aoi_id: str
    insight_id: str
    # ASSUMPTION: the lists hold names, since outputs have no ids.
    inputs: tuple[str, ...] = field(default=(), converter=unique_sorted)
    outputs: tuple[str, ...] = field(default=(), converter=unique_sorted)

    @property
    def path(self) -> tuple[str, ...]:
        """The ids; with a selection, the insight's id and `id8`."""
        parts = f"-{self.id8}" if self.inputs or self.outputs else ""
        return self.aoi_id, self.insight_id + parts

    def call(self, download_id: str) -> Call:
        """Build the PUT, with the selected names."""
        body = to_body({"inputs": self.inputs or None, "outputs": self.outputs or None})
        return Call(OPERATIONS["insights.request_download"], self.fields(), body=body)


@frozen(kw_only=True)
class AssetPackage(Packed):
    """Rasters of one AOI."""

    kind: ClassVar = "asset"
    form: ClassVar = "asset:AOI_ID/asset_ids=ID,…"
    answer: ClassVar = "AssetDownload"
    by_id: ClassVar = True
    max_lost_answers: ClassVar = LOST_ANSWERS
    id_member: ClassVar = "download_id"
    rows: ClassVar = {"Asset": {"aoi_id": "aoi_id", "asset_ids": "id"}}
    row_fields: ClassVar = {"status": "status", "created_at": "created_at", "asset_name": "name", "date": "date"}

    aoi_id: str
    asset_ids: tuple[str, ...] = field(converter=unique_sorted)

    def __attrs_post_init__(self) -> None:
        if not self.asset_ids:
            raise ConfigError("a package of kind asset needs asset_ids: one or more")
        super().__attrs_post_init__()

    @property
    def path(self) -> tuple[str, ...]:
        """The AOI, and the asset's id, or `id8` for several assets."""
        return self.aoi_id, self.asset_ids[0] if len(self.asset_ids) == 1 else f"assets-{self.id8}"

    def call(self, download_id: str) -> Call:
        """Build the POST or, with a download id, the GET."""
        if download_id:
            return Call(OPERATIONS["assets.get_download"], {"aoi_id": self.aoi_id, "download_id": download_id})
        return Call(OPERATIONS["assets.request_download"], self.fields(), body={"asset_ids": [*self.asset_ids]})


@frozen(kw_only=True)
class CatalogPackage(Packed):
    """Ordered imagery, identified by catalog ids or by order items."""

    kind: ClassVar = "catalog"
    form: ClassVar = "catalog:catalog_ids=ID,… or catalog:order_item_ids=ID,…"
    answer: ClassVar = "CatalogDownload"
    by_id: ClassVar = True
    max_lost_answers: ClassVar = LOST_ANSWERS
    rows: ClassVar = {"Catalog": {"catalog_ids": "id"}, "OrderItem": {"order_item_ids": "id"}}
    row_fields: ClassVar = {"created_at": "created_at"}

    catalog_ids: tuple[str, ...] = field(default=(), converter=unique_sorted)
    order_item_ids: tuple[str, ...] = field(default=(), converter=unique_sorted)

    def __attrs_post_init__(self) -> None:
        if bool(self.catalog_ids) == bool(self.order_item_ids):
            raise ConfigError("a package of kind catalog needs exactly one of catalog_ids and order_item_ids")
        super().__attrs_post_init__()

    @property
    def path(self) -> tuple[str, ...]:
        """The id of the image or order item, or `id8` for several."""
        ids = self.catalog_ids or self.order_item_ids
        return "catalogs" if self.catalog_ids else "order-items", ids[0] if len(ids) == 1 else self.id8

    def call(self, download_id: str) -> Call:
        """Build the POST with one of the lists or, with a download id, the GET."""
        if download_id:
            return Call(OPERATIONS["catalogs.get_download"], {"download_id": download_id})
        body = to_body({"catalog_ids": self.catalog_ids or None, "order_item_ids": self.order_item_ids or None})
        return Call(OPERATIONS["catalogs.request_download"], body=body)


@frozen(kw_only=True)
class OrderReport(Answered):
    """All orders of the organization as a CSV, with the whole history up to the time of the request.

    The report changes with every order, so an edition is part of its identity: by default the day in UTC, so that one
    report a day is fetched. A second report on the same day needs an edition of its own. A report that failed keeps
    its edition, also when it is fetched on a later day.

    Attributes:
        tz: time zone of the report's times, such as `Europe/Berlin`.
        edition: the day in UTC, or any text, such as `2026-11-28T15`.
    """

    kind: ClassVar = "report"
    form: ClassVar = "report:tz=TIME_ZONE, with /edition=NAME for another one than today's"
    promised: ClassVar = "csv"

    tz: str = "UTC"
    edition: str = field(factory=lambda: datetime.now(UTC).date().isoformat())

    @property
    def path(self) -> tuple[str, ...]:
        """The folder of reports, the time zone, the edition."""
        return "reports", self.tz, self.edition

    def call(self) -> Call:
        """Build the GET."""
        return Call(OPERATIONS["reports.orders"], query={"tz": self.tz})

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse the part of a text form behind the colon; both parts may be missing."""
        match = _REPORT.fullmatch(text)
        if match is None:
            raise ConfigError(f"{mask(f'{cls.kind}:{text}')[:200]!r} must be written {cls.form}")
        return cls(**{name: decode(part) for name, part in match.groupdict().items() if part})

    def __str__(self) -> str:
        return f"{self.kind}:tz={encode(self.tz)}/edition={encode(self.edition)}"


@frozen(kw_only=True)
class IndexPicture(Answered):
    """A visualization of one date, rendered with its legend as PNG.

    It is fetched once, as any package; after a change of its legend, `manager.forget` it first.

    Attributes:
        date: date in the form `2024_05_06`.
        mode: legend mode, such as `dynamic` or `theoretical`.
    """

    kind: ClassVar = "picture"
    form: ClassVar = "picture:AOI_ID/VISUALIZATION_ID/INDEX_ID/DATE/MODE"
    promised: ClassVar = "png"

    aoi_id: str
    visualization_id: str
    index_id: str
    date: str
    mode: str

    def call(self) -> Call:
        """Build the POST, which is safe to repeat."""
        ids = {"aoi_id": self.aoi_id, "visualization_id": self.visualization_id}
        body = {"index_id": self.index_id, "date": self.date, "visualization_mode": self.mode}
        return Call(OPERATIONS["visualizations.png"], ids, body=body)


@frozen(kw_only=True)
class SignedLink(Package):
    """A signed link that the caller already has; it is neither requested nor renewed.

    Its text form holds the name and a fingerprint of the linked object, which renewed links share. The link itself
    is in no text form, so the text form cannot be parsed.

    Attributes:
        name: path of the file below the folder, without suffix.
        mark: the fingerprint.
    """

    kind: ClassVar = "link"
    form: ClassVar = "SignedLink(url=…, name=…)"
    asks_api: ClassVar = False

    name: str
    url: str = field(repr=False, eq=False)
    mark: str = field(init=False, default=Factory(lambda self: fingerprint(str(self.url)), takes_self=True))

    @classmethod
    def names(cls) -> list[str]:
        """Return the fields that may be shown."""
        return ["name"]

    @property
    def path(self) -> tuple[str, ...]:
        """The segments of the name."""
        return tuple(self.name.split("/"))

    async def ask(self, api: API, download_id: str = "") -> PackageAnswer:
        """Return the link without a call."""
        return PackageAnswer("ready", self.url, {})

    @classmethod
    def read(cls, text: str) -> Self:
        """Raise `ConfigError`: a text form does not hold the link."""
        raise ConfigError("a text form does not hold a signed link; pass SignedLink(url=…, name=…) again")

    def __str__(self) -> str:
        return f"{self.kind}:{encode(self.name)}/{self.mark}"


KINDS: dict[str, type[Package]] = {
    each.kind: each
    for each in (
        JobPackage,
        TaskPackage,
        InsightPackage,
        AssetPackage,
        CatalogPackage,
        OrderReport,
        IndexPicture,
        SignedLink,
    )
}
