"""Run the emulator by itself (`python -m tokensh.sandbox`), for any client of the API."""

from __future__ import annotations

import argparse
import math
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from tokensh.errors import EXIT_OK, InterfaceError
from tokensh.sandbox import start
from tokensh.sandbox.state import EMPTY_LISTS


def _number_between(kind: type[int] | type[float], least: float, most: float) -> Callable[[str], float]:
    """Return an argparse type that accepts numbers from `least` to `most`."""

    def convert(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        # NaN compares as false, so it is refused like a number out of range.
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"invalid number: {text!r}; must be from {least} to {most}")
        return value

    return convert


_COUNT = _number_between(int, 0, 1_000_000)
_DAYS = _number_between(int, 0, 730)
_SECONDS = _number_between(float, 0, 3600)
_YEARS_OF_SECONDS = _number_between(float, -1_000_000_000, 1_000_000_000)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the endpoint and a token, serve until Ctrl-C, and return the exit status."""
    options = vars(_build_parser().parse_args(arguments))
    del options["host"]
    print_all = options.pop("credentials")
    try:
        sandbox = start(list_credentials=True, **options)
    except InterfaceError as error:
        sys.stderr.write(f"error: {error}\nhint: {error.hint}\n")
        return error.exit_status
    with sandbox, suppress(KeyboardInterrupt):
        # These credentials are fixed and open nothing but this emulator, so printing them is safe.
        credentials = sandbox.credentials if print_all else {"token": sandbox.token}
        host = {"host": sandbox.origin} if options["root"] else {}
        lines = {"endpoint": sandbox.endpoint, **host, **credentials}
        sys.stdout.write("".join(f"{name} {value}\n" for name, value in lines.items()))
        sys.stdout.flush()
        # Requests are served by daemon threads; this one only waits for Ctrl-C.
        threading.Event().wait()
    return EXIT_OK


_EPILOG = """\
while it runs, without a credential:
  POST   /__sandbox/fault     {"pattern": "GET */token/list", "status": 503, "times": 1}: spoil replies; also body,
                              headers, skip, after_handler, drop, close, delay, drip, interim, cut; DELETE removes all
  POST   /__sandbox/advance   {"seconds": 86400}: let time pass, so that tokens expire
  PATCH  /__sandbox/settings  {"latency": 0.2, "quota": 10}: change settings; GET shows all
  GET    /__sandbox/log       the requests so far, without secrets; DELETE forgets them
Whether tokens are enabled and their longest lifetime are settings of each workspace: PATCH /api/2.0/workspace-conf.
"""


# The same settings as `Settings`; the ranges keep the emulator usable (a lifetime that the API would refuse, a year's latency).
def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tokensh.sandbox",
        description="A Databricks workspace's token API on the loopback interface. Prints its endpoint and a token.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=_COUNT, default=0, help="the TCP port (default: a free one)")
    add("--host", choices=["127.0.0.1"], default="127.0.0.1", help="always the loopback interface")
    add("--root", default="", metavar="NAME", help="serve this workspace at / too, for clients that drop a host's path")
    add("--any-workspace", action="store_true", help="every name is a workspace, not only the three seeded ones")
    add("--tokens", type=_COUNT, default=0, metavar="N", help="extra tokens of the admin in each workspace")
    add("--latency", type=_SECONDS, default=0.0, metavar="SECONDS", help="delay each request")
    add(
        "--clock-offset",
        type=_YEARS_OF_SECONDS,
        default=0.0,
        metavar="SECONDS",
        help="how far the emulator's clock is ahead",
    )
    add("--quota", type=_COUNT, default=600, metavar="N", help="unexpired tokens a user may have (default: 600)")
    add("--max-lifetime-days", type=_DAYS, default=730, metavar="N", help="longest lifetime, 0 for none (default: 730)")
    add(
        "--default-lifetime-days",
        type=_number_between(int, -1, 730),
        default=730,
        metavar="N",
        help="lifetime without lifetime_seconds; -1: no expiry (default: 730)",
    )
    add("--oauth-lifetime", type=_COUNT, default=3600, metavar="SECONDS", help="of OAuth tokens (default: 3600)")
    add(
        "--idle-days",
        type=_COUNT,
        default=0,
        metavar="N",
        help="revoke tokens that are unused for N days (default: never)",
    )
    add("--empty-list", choices=EMPTY_LISTS, default=EMPTY_LISTS[0], help="a list without rows: {}, null or []")
    add("--credentials", action="store_true", help="print all credentials, not only the admin's token")
    add("--hide-expired", dest="show_expired", action="store_false", help="lists leave expired tokens out")
    add("--eventual", action="store_true", help="the first read after a write shows the state before it")
    add("--no-obo", dest="obo", action="store_false", help="on-behalf-of tokens are not enabled")
    return parser


if __name__ == "__main__":
    sys.exit(main())
