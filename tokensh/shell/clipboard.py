"""The clipboard: the terminal's own, which also works over ssh (OSC 52), and the desktop's where there is a program for it."""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
from collections.abc import Iterator

from tokensh.environment import Environment, is_terminal
from tokensh.errors import InterfaceError

_MOST = 74_994
"""Bytes in base64 that terminals take (hterm's limit, the smallest that is known)."""
_TIMEOUT = 5.0


def copy(text: str, environment: Environment) -> str:
    """Put a text into every clipboard there is; which ones, in words. Raises InterfaceError if there is none.

    The text goes through standard input and the terminal alone: it is in no argument and no file.
    """
    ways = [*_by_terminal(text, environment), *_by_programs(text, environment)]
    if not ways:
        raise InterfaceError(
            "there is no clipboard: the terminal has none, and wl-copy, xclip and pbcopy are not there"
            if len(text) < _MOST
            else f"{len(text):,} characters are too many for the terminal's clipboard",
            hint=r"\o FILE or \g |PROGRAM takes a result elsewhere",
        )
    return " and ".join(ways)


def _by_terminal(text: str, environment: Environment) -> Iterator[str]:
    encoded = base64.b64encode(text.encode("utf-8", "backslashreplace")).decode()
    if not is_terminal(environment.stdout) or environment.get("TERM") in ("", "dumb", "linux") or len(encoded) > _MOST:
        return
    environment.stdout.write(f"\x1b]52;c;{encoded}\x07")
    environment.stdout.flush()
    yield "the terminal's clipboard"


def _by_programs(text: str, environment: Environment) -> Iterator[str]:
    for command in _programs(environment):
        path = shutil.which(command[0], path=environment.get("PATH") or None)
        if path is None:
            continue
        try:
            done = subprocess.run(  # noqa: S603 (the desktop's own)
                [path, *command[1:]],
                input=text.encode("utf-8", "backslashreplace"),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(environment.variables),
                timeout=_TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            yield command[0]
            return


def _programs(environment: Environment) -> Iterator[tuple[str, ...]]:
    if environment.get("WAYLAND_DISPLAY"):
        yield ("wl-copy",)
    if environment.get("DISPLAY"):
        yield ("xclip", "-selection", "clipboard")
    if sys.platform == "darwin":
        yield ("pbcopy",)
