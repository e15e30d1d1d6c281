"""What an export's command line asks for, and whether it makes sense; nothing here reads or sends anything."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from attrs import frozen

from ..downloads.home import Where, where
from ..downloads.rules.naming import check_template
from ..packages import KINDS
from .choose import WORKFLOW_NAME, Packages
from .errors import Refusal
from .output import Form
from .progress import Progress


@frozen(kw_only=True)
class Order:
    """The options of `pixxel export`, as they were typed."""

    to: str | Path
    spool: Path | None = None
    packages: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()
    project: str | None = None
    manifest: str | None = None
    kinds: Packages | None = None
    statuses: tuple[str, ...] = ()
    since: datetime | Literal["last"] | None = None
    wait: bool = False
    name: str | None = None
    record: Path | None = None
    parallel: int | None = None
    deadline: float | None = None
    quiet: bool = False
    form: Form | None = None
    progress: Progress = "auto"
    keep_free: int | None = None
    extract: bool = False
    no_keep_archive: bool = False
    shard: tuple[int, int] | None = None
    redo_missing: bool = False
    bwlimit: int | None = None
    dry_run: bool = False
    sizes: bool = False
    sandbox: bool = False

    @property
    def where(self) -> Where:
        """The folder or the object store; raises `ConfigError` when a folder was given a spool."""
        return where(self.to, self.spool)

    @property
    def listed(self) -> bool:
        """Whether workflows are listed, rather than packages named."""
        return not self.packages and self.manifest is None

    @property
    def taken(self) -> Packages:
        """The kinds of packages to take of a listing; the sandbox alone shows both."""
        alone = self.sandbox and not self.workflows and self.project is None
        return self.kinds or ("both" if alone else "job")

    @property
    def fields(self) -> set[str]:
        """What the name template may use: all that rows of a listing tell, or else the ids alone."""
        if not self.listed:
            return {"id8"}.union(*(kind.names() for kind in KINDS.values()))
        kinds = [kind for kind in KINDS.values() if self.taken in (kind.kind, "both")]
        return set.intersection(*({"id8", *kind.names(), *kind.row_fields, WORKFLOW_NAME} for kind in kinds))

    @property
    def selection(self) -> str:
        """The name by which `--finished-since last` finds the last run of the same selection."""
        what = f"project {self.project}" if self.project else f"workflows {' '.join(sorted(set(self.workflows)))}"
        share = "; shard {}/{}".format(*self.shard) if self.shard else ""
        return f"{what}; packages {self.taken}; status {' '.join(sorted(set(self.statuses)))}{share}"


def check(order: Order) -> None:
    """Refuse options that do not go together, or say too little.

    Raises:
        Refusal: they make no sense; the text says what to give.
        ConfigError: the name template could not be rendered for any kind of package, or a folder was given a spool.
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
    if order.no_keep_archive and not order.extract:
        raise Refusal("--no-keep-archive needs --extract: without it there would be nothing left")
    if where(order.to, order.spool).url is not None and order.extract:
        raise Refusal("--extract unpacks into folders of this machine alone, not into an object store")
    if order.sizes and not order.dry_run:
        raise Refusal("--sizes goes with --dry-run; without it the packages are fetched")
    if order.name is not None:
        check_template(order.name, order.fields)
    values = (*order.workflows, order.project, order.manifest)
    if any(value is not None and not value.strip() for value in values):
        raise Refusal(f"{given[0]} is empty; `pixxel workflows` lists ids")
