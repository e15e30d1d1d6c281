"""`pixxel sandbox`: serve a simulated API until Ctrl-C."""

from __future__ import annotations

import asyncio
from typing import Literal

import click

from ..errors import Exit, Interrupted
from ..running import run
from ..session import SEED

Time = Literal["real", "manual"]


@click.command()
@click.option("--seed", type=int, default=SEED, show_default=True, help="Seed of the random data.")
@click.option(
    "--profile",
    "answers",
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
def sandbox(seed: int, answers: str, scenario: str | None, clock: Time, port: int) -> int:
    """Serve a simulated API on this machine.

    It needs no account and has random data. stdout gets its address and key as shell assignments. Open the address in
    a browser for its contents and its log of requests.
    """
    try:
        return run(lambda: _serve(seed, answers, scenario, clock, port))
    except Interrupted:
        return Exit.DONE


async def _serve(seed: int, answers: str, scenario: str | None, clock: Time, port: int) -> int:
    from ...sandbox import Sandbox

    async with Sandbox(seed=seed, profile=answers, scenario=scenario, clock=clock, port=port) as served:
        click.echo(f"export PIXXEL_BASE_URL={served.url}\nexport PIXXEL_API_KEY={served.api_key}")
        click.echo("serving until Ctrl-C; run the two lines above in another shell", err=True)
        await asyncio.Event().wait()
    return Exit.DONE
