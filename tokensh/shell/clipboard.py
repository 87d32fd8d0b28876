"""The clipboard: the terminal's, which also works over ssh (OSC 52), and the desktop's if there is a program for it."""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
from collections.abc import Iterator

from tokensh.environment import Environment, is_terminal
from tokensh.errors import InterfaceError
from tokensh.text import escape_unsafe

# Bytes of base64 that a terminal accepts: hterm's limit, the smallest that is documented.
_MOST_BYTES = 74_994
# s: xclip may wait for a display that does not answer.
_TIMEOUT = 5.0


def copy_to_clipboards(text: str, environment: Environment) -> str:
    """Put a text into every clipboard that works and return their names. Raises InterfaceError if none does.

    Control characters become escapes: the end of a bracketed paste would let the rest of the text act as keys.
    A token value may be copied: the text goes only through the terminal and standard input, never into an argument, which
    other users can see, or a file.
    """
    text = "\t".join(escape_unsafe(cell, keep_newlines=True) for cell in text.split("\t"))
    names = [*_copy_to_terminal(text, environment), *_copy_to_desktop(text, environment)]
    if not names:
        raise InterfaceError(
            "no clipboard: the terminal has none, and wl-copy, xclip and pbcopy are not available"
            if len(text) < _MOST_BYTES
            else f"{len(text):,} characters are too many for the terminal's clipboard",
            hint=r"\o FILE or \g |PROGRAM takes a result elsewhere",
        )
    return " and ".join(names)


def _copy_to_terminal(text: str, environment: Environment) -> Iterator[str]:
    # Dumb terminals and the text console of Linux do not know OSC 52.
    encoded = base64.b64encode(text.encode("utf-8", "backslashreplace")).decode()
    if (
        not is_terminal(environment.stdout)
        or environment.get("TERM") in ("", "dumb", "linux")
        or len(encoded) > _MOST_BYTES
    ):
        return
    environment.stdout.write(f"\x1b]52;c;{encoded}\x07")
    environment.stdout.flush()
    yield "the terminal's clipboard"


def _copy_to_desktop(text: str, environment: Environment) -> Iterator[str]:
    for command in _clipboard_programs(environment):
        path = shutil.which(command[0], path=environment.get("PATH") or None)
        if path is None:
            continue
        try:
            done = subprocess.run(  # noqa: S603 (a fixed list, found on PATH)
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


def _clipboard_programs(environment: Environment) -> Iterator[tuple[str, ...]]:
    if environment.get("WAYLAND_DISPLAY"):
        yield ("wl-copy",)
    if environment.get("DISPLAY"):
        yield ("xclip", "-selection", "clipboard")
    if sys.platform == "darwin":
        yield ("pbcopy",)
