"""Run the whole API in one process, for tests, demonstrations and rehearsals: no account, no network, no cost."""

from .clock import Clock
from .http.faults import Fault
from .server import Sandbox

__all__ = ["Clock", "Fault", "Sandbox"]
