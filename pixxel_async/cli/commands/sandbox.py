"""`pixxel sandbox`: an API of our own, served until Ctrl-C."""

from __future__ import annotations

import asyncio
from typing import Literal

import click

from ..errors import Exit, Interrupted
from ..running import run
from ..session import SEED

Time = Literal["real", "manual"]


@click.command()
@click.option("--seed", type=int, default=SEED, show_default=True, help="The same seed, the same data.")
@click.option(
    "--profile",
    "answers",
    metavar="NAME|FILE",
    default="literal",
    show_default=True,
    help="Answers as documented (literal), with what a real service sends besides (realistic), or as a JSON file says.",
)
@click.option(
    "--scenario",
    metavar="NAME|FILE",
    help="What goes wrong: flaky-storage, rate-limited, expiring-links, maintenance, lost-answers, or a JSON plan.",
)
@click.option(
    "--clock",
    type=click.Choice(["real", "manual"]),
    default="real",
    show_default=True,
    help="Whether time passes by itself, or only by the buttons of the start page.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on; a free one unless given.")
def sandbox(seed: int, answers: str, scenario: str | None, clock: Time, port: int) -> int:
    """Serve an API of our own on this machine.

    It needs no account and has made-up data. stdout gets its address and key as shell assignments. A browser shows at
    that address what it holds and what it was asked.
    """
    try:
        return run(lambda: _serve(seed, answers, scenario, clock, port))
    except Interrupted:
        return Exit.DONE


async def _serve(seed: int, answers: str, scenario: str | None, clock: Time, port: int) -> int:
    from ...sandbox import Sandbox

    async with Sandbox(seed=seed, profile=answers, scenario=scenario, clock=clock, port=port) as served:
        click.echo(f"export PIXXEL_BASE_URL={served.url}\nexport PIXXEL_API_KEY={served.api_key}")
        click.echo("serving until Ctrl-C; use the two lines above in another shell", err=True)
        await asyncio.Event().wait()
    return Exit.DONE
