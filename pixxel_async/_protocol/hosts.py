"""Hosts of URLs: names, literal addresses, loopback."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def host_of(url: str) -> str:
    """Return the host of a URL, without brackets and trailing dot; raises `ValueError` if it cannot be read."""
    return (urlsplit(url).hostname or "").rstrip(".")


def literal_address(host: str) -> Address | None:
    """Parse a host that is an IP address; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine's loopback."""
    address = literal_address(host)
    return address.is_loopback if address is not None else host == "localhost" or host.endswith(".localhost")
