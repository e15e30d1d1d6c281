"""Export last month's completed jobs: `python examples/export_jobs.py WORKFLOW FOLDER > outcomes.csv`; exits with 3 if
one failed. Run it again, after a failure or next month: what is there already is not fetched twice."""

import asyncio
import csv
import sys
from datetime import UTC, datetime, timedelta

from pixxel_async import DownloadManager, Failed, PixxelClient


async def main(workflow_id: str, folder: str) -> int:
    since = datetime.now(UTC) - timedelta(days=31)
    table = csv.writer(sys.stdout)
    table.writerow(["package", "outcome", "path_or_error"])
    failures = 0
    async with PixxelClient() as client, DownloadManager(client, folder) as manager:
        jobs = client.jobs.list(workflow_id, status="completed")
        recent = (job async for job in jobs if job.finished_at and job.finished_at >= since)
        async with manager.fetch_all(recent) as outcomes:
            async for outcome in outcomes:
                failures += isinstance(outcome, Failed)
                result = outcome.error if isinstance(outcome, Failed) else outcome.path
                table.writerow([outcome.package, type(outcome).__name__.lower(), result])
    return 3 if failures else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
