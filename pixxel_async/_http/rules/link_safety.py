"""Checks of signed URLs against request forgery (SSRF): the URL itself, and the addresses of its host."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urljoin, urlsplit

from ..._protocol.hosts import Address, host_of, is_loopback, literal

LONGEST = 16_384
"""Most characters of a URL; the longest signed URLs of known storages have about 3,000."""

_METADATA = frozenset(map(ipaddress.ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192")))
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_CARRIER = ipaddress.IPv4Network("100.64.0.0/10")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_NUMERIC = re.compile(r"(?:[0-9]+|0[xX][0-9a-fA-F]*)")


def unsafe_reason(url: str, *, loopback: bool, block_private: bool = False) -> str:
    """Return why a URL is refused before anything is sent, since no package can have it; "" if it may be opened.

    Nothing is raised here: the frame holds the signed URL, and would be in the traceback.

    Args:
        loopback: whether the API itself is on loopback, so that its storage may be, too, over plain http.
        block_private: whether addresses of private networks are refused.
    """
    if reason := _bad_text(url) or _bad_parts(url, loopback):
        return reason
    address = literal(host_of(url))
    reason = "" if address is None else forbidden_reason(address, loopback=loopback, block_private=block_private)
    return reason and f"its host is {reason}"


def next_hop(url: str, location: str) -> str | None:
    """Resolve the Location of a redirect, which may be relative to `url`; None if it is no link."""
    if _bad_text(location):
        return None
    try:
        return urljoin(url, location)
    except ValueError:
        return None


def forbidden_reason(address: Address, *, loopback: bool, block_private: bool = False) -> str:
    """Return why a URL may not lead to this address, or an empty text."""
    inner = _inner(address)
    if inner.is_loopback:
        return "" if loopback else "a loopback address"
    if inner in _METADATA or inner.is_link_local:
        return "a link-local or metadata address"
    if inner.is_unspecified or inner.is_multicast or (inner.version == 4 and inner.is_reserved):
        return "no address of a machine"
    if block_private and (not inner.is_global or inner in _CARRIER):
        return "in a private network"
    return ""


def _bad_text(url: str) -> str:
    if not url or len(url) > LONGEST:
        return f"it has {len(url)} characters"
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "it holds blanks, control characters, backslashes or letters beyond ASCII"
    return ""


def _bad_parts(url: str, loopback: bool) -> str:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        _ = parts.port
    except ValueError:
        return "host or port cannot be read"
    if "@" in parts.netloc:
        return "it names a user"
    if not host or not re.fullmatch(r"[A-Za-z0-9._:-]+", host) or parts.port == 0:
        return "host or port cannot be read"
    if _odd_number(host):
        return "its host is a number that is no plain address"
    return _bad_scheme(parts, host, loopback)


def _bad_scheme(parts: SplitResult, host: str, loopback: bool) -> str:
    if parts.scheme == "https" or (parts.scheme == "http" and loopback and is_loopback(host)):
        return ""
    return "it is not https"


def _odd_number(host: str) -> bool:
    return literal(host) is None and _NUMERIC.fullmatch(host.rsplit(".", 1)[-1]) is not None


def _inner(address: Address) -> Address:
    """Unwrap the IPv4 address inside an IPv6 one: mapped, 6to4, Teredo, NAT64 or compatible."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour or address
    if address.teredo:
        return address.teredo[1]
    wraps = any(address in network for network in _NAT64) or (address in _COMPATIBLE and int(address) > 0xFFFF)
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if wraps else address
