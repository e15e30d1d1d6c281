"""The options of an export as values, and the checks of their combinations; no I/O."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from string import Formatter
from typing import Any, Literal

from attrs import frozen

from ...downloads import check_template
from ...downloads.disk.locations import LocationSpec
from ...packages import KINDS, parse_package
from ..errors import CommandError
from ..show.progress import ProgressStyle
from ..show.rows import OutputFormat
from ..values import BandwidthSchedule
from .filter import WORKFLOW_NAME, PackageChoice

_DATE_FORMAT = re.compile(r"%[-a-zA-Z]")
_SHARED = {"workflow_id", "aoi_id"}
_TELLING_APART = {"id8"}.union(*(kind.names() for kind in KINDS.values())) - _SHARED
"""Fields of name templates that differ between the packages of a workflow or area of interest."""


@frozen(kw_only=True)
class RunOptions:
    """Options of a download run and of its output; None leaves a setting at the client's value.

    Attributes:
        to: destination folder or object store.
        record: path of the record, if not in the folder.
        name: template of the file names below the folder.
        parallel: concurrent downloads.
        deadline: seconds for the whole run; None for no limit.
        wait: wait for jobs that are still running.
        quiet: print only failures.
        form: format of the data on stdout; None: a table, or nothing when quiet.
        progress: style of the progress on stderr.
        keep_free: bytes of the disk to leave free.
        extract: unpack archives.
        no_keep_archive: delete each archive after unpacking.
        shard: (i, n): this is machine i of n.
        redo_missing: fetch recorded files again that are no longer in the folder.
        processes: worker processes; 1 for this process only.
        bwlimit: bandwidth limit in bytes per second, fixed or by time of day; `off` for no limit.
    """

    to: LocationSpec
    record: Path | None = None
    name: str | None = None
    parallel: int | None = None
    deadline: float | None = None
    wait: bool = False
    quiet: bool = False
    form: OutputFormat | None = None
    progress: ProgressStyle = "auto"
    keep_free: int | None = None
    extract: bool = False
    no_keep_archive: bool = False
    shard: tuple[int, int] | None = None
    redo_missing: bool = False
    bwlimit: int | BandwidthSchedule | Literal["off"] | None = None
    processes: int = 1

    @property
    def is_shared_shard(self) -> bool:
        """Whether several machines export into this folder, each with a record of its own that a copy is shared of."""
        return self.shard is not None and self.record is None and self.to.is_shared

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of `fetch_all` that differ from the client's."""
        named = {
            "max_concurrent_downloads": self.parallel,
            "min_free_space": self.keep_free,
            "extract": True if self.extract else None,
            "keep_archive": False if self.no_keep_archive else None,
            "max_bandwidth": None if self.bwlimit == "off" else self.bwlimit,
            "shard": self.shard,
            "on_missing": "redo" if self.redo_missing else None,
        }
        unlimited = {"max_bandwidth": None} if self.bwlimit == "off" else {}
        return {name: value for name, value in named.items() if value is not None} | unlimited


@frozen(kw_only=True)
class ExportRequest(RunOptions):
    """Options of `pixxel export`: a run and the selection of its packages."""

    packages: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()
    project: str | None = None
    manifest: str | None = None
    kinds: PackageChoice | None = None
    statuses: tuple[str, ...] = ()
    since: datetime | Literal["last"] | None = None
    until: datetime | None = None
    on_done: str | None = None
    dry_run: bool = False
    sizes: bool = False
    sandbox: bool = False

    @property
    def listed(self) -> bool:
        """Whether packages come from listed workflows, not from arguments or a manifest."""
        return not self.packages and self.manifest is None

    @property
    def taken(self) -> PackageChoice:
        """The package kinds to take from a listing; `--sandbox` without a selection takes both."""
        alone = self.sandbox and not self.workflows and self.project is None
        return self.kinds or ("both" if alone else "job")

    @property
    def fields(self) -> set[str]:
        """The fields of the name template: all of a listed row's, or the ids only."""
        if not self.listed:
            return {"id8"}.union(*(kind.names() for kind in KINDS.values()))
        kinds = [KINDS[each] for each in (("job", "task") if self.taken == "both" else (self.taken,))]
        return set.intersection(*({"id8", *kind.names(), *kind.row_fields, WORKFLOW_NAME} for kind in kinds))

    @property
    def selection(self) -> str:
        """The key under which `--finished-since last` finds the last run of the same selection."""
        scope = f"project {self.project}" if self.project else f"workflows {' '.join(sorted(set(self.workflows)))}"
        until = f"; until {order_time}" if (order_time := self.until and self.until.isoformat()) else ""
        share = "; shard {}/{}".format(*self.shard) if self.shard else ""
        return f"{scope}; packages {self.taken}; status {' '.join(sorted(set(self.statuses)))}{until}{share}"


def check_run(run: RunOptions) -> None:
    """Check the download options for contradictions; raises `CommandError`."""
    if run.no_keep_archive and not run.extract:
        raise CommandError("--no-keep-archive needs --extract: without it nothing would be kept")
    if run.to.url is not None and run.extract:
        raise CommandError("--extract unpacks into local folders only, not into an object store")


def check_request(request: ExportRequest) -> None:
    """Check the options for contradictions and omissions.

    Raises:
        CommandError: options exclude each other or are missing; the text says which to pass.
        ConfigError: a PACKAGE is malformed, or the name template has fields that no package kind has.
    """
    sources = [
        name
        for name, value in (
            ("--workflow", request.workflows),
            ("--project", request.project is not None),
            ("--manifest", request.manifest is not None),
            ("PACKAGE", request.packages),
        )
        if value
    ]
    if len(sources) > 1:
        raise CommandError(f"{' and '.join(sources)} exclude each other; give one of them")
    if not sources and not request.sandbox:
        raise CommandError("say what to export: --workflow W, --project P, --manifest FILE or packages such as job:W/J")
    if not request.listed and (request.kinds or request.statuses or request.since or request.until):
        raise CommandError(
            "--packages, --status, --finished-since and --finished-until filter the jobs of --workflow or --project"
        )
    if request.until and isinstance(request.since, datetime) and request.since >= request.until:
        raise CommandError("--finished-since must be before --finished-until")
    check_run(request)
    if request.sizes and not request.dry_run:
        raise CommandError("--sizes goes with --dry-run; without it the packages are fetched")
    if request.name is not None:
        check_template(request.name, request.fields)
        _check_name(request.name, single=len(set(request.packages)) == 1)
    for text in request.packages:
        parse_package(text)
    values = (*request.workflows, request.project, request.manifest)
    if any(value is not None and not value.strip() for value in values):
        raise CommandError(f"{sources[0]} is empty; `pixxel workflows` lists ids")


def _check_name(template: str, *, single: bool) -> None:
    """Refuse a name template by which several packages would have the same name, or with a date outside of a field.

    Args:
        single: one package is exported, which may have any name.
    """
    parts = list(Formatter().parse(template))
    if any(_DATE_FORMAT.search(literal) for literal, *_ in parts):
        raise CommandError("--name: a date format such as %Y belongs in a field, {finished_at:%Y-%m}")
    if not single and not _TELLING_APART & {field for _, field, *_ in parts if field}:
        raise CommandError(
            "--name: all packages of a workflow would get the same name; use {job_id}, {task_id} or {id8} in it"
        )
