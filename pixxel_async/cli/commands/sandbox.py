"""`pixxel sandbox`: serve a simulated API until Ctrl-C."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from ..._protocol.hosts import is_loopback
from ...settings.sources import read_key
from .. import options
from ..errors import CommandError, Exit, Interrupted
from ..running import run
from ..session import SEED


@click.command()
@click.option("--seed", type=int, default=SEED, show_default=True, help="Seed of the random data.")
@click.option(
    "--profile",
    "profile",
    metavar="NAME|FILE",
    default="literal",
    show_default=True,
    help="Responses as documented (literal), with undocumented members (realistic), or as described by a JSON file.",
)
@click.option(
    "--scenario",
    metavar="NAME|FILE",
    help="Faults: flaky-storage, rate-limited, expiring-links, maintenance, lost-answers, or a JSON file.",
)
@click.option(
    "--clock",
    type=click.Choice(["real", "manual"]),
    default="real",
    show_default=True,
    help="Real time, or time that only the buttons of the start page advance.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on [a free one].")
@click.option("--storage-port", type=click.IntRange(0, 65535), default=0, help="Port of the storage [a free one].")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--expose", is_flag=True, help="Confirm an address that other machines can reach; needs --key-file.")
@click.option(
    "--key-file", type=options.LocationType(dir_okay=False), metavar="FILE", help="File with the key to accept."
)
@click.option("--advertise", metavar="NAME", help="Host name in the address and in signed links [that of --host].")
def sandbox(expose: bool, host: str, key_file: Path | None, **settings: Any) -> int:
    """Serve a simulated API on this machine.

    It needs no account and has random data. stdout gets its address and key as shell assignments. Open the address in
    a browser for its contents and its log of requests. With --host it can be a service of other machines, as in a
    container: then it has the key of --key-file, and no page for browsers.
    """
    if not (expose or is_loopback(host)):
        raise CommandError(
            f"{host} can be reached from other machines; confirm it with --expose, and give a --key-file"
        )
    key = None if key_file is None else read_key(key_file).reveal()
    try:
        return run(lambda: _serve(show_key=key is None, host=host, api_key=key, **settings))
    except Interrupted:
        return Exit.DONE


async def _serve(*, show_key: bool, **settings: Any) -> int:
    """Serve until cancelled.

    Args:
        show_key: whether the key is printed; one from a file is not.
    """
    from ...sandbox import Sandbox

    async with Sandbox(**settings) as served:
        click.echo(f"export PIXXEL_BASE_URL={served.url}")
        if show_key:
            click.echo(f"export PIXXEL_API_KEY={served.api_key}")
        click.echo("serving until Ctrl-C; run the lines above in another shell", err=True)
        await asyncio.Event().wait()
    return Exit.DONE
