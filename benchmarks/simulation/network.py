"""The simulated network: bodies that share a line, over as many connections as a policy gives them."""

from __future__ import annotations

import math

from attrs import define, field

from .policies import Policy, Work
from .regime import Regime

__all__ = ["Network"]


@define(eq=False)
class _Body:
    work: Work
    left: float
    began: float
    lines: int = 1
    split: bool = False


@define(eq=False)
class Network:
    """Connections share the line equally up to their cap; a body may have several.

    Args:
        regime: the bandwidth, the cap and the streams.
        policy: says how many connections a body deserves.
        settling: seconds until the rate of a new body is known.
    """

    regime: Regime
    policy: Policy
    settling: float
    _bodies: list[_Body] = field(init=False, factory=list)

    def begin(self, work: Work, now: float) -> None:
        """Begin a body over one connection, taken from others if necessary."""
        self._bodies.append(_Body(work, work.package.size, now))
        self._give_up()

    def next_event(self, now: float) -> float:
        """Return the time when a body ends or its rate becomes known."""
        rate = self._rate()
        ends = (now + max(body.left, 0.0) / (rate * body.lines) for body in self._bodies)
        settled = (body.began + self.settling for body in self._bodies if body.began + self.settling > now)
        return min((*ends, *settled), default=math.inf)

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        rate = self._rate()
        for body in self._bodies:
            body.left -= rate * body.lines * seconds

    def ended(self) -> list[Work]:
        """Return the bodies that have ended."""
        done = [body for body in self._bodies if body.left <= 1e-6]
        self._bodies = [body for body in self._bodies if body.left > 1e-6]
        return [body.work for body in done]

    def split(self, now: float) -> None:
        """Give free connections to bodies with a known rate; each asks once."""
        rate = self._rate()
        for body in self._bodies:
            spare = self.regime.streams - self._lines()
            if spare > 0 and not body.split and now >= body.began + self.settling - 1e-9:
                body.lines = self.policy.lines(body.work, left=body.left, rate=rate, spare=spare)
                body.split = body.lines > 1

    def _give_up(self) -> None:
        while self._lines() > self.regime.streams:
            most = max(self._bodies, key=lambda body: body.lines)
            if most.lines == 1:
                return
            most.lines -= 1

    def _lines(self) -> int:
        return sum(body.lines for body in self._bodies)

    def _rate(self) -> float:
        return min(self.regime.cap, self.regime.bandwidth / self._lines()) if self._bodies else 0.0
