"""Notifications of workers: one at a time, none lost."""

from __future__ import annotations

import asyncio

from pixxel_async._aio.notify import Notifier


async def test_notifications_in_one_turn_wake_one_waiter() -> None:
    """Notifications before the woken waiter has run wake nobody else; it looks at all that came, and wakes the next."""
    notifier = Notifier(asyncio.sleep)
    waiters = [asyncio.create_task(notifier.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    for _ in range(3):
        notifier.notify()
    await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
    assert [waiter.done() for waiter in waiters] == [True, False, False]

    notifier.notify()
    await asyncio.wait(waiters[1:], return_when=asyncio.FIRST_COMPLETED)

    assert [waiter.done() for waiter in waiters] == [True, True, False]
    waiters[2].cancel()


async def test_a_cancelled_waiter_hands_its_notification_on() -> None:
    """A waiter that is cancelled once it was woken wakes the next; one that timed out is woken no more."""
    notifier = Notifier(asyncio.sleep)
    first, second = (asyncio.create_task(notifier.wait(seconds)) for seconds in (None, 20.0))
    await notifier.wait(0.001)
    notifier.notify()
    first.cancel()

    async with asyncio.timeout(15):
        await second
