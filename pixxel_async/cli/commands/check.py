"""`pixxel check`: test the API key and list the projects visible to it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import ConnectionFailed, DecodeError, Forbidden, KeyRefused
from .. import options
from ..errors import CommandError, exit_code_of, format_error
from ..output_file import write_output
from ..running import run
from ..session import Session
from ..show.rows import OutputFormat, show
from ..text import format_count, printable

if TYPE_CHECKING:
    from ...client import PixxelClient

COLUMNS = ("project_id", "name", "title", "org_id", "created_at")

_FORMS = {"raw": "sent as it is", "bearer": "sent as `Bearer …`", None: "in the configured form"}


_UNREACHABLE = "check the network, PIXXEL_BASE_URL (or base_url of the profile) and the proxy (HTTPS_PROXY)"


@click.command()
@options.sandbox
@options.output
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also probe the API's undocumented behaviour, and write it as a profile for the sandbox.",
)
@click.argument("package", required=False)
@click.pass_obj
def check(session: Session, sandbox: bool, form: OutputFormat, report: Path | None, package: str | None) -> int:
    """Test the API key and list the projects visible to it.

    stderr shows the key's source and the header form that works, stdout the projects. With --report and a PACKAGE such
    as job:WORKFLOW/JOB, that package is requested and its first bytes are read; the report holds no key, link, id or
    name.
    """
    if package and report is None:
        raise click.UsageError("PACKAGE is for --report FILE only")

    async def main() -> int:
        async with session.client(sandbox=sandbox) as client:
            await _check(client, form)
            if report is not None:
                answers.update(await probe_service(client, package or ""))
        return 0

    from ...probe import probe_service

    answers: dict[str, Any] = {}
    status = run(main)
    if report is not None:
        _write(report, answers)
    return status


async def _check(client: PixxelClient, form: OutputFormat) -> None:
    _print(f"API: {client.settings.base_url}")
    _print(f"key: from {client.settings.key_source}")
    try:
        projects = [project async for project in client.projects.list()]
    except (KeyRefused, Forbidden) as error:
        error.hint = "every valid key may list projects: it is mistyped, revoked, or belongs to another service"
        raise
    except (ConnectionFailed, DecodeError) as error:
        raise CommandError(f"{format_error(error, advice=False)}; {_UNREACHABLE}", exit_code_of(error)) from None
    _print(f"the key works, {_FORMS[client.auth_form]}; it sees {format_count(len(projects), 'project')}")
    if not projects:
        _print("a service account has to be added to a project before it sees anything")
    rows = [{"project_id": each.id} | {name: getattr(each, name) for name in COLUMNS[1:]} for each in projects]
    show(form, COLUMNS, rows, sys.stdout)


def _write(report: Path, answers: dict[str, Any]) -> None:
    write_output(report, (json.dumps(answers, indent=1, sort_keys=True) + "\n").encode())
    _print(
        f"{format_count(len(answers), 'answer')} written to {report}; try them with: pixxel sandbox --profile {report}"
    )


def _print(text: str) -> None:
    click.echo(printable(text), err=True)
