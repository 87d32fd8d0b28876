"""The client's rules that need no network: when to retry, which proxy and certificates to use, what to keep open.

requests would read the proxy and certificate variables itself, from the process's environment. That environment is passed
down explicitly here (`Environment`), and its rules differ in two points: requests sends loopback through a proxy unless
NO_PROXY says otherwise, and it supports SOCKS, whose sockets do not show if a request was sent.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from tokensh.api.hosts import Target
from tokensh.environment import Environment, import_or_none
from tokensh.errors import InterfaceError

RETRY_DELAYS = (0.3, 0.9)
"""Seconds before the second and the third attempt of a GET, unless the server asks for others."""
REFUSED_DELAYS = (0.3, 0.9, 2.0, 4.0, 8.0)
"""Seconds before the next attempts of a write that the server put off; more than for a GET, for to give up costs more."""
MAX_RETRY_DELAY = 60.0
"""Seconds; a request is not repeated for a server that asks for a longer wait."""
_RETRIED_STATUSES = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
_PUT_OFF_CODES = ("TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED")
"""Error codes with which the API says, with status 503, that it did nothing yet."""


def is_put_off(status: int, code: str, retry_after: str) -> bool:
    """Return whether an answer says that the server did nothing, and that the request may be sent again later.

    Args:
        status: of the answer.
        code: its error code.
        retry_after: its header.
    """
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return True
    return status == HTTPStatus.SERVICE_UNAVAILABLE and (bool(retry_after) or code in _PUT_OFF_CODES)


def retry_delay(status: int, retry_after: str, usual: float, now: float) -> float | None:
    """Return the seconds to wait before a request is sent again, or None if it should not be.

    Args:
        status: the status of its answer.
        retry_after: the header of its answer: seconds, a date, or nothing; anything else counts as nothing.
        usual: the seconds to wait unless the server asks for others.
        now: seconds since the epoch.
    """
    if status not in _RETRIED_STATUSES:
        return None
    requested = _parse_retry_after(retry_after, now)
    if requested is None:
        return usual
    return requested if requested <= MAX_RETRY_DELAY else None


def _parse_retry_after(retry_after: str, now: float) -> float | None:
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 (slow to import, and rarely needed)

    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def choose_proxy(environment: Environment, target: Target) -> dict[str, str]:
    """Return the proxy for an address as requests takes it, empty for no proxy. Loopback never goes through a proxy.

    Raises InterfaceError for a SOCKS proxy and for a malformed address.
    """
    variables = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
    # Lower case first, as curl and requests do.
    name = next((variable for variable in variables if environment.get(variable)), None)
    no_proxy = environment.get("no_proxy") or environment.get("NO_PROXY")
    if target.is_loopback or name is None or _is_exempt(target, no_proxy):
        return {}
    proxy = environment.get(name)
    if proxy.lower().startswith("socks"):
        raise InterfaceError("a SOCKS proxy cannot be used", hint=f"set {name} to an http:// or https:// proxy")
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not _is_proxy_url(proxy):
        # Not quoted: the address may hold a password.
        raise InterfaceError(f"invalid proxy address in {name}", hint="for example http://proxy.example:3128")
    return {target.scheme: proxy}


def _is_proxy_url(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        is_http = parts.scheme.lower() in ("http", "https") and proxy.split() == [proxy]
        return is_http and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def proxy_address(proxies: dict[str, str]) -> str:
    """Return host and port of the proxy that is used, without its user and password; empty without one."""
    parts = urlsplit(next(iter(proxies.values()), ""))
    return parts.netloc.rpartition("@")[2]


def _is_exempt(target: Target, no_proxy: str) -> bool:
    """Return True if NO_PROXY names the host: itself, a domain above it (`d`, `.d`, `*.d`), with its port or without, or `*`."""
    port = str(target.port or (443 if target.scheme == "https" else 80))
    # Blanks separate too, as for curl.
    for rule in no_proxy.lower().replace(",", " ").split():
        name, ruled_port = _split_port(rule)
        domain = name.removeprefix("*").strip(".")
        is_named = name == "*" or (domain and f".{target.host}".endswith(f".{domain}"))
        if is_named and ruled_port in ("", port):
            return True
    return False


def _split_port(rule: str) -> tuple[str, str]:
    """Return the host and the port of `host`, `host:port`, `[address]` or `[address]:port`, or an address with its colons."""
    host, _, port = rule.rpartition(":")
    has_port = port.isdecimal() and (":" not in host or host.endswith("]"))
    return (host, port) if host and has_port else (rule, "")


def trusted_certificates(environment: Environment, target: Target) -> str | bool:
    """Return the file or folder of certificates to trust for an address, True for requests' default.

    Raises InterfaceError if a variable names one that does not exist.
    """
    if target.scheme != "https":
        return True
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        path = environment.get(variable)
        if path and not Path(path).exists():
            raise InterfaceError(f"{variable} names {path!r}, which does not exist")
        if path:
            return path
    return True


_IDLE_HOSTS = 256
"""Where the limit of a process is not known: Windows allows 512 files by default."""


def max_idle_hosts() -> int:
    """Return for how many hosts an idle connection may stay open: half of the process's file limit, at most 1024."""
    resource = import_or_none("resource")
    if resource is None:
        return _IDLE_HOSTS
    # A shell often allows 256 (macOS) or 1024 files, and a session may call hundreds of workspaces.
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1024 if limit == resource.RLIM_INFINITY else max(10, min(1024, limit // 2))


def redirect_host(location: str) -> str:
    """Return the host that a Location header names, else the header's text, cut to 100 characters; not yet escaped."""
    try:
        parts = urlsplit(location)
        # Before 3.11.4 urlsplit takes any text in brackets as a host; only an IPv6 address is legal there.
        host = parts.hostname if "[" not in parts.netloc or ":" in (parts.hostname or "") else None
    except ValueError:
        host = None
    return (host or location or "nowhere")[:100]
