"""Random kills on a Dask cluster: no file is wrong or missing, hardly a byte is sent twice, the call rate is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="the extra dask is not installed")

from pixxel_async.sandbox import Sandbox
from tests.faults import cluster_kills
from tests.faults.random_plans import seeds


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", list(seeds())[:1] if len(seeds()) == 6 else seeds())
def test_kills_on_a_cluster(seed: int, tmp_path: Path) -> None:
    """Workers, the scheduler and the coordinator, which writes the record, are killed; each is started again."""
    with Sandbox(seed=seed, packing=0.05, package_size=30_000, job_seconds=0.0) as sandbox:
        jobs = [sandbox.add_job() for _ in range(120)]
        packages = [f"job:{job.workflow_id}/{job.id}" for job in jobs]
        toll = cluster_kills.run(sandbox, packages, tmp_path, seed=seed, workers=2, kills=5, rate=20.0)
        sandbox.assert_key_only_at_api()
    assert toll.killed.total() == 5
    assert toll.wrong == []
    assert toll.twice <= 0.02
    assert toll.rate <= 22
    for log in tmp_path.glob("*.log"):
        assert sandbox.api_key.encode() not in log.read_bytes()
