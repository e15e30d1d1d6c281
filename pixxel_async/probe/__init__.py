"""Probe a real account for what the vendor's pages leave open: `pixxel check --report`."""

from .probe import probe_service

__all__ = ["probe_service"]
