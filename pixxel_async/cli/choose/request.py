"""What an export's command line asks for, and whether it makes sense; nothing here reads or sends anything."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from attrs import frozen

from ...downloads import check_template
from ...downloads.disk.locations import LocationSpec
from ...packages import KINDS, parse_package
from ..errors import Refusal
from ..show.progress import ProgressStyle
from ..show.rows import OutputForm
from .filter import WORKFLOW_NAME, PackageChoice


@frozen(kw_only=True)
class RunOptions:
    """How a run downloads, and how it shows itself.

    Attributes:
        to: where the packages go.
        record: the record's file, if not in the folder.
        name: template of the names below the folder.
        parallel: bodies at once; None: as the settings say.
        deadline: seconds for the whole run; None for no end.
        wait: whether jobs that still run are waited for.
        quiet: whether nothing is shown unless something failed.
        form: form of the data on stdout; None: a table, or nothing when quiet.
        progress: how stderr shows the run.
        keep_free: bytes of the disk that stay free; None: as the settings say.
        extract: whether archives are unpacked; with `no_keep_archive` their files are kept alone.
        shard: (i, n): which of n machines this is; None: as the settings say.
        redo_missing: whether files that are gone are fetched again; else it is as the settings say.
        bwlimit: bytes a second; None: as the settings say.
    """

    to: LocationSpec
    record: Path | None = None
    name: str | None = None
    parallel: int | None = None
    deadline: float | None = None
    wait: bool = False
    quiet: bool = False
    form: OutputForm | None = None
    progress: ProgressStyle = "auto"
    keep_free: int | None = None
    extract: bool = False
    no_keep_archive: bool = False
    shard: tuple[int, int] | None = None
    redo_missing: bool = False
    bwlimit: int | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of `fetch_all` that differ from the client's."""
        named = {
            "streams": self.parallel,
            "keep_free": self.keep_free,
            "extract": True if self.extract else None,
            "keep_archive": False if self.no_keep_archive else None,
            "bandwidth": self.bwlimit,
            "shard": self.shard,
            "if_missing": "redo" if self.redo_missing else None,
        }
        return {name: value for name, value in named.items() if value is not None}


@frozen(kw_only=True)
class ExportRequest(RunOptions):
    """The run of one `pixxel export`, and what it takes."""

    packages: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()
    project: str | None = None
    manifest: str | None = None
    kinds: PackageChoice | None = None
    statuses: tuple[str, ...] = ()
    since: datetime | Literal["last"] | None = None
    dry_run: bool = False
    sizes: bool = False
    sandbox: bool = False

    @property
    def listed(self) -> bool:
        """Whether workflows are listed, rather than packages named."""
        return not self.packages and self.manifest is None

    @property
    def taken(self) -> PackageChoice:
        """The kinds of packages to take of a listing; the sandbox alone shows both."""
        alone = self.sandbox and not self.workflows and self.project is None
        return self.kinds or ("both" if alone else "job")

    @property
    def fields(self) -> set[str]:
        """What the name template may use: all that rows of a listing tell, or else the ids alone."""
        if not self.listed:
            return {"id8"}.union(*(kind.names() for kind in KINDS.values()))
        kinds = [KINDS[each] for each in (("job", "task") if self.taken == "both" else (self.taken,))]
        return set.intersection(*({"id8", *kind.names(), *kind.row_fields, WORKFLOW_NAME} for kind in kinds))

    @property
    def selection(self) -> str:
        """The name by which `--finished-since last` finds the last run of the same selection."""
        what = f"project {self.project}" if self.project else f"workflows {' '.join(sorted(set(self.workflows)))}"
        share = "; shard {}/{}".format(*self.shard) if self.shard else ""
        return f"{what}; packages {self.taken}; status {' '.join(sorted(set(self.statuses)))}{share}"


def check_run(run: RunOptions) -> None:
    """Refuse options of a download that do not go together; raises `Refusal`."""
    if run.no_keep_archive and not run.extract:
        raise Refusal("--no-keep-archive needs --extract: without it there would be nothing left")
    if run.to.url is not None and run.extract:
        raise Refusal("--extract unpacks into folders of this machine alone, not into an object store")


def check(order: ExportRequest) -> None:
    """Refuse options that do not go together, or say too little.

    Raises:
        Refusal: they make no sense; the text says what to give.
        ConfigError: a PACKAGE is none, or the name template could not be rendered for any kind of package.
    """
    given = [
        name
        for name, value in (
            ("--workflow", order.workflows),
            ("--project", order.project is not None),
            ("--manifest", order.manifest is not None),
            ("PACKAGE", order.packages),
        )
        if value
    ]
    if len(given) > 1:
        raise Refusal(f"{' and '.join(given)} exclude each other; give one of them")
    if not given and not order.sandbox:
        raise Refusal("say what to export: --workflow W, --project P, --manifest FILE or packages such as job:W/J")
    if not order.listed and (order.kinds or order.statuses or order.since):
        raise Refusal("--packages, --status and --finished-since choose among the jobs of --workflow or --project")
    check_run(order)
    if order.sizes and not order.dry_run:
        raise Refusal("--sizes goes with --dry-run; without it the packages are fetched")
    if order.name is not None:
        check_template(order.name, order.fields)
    for text in order.packages:
        parse_package(text)
    values = (*order.workflows, order.project, order.manifest)
    if any(value is not None and not value.strip() for value in values):
        raise Refusal(f"{given[0]} is empty; `pixxel workflows` lists ids")
