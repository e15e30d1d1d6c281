"""Sequential test of whether a repeated request restarts the packing.

Rule 1: only a proof makes a service steady: ready after a wait no longer than one that was in vain. A wrong guess would
    be expensive, as short waits at a service that restarts never end.
Rule 2: for caution a likelihood ratio is enough.
"""

from __future__ import annotations

import math

from attrs import define

__all__ = ["RestartTest"]

SUSPICION = 15.0
"""Log odds at which restarting is accepted: e^15, 3 million to 1; high, as early estimates are poor."""
SURPRISE = 0.01
"""Lower bound of each likelihood: one poll changes the log odds by at most ln 100 = 4.6."""


@define
class RestartTest:
    """State of the test for one service.

    Attributes:
        steady: whether it is proved that polling restarts nothing.
        suspicion: log odds that it does.
    """

    steady: bool = False
    suspicion: float = 0.0

    @property
    def likely(self) -> bool:
        """Whether polling seems to restart the packing."""
        return not self.steady and self.suspicion >= SUSPICION

    @property
    def open(self) -> bool:
        """Whether neither hypothesis is accepted."""
        return not self.steady and self.suspicion < SUSPICION

    def update(self, ready: bool, *, if_restarting: float, if_steady: float) -> bool:
        """Update the log odds by one poll, and return whether the service is steady.

        Args:
            ready: whether the package was ready.
            if_restarting: P(ready) if every request restarts the packing; 0 makes `ready` a proof of steadiness.
            if_steady: P(ready) if none does.
        """
        if ready and if_restarting <= 0.0:
            self.steady = True
        restarting, steady = (if_restarting, if_steady) if ready else (1.0 - if_restarting, 1.0 - if_steady)
        ratio = max(restarting, SURPRISE) / max(steady, SURPRISE)
        self.suspicion = max(self.suspicion + math.log(ratio), -SUSPICION)
        return self.steady
