"""Reading the whole of an API's answer, within its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ConnectionFailed, DecodeError
from ..settings import HTTPSettings
from .call import Broken
from .rules.limits import too_large

if TYPE_CHECKING:
    from .answer import Answer


async def whole(answer: Answer, operation: str, http: HTTPSettings) -> bytes | Broken:
    """The body; of an error as much as comes within limits of its own."""
    if answer.status >= 300:
        return await answer.start(http.max_error_body)
    announced = answer.headers.get("content-length", "")
    if announced and not announced.isdecimal():
        return Broken("body", ConnectionFailed(f"the answer to {operation} is not HTTP: its length is no number"))
    reason = too_large(int(announced or 0), 0, http.max_answer)
    blocks: list[bytes] = []
    size = 0
    while not reason:
        block = await answer.read()
        if isinstance(block, Broken):
            return block
        if not block:
            return b"".join(blocks)
        blocks.append(block)
        size += len(block)
        reason = too_large(size, answer.raw_size, http.max_answer)
    text = f"the answer to {operation} {reason}; ask for smaller pages or raise http.max_answer"
    return Broken("body", DecodeError(text, status=answer.status, operation=operation))
