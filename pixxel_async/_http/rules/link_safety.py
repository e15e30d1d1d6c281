"""Checks of signed URLs against request forgery (SSRF): the URL itself, and the addresses of its host."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from urllib.parse import SplitResult, urljoin, urlsplit

from ..._protocol.hosts import Address, host_of, is_loopback, literal_address

LONGEST = 16_384
"""Most characters of a URL; the longest signed URLs of known storages have about 3,000."""

_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",  # AWS, Azure, Google, OpenStack, Oracle, DigitalOcean
            "169.254.170.2",  # AWS ECS
            "168.63.129.16",  # Azure
            "100.100.100.200",  # Alibaba
            "192.0.0.192",  # Oracle
            "fd00:ec2::254",  # AWS
            "fd20:ce::254",  # Google
            "fd00:c1::a9fe:a9fe",  # Oracle
            "fd00:42::42",  # Scaleway
        ),
    )
)
"""Metadata services of clouds, which hand out credentials; refused also where private networks are allowed."""
_PRIVATE_V4 = tuple(
    map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15"))
)
"""Private use, shared by carriers, and benchmarks, from which some VPN clients give every name an address."""
_SPECIAL_V4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.51.100.0/24",
            "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        ),
    )
)  # fmt: skip
"""IANA's special-purpose registry (RFC 6890): this network, link-local, protocol, documentation, relay,
multicast, reserved."""
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
"""Global unicast addresses, the only ones that are accepted besides unique local ones."""
_SPECIAL_V6 = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20")))
"""Within global unicast: protocol assignments (ORCHID, benchmarks, AMT) and documentation."""
_LOCAL_V6 = ipaddress.IPv6Network("fc00::/7")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_ORIGIN = re.compile(r"[^/?#@]*//[^/?#@]*(?=[/?#]|\Z)")
"""Scheme, host and port of a URL that names no user."""
_NUMERIC = re.compile(r"(?:[0-9]+|0[xX][0-9a-fA-F]*)")


def unsafe_reason(url: str, *, loopback: bool, block_private: bool = False) -> str:
    """Return why a URL is refused before anything is sent, since no package can have it; "" if it may be opened.

    Nothing is raised here: the frame holds the signed URL, and would be in the traceback.

    Args:
        loopback: whether the API itself is on loopback, so that its storage may be, too, over plain http.
        block_private: whether addresses of private networks are refused.
    """
    if reason := _bad_text(url):
        return reason
    origin = _ORIGIN.match(url)
    if origin is None:
        return _bad_origin(url, loopback, block_private)
    return _bad_known_origin(origin[0], loopback, block_private)


def _bad_origin(origin: str, loopback: bool, block_private: bool) -> str:
    """Return why no URL of this scheme, host and port is opened."""
    if reason := _bad_parts(origin, loopback):
        return reason
    address = literal_address(host_of(origin))
    reason = "" if address is None else forbidden_reason(address, loopback=loopback, block_private=block_private)
    return reason and f"its host is {reason}"


_bad_known_origin = lru_cache(256)(_bad_origin)
"""The same, computed once for each origin; it keeps no path and no query."""


def next_hop(url: str, location: str) -> str | None:
    """Resolve the Location of a redirect, which may be relative to `url`; None if it is no link."""
    if _bad_text(location):
        return None
    try:
        return urljoin(url, location)
    except ValueError:
        return None


def forbidden_reason(address: Address, *, loopback: bool, block_private: bool = False) -> str:
    """Return why a URL may not lead to this address, or an empty text.

    An address is accepted if it is global unicast and in no special range, or in a private network and those are not
    blocked. One that holds an IPv4 address is judged as that.
    """
    inner = _embedded_address(address)
    if inner.is_loopback:
        return "" if loopback else "a loopback address"
    if inner in _METADATA or inner.is_link_local:
        return "a link-local or metadata address"
    if isinstance(inner, ipaddress.IPv4Address):
        private, special = any(inner in net for net in _PRIVATE_V4), any(inner in net for net in _SPECIAL_V4)
    else:
        private = inner in _LOCAL_V6
        special = not private and (inner not in _GLOBAL_V6 or any(inner in net for net in _SPECIAL_V6))
    if special:
        return "not the address of a machine"
    return "in a private network" if private and block_private else ""


def _bad_text(url: str) -> str:
    if not url or len(url) > LONGEST:
        return f"it has {len(url)} characters"
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "it contains blanks, control characters, backslashes or non-ASCII letters"
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
    if _is_odd_number(host):
        return "its host is a number that is not a plain address"
    return _bad_scheme(parts, host, loopback)


def _bad_scheme(parts: SplitResult, host: str, loopback: bool) -> str:
    if parts.scheme == "https" or (parts.scheme == "http" and loopback and is_loopback(host)):
        return ""
    return "it is not https"


def _is_odd_number(host: str) -> bool:
    return literal_address(host) is None and _NUMERIC.fullmatch(host.rsplit(".", 1)[-1]) is not None


def _embedded_address(address: Address) -> Address:
    """Unwrap the IPv4 address inside an IPv6 one: mapped, 6to4, Teredo, NAT64 or compatible.

    The local NAT64 prefix 64:ff9b:1::/48 and translated addresses (::ffff:0:0:0/96) are not unwrapped: they are no
    global unicast addresses, and refused.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if (wrapped := address.ipv4_mapped or address.sixtofour) is not None:
        return wrapped
    if address.teredo:
        return address.teredo[1]
    wraps = address in _NAT64 or (address in _COMPATIBLE and int(address) > 0xFFFF)
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if wraps else address
