"""Every status with every kind of body and repeat class, without a network."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aioresponses import aioresponses

from pixxel_async import APIError, OutcomeUnknown
from pixxel_async._http.call import Call, Operation, Repeat
from pixxel_async._http.reply import Reply
from tests.support.clients import client_for
from tests.support.mocked_responses import mock_response

URL = "https://api.pixxel.space/v0/things"
STATUSES = (200, 201, 202, 204, 206, 300, 301, 304, 307, 400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 418, 422)
STATUSES += (425, 429, 451, 500, 501, 502, 503, 504, 507, 520, 599)
BODIES: dict[str, dict[str, Any]] = {
    "envelope": {"payload": {"error": {"code": "c", "message": "told"}}},
    "page": {"body": "<html><title>told</title></html>", "content_type": "text/html"},
    "nothing": {"body": ""},
    "list": {"payload": ["told"]},
    "png by name": {"payload": {"error": {"message": "told"}}, "content_type": "image/png"},
}


@pytest.mark.fault("B-08")
@pytest.mark.slow
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("repeat", ["safe", "once", "paid"])
async def test_every_status(body: str, repeat: Repeat) -> None:
    """Any status and body ends in a reply or in one of our errors that knows the status."""
    call = Call(Operation("things.make", "POST", "/v0/things", repeat, "client.things.list()"), body={})
    async with client_for("https://api.pixxel.space", **{"retry.max_attempts": 1}) as client:
        for status in STATUSES:
            with aioresponses() as answers:
                mock_response(answers, "POST", URL, status=status, **BODIES[body])
                [result] = await asyncio.gather(client._sender.call(call), return_exceptions=True)
            unknown = repeat != "safe" and (status >= 500 or status == 408)
            if status < 300:
                assert isinstance(result, Reply) and result.status == status
            else:
                assert isinstance(result, OutcomeUnknown if unknown else APIError), status
                assert result.__context__ is None
                assert unknown or result.status == status  # type: ignore[union-attr]


async def test_a_message_is_found() -> None:
    """The error message is found in a body of any form."""
    for name, body in BODIES.items():
        async with client_for("https://api.pixxel.space") as client:
            with aioresponses() as answers:
                mock_response(answers, "GET", URL, status=404, **body)
                with pytest.raises(APIError) as caught:
                    await client.request("GET", "/v0/things")
        assert ("told" in caught.value.message) == (name != "nothing"), name
