"""Whether asking again begins the packing anew: no answer says so, thus every answer is held against both.

Rule 1: only a proof makes a service steady: ready after a wait no longer than one that was in vain before. A guess
    would be dear: short waits at a service that restarts never end.
Rule 2: to be wary less will do: what would have been likelier of a service that restarts, by what is known of delays.
"""

from __future__ import annotations

import math

from attrs import define

__all__ = ["RestartTest"]

SUSPICION = 15.0
"""Logarithm of the odds at which a service is taken for one that restarts; high, for early beliefs are often wrong."""
SURPRISE = 0.01
"""Likelihoods count as no less: one answer alone says little while delays are hardly known."""


@define
class RestartTest:
    """What is known of one service.

    Attributes:
        steady: whether it is proved that asking again restarts nothing.
        suspicion: logarithm of the odds that it does.
    """

    steady: bool = False
    suspicion: float = 0.0

    @property
    def likely(self) -> bool:
        """Whether asking again seems to restart the packing."""
        return not self.steady and self.suspicion >= SUSPICION

    @property
    def open(self) -> bool:
        """Whether nothing is known either way."""
        return not self.steady and self.suspicion < SUSPICION

    def answered(self, ready: bool, *, if_restarting: float, if_steady: float) -> bool:
        """An answer to a request that was not the first.

        Args:
            if_restarting: how likely it was ready if every request restarts the packing; 0 proves what is ready.
            if_steady: the same if none does.

        Returns:
            whether the service is steady.
        """
        if ready and if_restarting <= 0.0:
            self.steady = True
        one, other = (if_restarting, if_steady) if ready else (1.0 - if_restarting, 1.0 - if_steady)
        ratio = max(one, SURPRISE) / max(other, SURPRISE)
        self.suspicion = max(self.suspicion + math.log(ratio), -SUSPICION)
        return self.steady
