"""Waiting: one broker per client asks for everything that is waited for."""

from __future__ import annotations

from .._http.resource import Verdict
from .broker import Broker
from .listener import Told
from .rules.words import plain, verdict

__all__ = ["Broker", "Told", "Verdict", "plain", "verdict"]
