"""Whether requests to an address go through a proxy: the environment says so, except for this machine itself."""

from __future__ import annotations

import ipaddress
import urllib.request
from urllib.parse import urlsplit

PROXY_STATES = frozenset(
    {"unreachable", "connection", "deadline", "not_json", "http_403", "http_407", "http_502", "http_503", "http_504"}
)
"""Failures that a proxy causes as easily as the endpoint behind it."""


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine, where no proxy has any business."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def find_proxy(url: str) -> str | None:
    """The proxy that requests to an address go through, as host and port and without its password; None without."""
    if is_loopback(url):
        return None
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(parts.netloc):
        return None
    return urlsplit(proxy if "://" in proxy else f"//{proxy}").netloc.rpartition("@")[2]


def explain_proxy(url: str) -> str:
    """What to say beside a failure that a proxy may have caused; nothing where there is none."""
    proxy = find_proxy(url)
    if proxy is None:
        return ""
    host = urlsplit(url).hostname
    return f" It was asked through the proxy {proxy}, which may be to blame: NO_PROXY={host} goes without it."
