"""Probe a service with calls that change nothing except the packing of one named package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._http.reply import parse
from .._protocol.headers import http_date
from ..errors import APIError, PixxelError
from .rules import findings

if TYPE_CHECKING:
    from ..client import PixxelClient

_UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
_LARGE = 1_000_000
_FIRST = 1024


async def probe_service(client: PixxelClient, package: str = "") -> findings.Findings:
    """Find out how the service behaves where the vendor's pages are silent, as a sandbox profile.

    The findings hold no key, no link, no id and no name.

    Args:
        client: an open client.
        package: a package that is ready or can be packed, such as `job:WORKFLOW/JOB`; without it nothing is learned
            about packages and the storage.

    Raises:
        PixxelError: the key does not work, or the package is not available.
    """
    findings_so_far = await _ask_numbering(client) | await _ask_limit(client) | await _ask_refusal(client)
    findings_so_far |= {"auth_form": client.auth_form} if client.auth_form else {}
    if package:
        findings_so_far |= await _ask_package(client, package)
    return findings.as_profile(findings_so_far)


async def _get_json(client: PixxelClient, path: str, **query: Any) -> dict[str, Any]:
    """Return a response's JSON object; anything else is an empty one."""
    document = parse(await client.request("GET", path, query=query))
    return document if isinstance(document, dict) else {}


async def _ask_numbering(client: PixxelClient) -> findings.Findings:
    bare = await _get_json(client, "/v0/projects", page_size=1)
    first_page = await _get_json(client, "/v0/projects", page_size=1, page_num=1)
    return findings.derive_numbering(_ids(bare.get("projects")), _ids(first_page.get("projects")))


def _ids(rows: Any) -> list[str]:
    return [str(row.get("id")) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


async def _ask_limit(client: PixxelClient) -> findings.Findings:
    try:
        page = await _get_json(client, "/v0/workflows", limit=_LARGE)
    except APIError as error:
        return findings.derive_limit(_LARGE, error.status, None)
    pagination = page.get("pagination")
    named = pagination.get("limit") if isinstance(pagination, dict) else None
    return findings.derive_limit(_LARGE, 200, named if isinstance(named, int) else None)


async def _ask_refusal(client: PixxelClient) -> findings.Findings:
    try:
        await client.request("GET", f"/v0/orders/{_UNKNOWN_ID}")
    except APIError as error:
        return findings.derive_refusal(error.status, error.code, error.details)
    return {}


async def _ask_package(client: PixxelClient, package: str) -> findings.Findings:
    started = client.timing.clock()
    first = await client.packages.ask(package)
    words = {"pending": first.status} if not first.ready else {}
    ready = first if first.ready else await client.packages.wait(package)
    waited = client.timing.clock() - started
    facts: findings.Findings = {} if first.ready else {"packing": round(max(1.0, waited))}
    words["ready"] = ready.status
    if ready.link is not None:
        facts |= await _ask_link(client, ready.link.url, ready.link.expires_at)
        second = await client.packages.link(package, fresh=True)
        facts["same_link"] = second.url == ready.link.url
    return facts | await _ask_job(client, package, words)


async def _ask_link(client: PixxelClient, url: str, ends: Any) -> findings.Findings:
    async with client.storage.get(url, headers={"Range": f"bytes=0-{_FIRST - 1}"}) as reply:
        begins = await reply.peek(_FIRST)
        facts = findings.derive_object(reply.status, reply.headers, begins)
        now = http_date(reply.headers.get("date"))
    seconds_left = (ends - now).total_seconds() if ends is not None and now is not None else None
    return facts | findings.derive_link(url, seconds_left)


async def _ask_job(client: PixxelClient, package: str, words: dict[str, str]) -> findings.Findings:
    """Return the findings about a job package's job."""
    kind, _, ids = package.partition(":")
    if kind not in ("job", "task"):
        return findings.derive_words(words)
    workflow, job = ids.split("/")[:2]
    try:
        row = await _get_json(client, f"/v0/workflows/{workflow}/jobs/{job}")
    except PixxelError:
        return findings.derive_words(words)
    ended = words | {"completed": str(row.get("status") or "completed")}
    return findings.derive_job(row) | findings.derive_words(ended)
