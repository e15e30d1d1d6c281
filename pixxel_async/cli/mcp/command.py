"""`pixxel mcp`: serve the API to a language model over the Model Context Protocol."""

from __future__ import annotations

from pathlib import Path

import click

from .. import options
from ..errors import CommandError, Exit
from ..running import run
from ..session import Session


@click.command()
@click.option(
    "--to", metavar="FOLDER", type=options.LocationType(), help="Folder for packages; without it none is fetched."
)
@click.option("--allow-paid", is_flag=True, help="Offer operations that cost tokens, each after a dry run.")
@options.sandbox
@click.pass_obj
def mcp(session: Session, to: Path | None, allow_paid: bool, sandbox: bool) -> int:
    """Serve the API as tools of the Model Context Protocol.

    A protocol client starts it with the key in PIXXEL_API_KEY_FILE, and calls the operations as tools. Operations that
    cost tokens are offered with --allow-paid only: a call without confirmation returns the price and a confirmation,
    with which the same call is carried out once. No key and no signed link is in any result. Needs the extra `mcp`.
    """
    try:
        from .server import ToolServer, serve
    except ImportError as error:
        raise CommandError(f"pixxel mcp needs the extra: pip install 'pixxel-async[mcp]' ({error})") from None

    async def main() -> int:
        async with session.client(sandbox=sandbox) as client:
            await serve(ToolServer(client, allow_paid=allow_paid, folder=to))
        return Exit.DONE

    return run(main)
