"""Export last month's completed jobs of a workflow: `python examples/export_jobs.py WORKFLOW FOLDER > outcomes.csv`."""

import asyncio
import csv
import sys
from datetime import UTC, datetime, timedelta

from pixxel_async import Downloaded, DownloadManager, Failed, PixxelClient


async def main(workflow_id: str, folder: str) -> int:
    since = datetime.now(UTC) - timedelta(days=31)
    table = csv.writer(sys.stdout)
    failures = 0
    async with PixxelClient() as client, DownloadManager(client, folder) as manager:
        jobs = client.jobs.list(workflow_id, status="completed")
        recent = [job async for job in jobs if job.finished_at and job.finished_at >= since]
        async with manager.fetch_all(recent) as outcomes:
            async for outcome in outcomes:
                match outcome:
                    case Downloaded():
                        table.writerow([outcome.package, "downloaded", outcome.path, outcome.size, outcome.sha256])
                    case Failed():
                        failures += 1
                        table.writerow([outcome.package, "failed", outcome.error, "", ""])
    return 3 if failures else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:3])))
