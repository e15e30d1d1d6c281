"""Random histories of a folder: runs, faults, cancellations, two runs at once, files changed or deleted in between.

After each step every file at a package's name is that package, or is what this test put there; at the end one
undisturbed run completes the folder. `python -m tests.faults --runs 500 --seed 1000` tries as many as wanted.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import DownloadManager, Failed, JobPackage, PixxelClient, PixxelError
from pixxel_async.downloads import verify_folder, write_sums
from pixxel_async.sandbox import Sandbox
from tests.faults.random_plans import SIZE, plan, seeds, settings
from tests.support.ground_truth import GroundTruth, collect, part_bytes, sha256, visible

STEPS = 14


class Life:
    """One folder, the random steps applied to it, and what must be in it.

    Attributes:
    foreign: content that this test wrote at package names and that must stay, by path.
    harmed: files of packages that this test changed, and a run may mend.
    """

    def __init__(self, ground: GroundTruth, truth: dict[JobPackage, str], folder: Path, dice: random.Random) -> None:
        self.ground, self.truth, self.folder, self.dice = ground, truth, folder, dice
        self.foreign: dict[Path, bytes] = {}
        self.harmed: dict[Path, str] = {}

    def path(self, package: JobPackage) -> Path:
        return self.folder / package.workflow_id / f"{package.job_id}.zip"

    def some(self) -> list[JobPackage]:
        """Return one to five packages in any order, possibly repeated."""
        return self.dice.choices(self.ground.packages, k=self.dice.randint(1, 5))

    def files(self) -> list[Path]:
        """Return the intact files of packages."""
        there = [self.path(package) for package in self.truth]
        return [path for path in there if path.exists() and path not in self.foreign and path not in self.harmed]

    async def run(self, **given: Any) -> None:
        """Export some packages and ignore its errors."""
        async with DownloadManager(self.ground.client, self.folder) as manager, asyncio.timeout(40):
            try:
                await collect(manager.fetch_all(self.some(), **given))
                if self.dice.random() < 0.5:
                    await write_sums(self.folder, manager.record)
            except PixxelError:
                pass

    async def plainly(self) -> None:
        await self.run()

    async def on_demand(self) -> None:
        await self.run(on_missing="redo", verify=self.dice.choice(("full", "structure", "size")))

    async def with_faults(self) -> None:
        for fault in plan(self.dice):
            self.ground.sandbox.inject(fault)
        await self.run(on_missing="redo")
        self.ground.sandbox.plan.clear()

    async def cancelled(self) -> None:
        task = asyncio.create_task(self.run(on_missing="redo", max_bandwidth=self.dice.choice((None, 2_000_000))))
        await asyncio.wait([task], timeout=self.dice.uniform(0.0, 0.4))
        task.cancel()
        await asyncio.wait([task])

    async def two_at_once(self) -> None:
        await asyncio.gather(self.run(on_missing="redo"), self.run())

    async def forgotten(self) -> None:
        delete = self.dice.random() < 0.7
        async with DownloadManager(self.ground.client, self.folder) as manager:
            package = self.dice.choice(self.ground.packages)
            known = await manager.forget(package, delete=delete)
        path = self.path(package)
        if known and path.exists():  # from now on it is foreign
            self.harmed.pop(path, None)
            self.foreign[path] = path.read_bytes()
        else:
            self.foreign.pop(path, None) if not path.exists() else None

    async def deleted(self) -> None:
        for path in self.files()[:1]:
            path.unlink()

    async def harm_a_file(self) -> None:
        """Change bytes, length and mtime of a recorded file."""
        async with DownloadManager(self.ground.client, self.folder) as manager:
            known = {self.folder / (row.name or "") async for row in manager.record.rows(self.folder, "done")}
        ours = [path for path in self.files() if path in known]
        for path in self.dice.sample(ours, k=min(1, len(ours))):
            data = bytearray(path.read_bytes())
            data[self.dice.randrange(len(data))] ^= 1
            path.write_bytes(data if self.dice.random() < 0.5 else data[:-5])
            os.utime(path, ns=(1, 1))
            self.harmed[path] = sha256(path)

    async def touched(self) -> None:
        for path in self.files()[:1]:
            os.utime(path, ns=(5, 5))

    async def foreign_file(self) -> None:
        path = self.path(self.dice.choice(self.ground.packages))
        if not path.exists() and not (self.folder / ".pixxel").exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"somebody's own")
            self.foreign[path] = b"somebody's own"

    async def verified(self) -> None:
        async with DownloadManager(self.ground.client, self.folder) as manager:
            wrong = {found.path async for found in verify_folder(self.folder, manager.record) if not found.ok}
        assert not wrong & set(self.files())

    def check(self) -> None:
        """Assert what must hold after each step."""
        for package, digest in self.truth.items():
            path = self.path(package)
            if path in self.foreign:
                assert path.read_bytes() == self.foreign[path], "a file that is not ours was touched"
            elif path.exists() and sha256(path) != self.harmed.get(path):
                self.harmed.pop(path, None)
                assert sha256(path) == digest, "a wrong file has a final name"
        names = {self.path(package).relative_to(self.folder).as_posix() for package in self.truth}
        assert set(visible(self.folder)) <= {*names, "SHA256SUMS"}

    async def ends_well(self) -> None:
        """Remove foreign files, then assert that one run fetches what is missing and mends what was harmed."""
        for path in self.foreign:
            path.unlink()
        async with DownloadManager(self.ground.client, self.folder) as manager:
            outcomes = await collect(manager.fetch_all(self.truth, on_missing="redo"))
        assert [outcome.error for outcome in outcomes if isinstance(outcome, Failed)] == []
        assert {package: sha256(self.path(package)) for package in self.truth} == self.truth
        assert part_bytes(self.folder) == 0

    @property
    def events(self) -> list[Callable[[], Awaitable[None]]]:
        return [
            self.plainly, self.on_demand, self.with_faults, self.with_faults, self.cancelled, self.cancelled,
            self.two_at_once, self.forgotten, self.deleted, self.harm_a_file, self.touched, self.foreign_file,
            self.verified,
        ]  # fmt: skip


@pytest.mark.fault("Q-06")
@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds())
async def test_random_lives(seed: int, tmp_path: Path) -> None:
    """No step leaves a wrong file or touches a foreign one, and the folder can always be completed."""
    dice = random.Random(f"life {seed}")
    async with (
        Sandbox(seed=seed, packing=0.02, package_size=SIZE) as sandbox,
        PixxelClient(settings=settings(sandbox)) as client,
    ):
        ground = await GroundTruth.survey(sandbox, client)
        life = Life(ground, {package: await ground.truth(package) for package in ground.packages}, tmp_path, dice)
        for _ in range(STEPS):
            await dice.choice(life.events)()
            life.check()
        await life.ends_well()
    sandbox.assert_key_only_at_api()
