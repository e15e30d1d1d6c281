"""`pixxel sandbox`: an API of our own, served until Ctrl-C."""

from __future__ import annotations

import asyncio
from typing import Literal

import click

from .errors import Exit, Interrupted
from .running import run
from .session import SEED

Answers = Literal["literal", "realistic"]


@click.command()
@click.option("--seed", type=int, default=SEED, show_default=True, help="The same seed, the same data.")
@click.option(
    "--profile",
    "answers",
    type=click.Choice(["literal", "realistic"]),
    default="literal",
    show_default=True,
    help="Answers as documented, or with what a real service sends besides.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on; a free one unless given.")
def sandbox(seed: int, answers: Answers, port: int) -> int:
    """Serve an API of our own on this machine.

    It needs no account and has made-up data. stdout gets its address and key as shell assignments.
    """
    try:
        return run(lambda: _serve(seed, answers, port))
    except Interrupted:
        return Exit.DONE


async def _serve(seed: int, answers: Answers, port: int) -> int:
    from ..sandbox import Sandbox

    async with Sandbox(seed=seed, profile=answers, port=port) as served:
        click.echo(f"export PIXXEL_BASE_URL={served.url}\nexport PIXXEL_API_KEY={served.api_key}")
        click.echo("serving until Ctrl-C; use the two lines above in another shell", err=True)
        await asyncio.Event().wait()
    return Exit.DONE
