"""The client's rules that need no network: when to try again, which proxy and which certificates, what to keep open."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from tokensh.api.hosts import Target
from tokensh.environment import Environment
from tokensh.errors import InterfaceError

RETRY_DELAYS = (0.3, 0.9)
"""Seconds before the second and the third try of a GET, if the server does not ask for others."""
MAX_RETRY_DELAY = 60.0
"""Seconds: a server that asks us to wait longer is not waited for."""
_TRY_AGAIN = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)


def retry_delay(status: int, retry_after: str, usual: float, now: float) -> float | None:
    """Seconds to wait before a GET that was answered is tried again; None where it should not be.

    Args:
        status: of the answer.
        retry_after: its header, seconds or a date, or nothing; anything else counts as nothing.
        usual: the seconds to wait where the server does not ask for others.
        now: seconds since the epoch.
    """
    if status not in _TRY_AGAIN:
        return None
    asked = _asked(retry_after, now)
    if asked is None:
        return usual
    return asked if asked <= MAX_RETRY_DELAY else None


def _asked(retry_after: str, now: float) -> float | None:
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 (slow to import, and rarely needed)

    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def choose_proxy(environment: Environment, target: Target) -> dict[str, str]:
    """The proxy for an address, as requests takes it. Loopback has none: what goes there stays on this machine.

    Raises InterfaceError for a SOCKS proxy, whose connections could not be watched, and for what is no address.
    """
    variables = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
    name = next((one for one in variables if environment.get(one)), None)
    no_proxy = environment.get("no_proxy") or environment.get("NO_PROXY")
    if target.is_loopback or name is None or _is_exempt(target.host, no_proxy):
        return {}
    proxy = environment.get(name)
    if proxy.lower().startswith("socks"):
        raise InterfaceError("a SOCKS proxy cannot be used", hint=f"set {name} to an http:// or https:// proxy")
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not _is_address(proxy):
        # It is not shown: it may hold a password.
        raise InterfaceError(f"{name} is no address of a proxy", hint="for example http://proxy.example:3128")
    return {target.scheme: proxy}


def _is_address(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        usual = parts.scheme.lower() in ("http", "https") and proxy.split() == [proxy]
        return usual and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_exempt(host: str, no_proxy: str) -> bool:
    rules = {rule.strip().lower().lstrip(".") for rule in no_proxy.split(",")} - {""}
    return any(rule in ("*", host) or host.endswith(f".{rule}") for rule in rules)


def trusted_certificates(environment: Environment) -> str | bool:
    """The file or folder of certificates to trust; True for the common ones.

    Raises InterfaceError if a variable names one that is not there.
    """
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        path = environment.get(variable)
        if path and not Path(path).exists():
            raise InterfaceError(f"{variable} names {path!r}, which is not there")
        if path:
            return path
    return True


def max_idle_hosts() -> int:
    """How many hosts' idle connections may be kept open, so that half of the process's files stay free for others."""
    from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit  # noqa: PLC0415 (only what sends needs it)

    limit, _ = getrlimit(RLIMIT_NOFILE)
    return 1024 if limit == RLIM_INFINITY else max(10, min(1024, limit // 2))


def redirect_host(location: str) -> str:
    """The host that a Location header names, else the header's text, cut short; not yet escape_unsafe()."""
    try:
        parts = urlsplit(location)
        # Before 3.11.4 Python took any text in brackets for a host; only an IPv6 address may stand there.
        host = parts.hostname if "[" not in parts.netloc or ":" in (parts.hostname or "") else None
    except ValueError:
        host = None
    return (host or location or "nowhere")[:100]
