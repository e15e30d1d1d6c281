"""Choice of the proxy for a request; credentials move from its URL into a header."""

from __future__ import annotations

import base64
import urllib.request
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit, urlunsplit

from attrs import field, frozen

from ...errors import ConfigError
from ...settings import HTTPSettings


@frozen
class Proxy:
    """A proxy's URL without credentials, and the headers that carry them."""

    url: str
    headers: Mapping[str, str] = field(factory=dict, repr=False)

    def add_headers(self, headers: Mapping[str, str], url: str) -> Mapping[str, str]:
        """Return the request's headers: over plain http the proxy reads them itself, https is tunnelled."""
        return {**headers, **self.headers} if url.startswith("http:") else headers


@frozen
class Proxies:
    """Proxies of one client: one for every URL, those of the environment by scheme, or none."""

    for_all: Proxy | None = None
    by_scheme: Mapping[str, Proxy] = field(factory=dict)
    unused: str = ""
    """Name of a proxy variable of the environment that is set and not used."""

    @classmethod
    def of(cls, http: HTTPSettings) -> Proxies:
        """Read the settings; the environment counts only with `http.trust_env`, a netrc file never."""
        if http.proxy:
            return cls(for_all=parse_proxy(http.proxy))
        system = urllib.request.getproxies()
        if not http.trust_env:
            return cls(unused=next((_variable(name) for name in ("https", "http", "all") if name in system), ""))
        every = {"http": system["all"], "https": system["all"]} if "all" in system else {}
        urls = {**every, **{name: url for name, url in system.items() if name in ("http", "https")}}
        return cls(
            by_scheme={
                name: parse_proxy(url, _variable(name if name in system else "all"))
                for name, url in urls.items()
                if url
            }
        )

    @property
    def hosts(self) -> frozenset[str]:
        """Hosts of all proxies."""
        used = [*self.by_scheme.values(), *([self.for_all] if self.for_all else [])]
        return frozenset(urlsplit(proxy.url).hostname or "" for proxy in used)

    def for_url(self, url: str) -> Proxy | None:
        """Return the proxy for a request; None for a direct connection."""
        if not self.by_scheme:
            return self.for_all
        parts = urlsplit(url)
        skipped = urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2])
        return None if skipped else self.by_scheme.get(parts.scheme)

    def describe(self, url: str) -> str:
        """Return words for an error: the proxy in use, or one of the environment that is not; empty without."""
        if (proxy := self.for_url(url)) is not None:
            return f" (through the proxy {proxy.url})"
        return f" ({self.unused} is set, but not used: http.trust_env=True uses it)" if self.unused else ""


def _variable(name: str) -> str:
    return f"{name.upper()}_PROXY"


def parse_proxy(url: str, source: str = "http.proxy") -> Proxy:
    """Parse a proxy's URL; raises `ConfigError`, which does not quote it, if it is invalid."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")  # HOST:PORT, as curl and pip take it
        port = parts.port
    except ValueError:
        parts, port = None, None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"{source} must be a URL such as http://proxy.example:3128, with http or https; SOCKS is not supported"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    bare = urlunsplit((parts.scheme, host if port is None else f"{host}:{port}", "", "", ""))
    if not parts.username:
        return Proxy(bare)
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(bare, {"Proxy-Authorization": "Basic " + base64.b64encode(pair.encode()).decode()})
