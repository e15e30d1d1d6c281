"""Fixtures: an S3 server in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.downloads.conftest import client, ground, package, sandbox, tuning
from tests.integrations.bucket import Bucket

__all__ = ["bucket", "client", "ground", "package", "sandbox", "tuning"]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Return an empty bucket that the environment variables lead to."""
    with Bucket.served() as served:
        for name, value in served.environment.items():
            monkeypatch.setenv(name, value)
        yield served
