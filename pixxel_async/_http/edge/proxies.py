"""Which proxy a request takes; its credentials leave the URL and become a header."""

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
    """A proxy without credentials in its URL, and the headers that carry them."""

    url: str
    headers: Mapping[str, str] = field(factory=dict, repr=False)

    def added(self, headers: Mapping[str, str], url: str) -> Mapping[str, str]:
        """A request's headers: one over plain http is read by the proxy itself, one over https is tunnelled."""
        return {**headers, **self.headers} if url.startswith("http:") else headers


@frozen
class Proxies:
    """The proxies of one client: one for all, those of the environment by scheme, or none."""

    one: Proxy | None = None
    by_scheme: Mapping[str, Proxy] = field(factory=dict)

    @classmethod
    def of(cls, http: HTTPSettings) -> Proxies:
        """What the settings say; the environment counts only with `http.trust_env`, a netrc file never."""
        if http.proxy:
            return cls(one=parse_proxy(http.proxy))
        if not http.trust_env:
            return cls()
        found = urllib.request.getproxies()
        return cls(by_scheme={scheme: parse_proxy(url) for scheme, url in found.items() if scheme in ("http", "https")})

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts of all of them."""
        used = [*self.by_scheme.values(), *([self.one] if self.one else [])]
        return frozenset(urlsplit(proxy.url).hostname or "" for proxy in used)

    def for_url(self, url: str) -> Proxy | None:
        """The proxy for this request."""
        if not self.by_scheme:
            return self.one
        parts = urlsplit(url)
        skipped = urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2])
        return None if skipped else self.by_scheme.get(parts.scheme)


def parse_proxy(url: str) -> Proxy:
    """A proxy's URL taken apart; raises `ConfigError`, without the URL, when it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = None, None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError("http.proxy must be a URL such as http://proxy.example:3128")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    bare = urlunsplit((parts.scheme, host if port is None else f"{host}:{port}", "", "", ""))
    if not parts.username:
        return Proxy(bare)
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(bare, {"Proxy-Authorization": "Basic " + base64.b64encode(pair.encode()).decode()})
