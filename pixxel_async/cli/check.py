"""`pixxel check`: does the key work, and what may it see?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from . import options
from .output import Form, show
from .plain import many, printable
from .running import run
from .session import Session

if TYPE_CHECKING:
    from ..client import PixxelClient
    from ..models import Project

COLUMNS = ("project_id", "name", "title", "org_id", "created_at")

_FORMS = {"raw": "sent as it is", "bearer": "sent as `Bearer …`", None: "in the form that was set"}


@click.command()
@options.sandbox
@options.output
@click.pass_obj
def check(session: Session, sandbox: bool, form: Form) -> int:
    """Test the key and show what it sees.

    stderr tells where the key came from and which form of it works, stdout gets the projects.
    """

    async def main() -> int:
        async with session.client(sandbox=sandbox) as client:
            await _check(client, form)
        return 0

    return run(main)


async def _check(client: PixxelClient, form: Form) -> None:
    _say(f"API: {client.settings.base_url}")
    _say(f"key: from {client.settings.key_source}")
    projects = [project async for project in client.projects.list()]
    _say(f"the key works, {_FORMS[client.auth_form]}; it sees {many(len(projects), 'project')}")
    if not projects:
        _say("a service account has to be added to a project before it sees anything")
    show(form, COLUMNS, [_row(project) for project in projects], sys.stdout)


def _row(project: Project) -> dict[str, object]:
    return {"project_id": project.id} | {name: getattr(project, name) for name in COLUMNS[1:]}


def _say(text: str) -> None:
    click.echo(printable(text), err=True)
