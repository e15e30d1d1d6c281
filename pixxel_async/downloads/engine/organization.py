"""Bind the record to an organization, for all of its keys."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ...errors import ConfigError, PixxelError

if TYPE_CHECKING:
    from ...client import PixxelClient
    from ..record import Record

__all__ = ["OrganizationGuard"]


BUDGET = 5.0
"""Seconds that the check of the organization may take, retries included; chosen, for every package waits for it."""


class OrganizationGuard:
    """Learn the organization once, before the first package is requested.

    Args:
        client: the manager's own. One without a key serves many users' keys, and its record is of no organization.
    """

    def __init__(self, record: Record, client: PixxelClient) -> None:
        self._record = record
        self.client = client
        self._lock = asyncio.Lock()
        self._over = not client.settings.api_key

    def skip(self) -> None:
        """Skip the check: another process of the same run makes it."""
        self._over = True

    async def ensure(self) -> None:
        """Bind the record; do nothing if the organization cannot be found out.

        Raises:
            ConfigError: the record belongs to another organization.
        """
        if self._over:
            return
        async with self._lock:
            if not self._over:
                await self._bind()
                self._over = True

    async def _bind(self) -> None:
        try:
            async with asyncio.timeout(BUDGET):  # not anyio's: each manager starts here, and would load its event loop
                projects = await self.client.projects.list()
            organizations = {project.org_id for project in projects if project.org_id}
        except ConfigError:
            raise
        except (PixxelError, TimeoutError):
            return
        # ASSUMPTION: a key sees the projects of one organization; where it sees several, none is the record's own.
        if len(organizations) == 1:
            await self._record.bind(str(organizations.pop()))
