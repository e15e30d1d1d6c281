"""Link safety: which signed links may be opened."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async._http.rules import link_safety
from pixxel_async._http.rules.link_safety import forbidden_reason, next_hop, unsafe_reason
from pixxel_async._protocol.hosts import literal_address

SIGNATURE = "X-Amz-Signature=5ecre7"

REFUSED = [
    "",
    "file:///etc/passwd",
    "ftp://host.example/a",
    "data:text/plain,hi",
    "javascript:alert(1)",
    "/relative",
    "//host.example/a",
    "https:///nohost",
    "https://user:pw@host.example/a",
    "https://host.example@evil.example/a",
    "https://host.example:99999/a",
    "https://host.example:0/a",
    "https://[::1/a",
    "https://host.example/a b",
    "https://host.example/a\r\nX: y",
    "https://host.example/a\x00",
    "https://host.example\\@evil.example/",
    "https://１２７.0.0.1/a",
    "https://host.example/" + "a" * 100_000,
    "http://host.example/a",
    "https://127.0.0.1/a",
    "https://127.1/a",
    "https://2130706433/a",
    "https://0x7f000001/a",
    "https://0177.0.0.1/a",
    "https://0.0.0.0/a",
    "https://169.254.169.254/latest",
    "https://[fd00:ec2::254]/latest",
    "https://[fe80::1]/a",
    "https://[::1]/a",
    "https://[::ffff:127.0.0.1]/a",
    "https://[64:ff9b::7f00:1]/a",
    "https://[2002:7f00:1::]/a",
    "https://[::]/a",
    "https://224.0.0.1/a",
    "https://100.100.100.200/a",
]


@pytest.mark.fault("E-01")
@pytest.mark.parametrize("url", REFUSED, ids=lambda url: url[:40])
def test_refused(url: str) -> None:
    """A URL that no package can have is refused, and the reason quotes nothing of it."""
    reason = unsafe_reason(url + ("?" + SIGNATURE if url else ""), loopback=False)
    assert reason
    assert "5ecre7" not in reason and "pw" not in reason


@pytest.mark.parametrize(
    "url",
    [
        "https://bucket.s3.eu-central-1.amazonaws.com/a%2Fb+c~d?X-Amz-Signature=%2B%2F",
        "https://host_with_underscore.example./a",
        "https://8.8.8.8:8443/a",
        "https://10.0.0.7/a",
        "https://[2606:4700::1111]/a",
    ],
)
def test_accepted(url: str) -> None:
    """Links to real storage hosts are accepted, private networks included."""
    assert unsafe_reason(url, loopback=False) == ""


@pytest.mark.parametrize(
    "url", ["https://10.0.0.7/a", "https://192.168.1.1/a", "https://[fd12::1]/a", "https://100.64.0.1/"]
)
def test_private_networks_can_be_blocked(url: str) -> None:
    """With block_private links to private networks are refused."""
    assert "private" in unsafe_reason(url, loopback=False, block_private=True)


METADATA = [
    "169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254",
    "FD20:CE::254", "fd20:00ce:0::254", "fd00:c1::a9fe:a9fe", "fd00:42::42", "::ffff:168.63.129.16",
    "64:ff9b::a83f:8110", "2002:a83f:8110::1", "::168.63.129.16",
]  # fmt: skip


@pytest.mark.parametrize("address", METADATA)
@pytest.mark.parametrize("block_private", [False, True])
def test_metadata_services(address: str, block_private: bool) -> None:
    """Metadata services of clouds are refused in any spelling and wrapping, with or without block_private."""
    host = f"[{address}]" if ":" in address else address
    reason = unsafe_reason(f"https://{host}/latest", loopback=True, block_private=block_private)
    assert "metadata" in reason


SPECIAL = [
    "fec0::1", "::ffff:0:a00:1", "::ffff:0:8.8.8.8", "64:ff9b:1::1", "64:ff9b:1:a00:1::", "3fff::1", "3fff:fff::1",
    "5f00::1", "2001:db8::1", "2001:2::1", "2001:10::1", "2001:20::1", "100::1", "100:0:0:1::1", "4000::1", "fe00::1",
    "ff02::1", "2002:a9fe:101::", "2002:e000:1::", "2001:0:808:808::f5ff:fffe", "0.1.2.3", "192.0.0.8", "192.0.2.1",
    "198.51.100.1", "203.0.113.7", "240.0.0.1", "255.255.255.255", "::2",
]  # fmt: skip


@pytest.mark.parametrize("address", SPECIAL)
def test_special_ranges(address: str) -> None:
    """An address that is neither global unicast nor private is refused under any setting."""
    if address != "2001:0:808:808::f5ff:fffe":  # Teredo of 10.0.0.1, which is private
        assert forbidden_reason(ipaddress.ip_address(address), loopback=False)
    assert forbidden_reason(ipaddress.ip_address(address), loopback=False, block_private=True)


@pytest.mark.parametrize(
    "address",
    ["2a05:d07a:a000::1", "2600:1f18::1", "2404:6800::200e", "64:ff9b::808:808", "2002:808:808::1", "52.218.1.1"],
)
def test_global_addresses(address: str) -> None:
    """Global addresses are accepted with block_private, also as NAT64 and 6to4."""
    assert forbidden_reason(ipaddress.ip_address(address), loopback=False, block_private=True) == ""


@pytest.mark.fault("E-04")
def test_loopback_needs_an_api_on_loopback() -> None:
    """Plain http and loopback are accepted only for an API on loopback, and no other special address with them."""
    assert unsafe_reason("http://127.0.0.1:8080/a", loopback=True) == ""
    assert unsafe_reason("http://localhost:8080/a", loopback=True, block_private=True) == ""
    for url in ("http://host.example/a", "http://169.254.169.254/a", "https://169.254.169.254/a"):
        assert unsafe_reason(url, loopback=True)


@pytest.mark.fault("F-07")
def test_hops() -> None:
    """A redirect may be relative to the link before it; an invalid one is refused."""
    assert next_hop("https://host.example/a/b?x=1", "../c") == "https://host.example/c"
    assert next_hop("https://host.example/a", "https://other.example/d") == "https://other.example/d"
    for location in ("https://[::1", "a b", "\x7f"):
        assert next_hop("https://host.example/a", location) is None


@pytest.mark.fault("E-02")
@pytest.mark.slow
@given(st.ip_addresses())
def test_every_address_is_judged(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """Any address is judged without an exception, and a wrapped one like the address that it wraps."""
    reason = forbidden_reason(address, loopback=False)
    if address.version == 4:
        assert reason == forbidden_reason(ipaddress.ip_address(f"64:ff9b::{address}"), loopback=False)
        assert reason == forbidden_reason(ipaddress.ip_address(f"::ffff:{address}"), loopback=False)
    if address.is_loopback or address.is_link_local:
        assert reason


@pytest.mark.fault("E-01")
@pytest.mark.slow
@given(st.text(max_size=80) | st.text(max_size=40).map(lambda text: "https://" + text))
def test_any_text_is_a_link_or_refused(url: str) -> None:
    """Any text is either a safe https link or refused with a reason."""
    if unsafe_reason(url, loopback=False):
        return
    assert url.lower().startswith("https://") and url.isascii()
    assert literal_address("x") is None


def test_an_origin_is_checked_once_and_no_link_is_kept() -> None:
    """Links to one host share its check; what names a user, and path and query, are in no cache."""
    known = link_safety._bad_known_origin
    known.cache_clear()
    links = ["https://h.example/a?sig=1", "https://h.example/b?sig=2@x", "https://h.example#c", "https://h.example"]
    assert [unsafe_reason(link, loopback=False) for link in links] == [""] * 4
    assert unsafe_reason("https://user:secret@h.example/a", loopback=False) == "it names a user"
    assert unsafe_reason("https://127.0.0.1/a", loopback=False) == "its host is a loopback address"

    assert known.cache_info().currsize == 2
