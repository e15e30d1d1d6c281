"""Hints for objects that are opened by `async with` alone."""

from __future__ import annotations

from typing import ClassVar, NoReturn

__all__ = ["AsyncWithOnly"]


class AsyncWithOnly:
    """Answer `with` and `await`, which Python's own errors explain badly, with the line to write.

    Attributes:
        _usage: that line, such as "`async with PixxelClient() as client:`".
    """

    _usage: ClassVar[str]

    def __enter__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is opened by {self._usage}, inside an `async def`")

    def __exit__(self, *_: object) -> None:
        """Never reached."""

    def __await__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is not awaited: write {self._usage}")
