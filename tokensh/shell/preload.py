"""Loads what the first statement needs while the user types it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tokensh.errors import Error

if TYPE_CHECKING:
    from prompt_toolkit.application import Application


class Preload:
    """A callback for each drawing of the prompt; after the first one it loads everything, once, in a thread.

    Args:
        import_transport: loads what requests need.
        warm: prepares completion; an Error it raises is ignored here, since completion raises it again when it is used.
        styled: whether tables will be coloured, which needs another library.
    """

    def __init__(self, import_transport: Callable[[], None], warm: Callable[[], None], *, styled: bool) -> None:
        self._import_transport = import_transport
        self._warm = warm
        self._modules = (
            "tokensh.engine.executor",
            "tokensh.render.table",
            *(["tokensh.render.terminal"] if styled else []),
        )
        self._started = False

    def __call__(self, _app: Application[Any]) -> None:
        """Start the thread if that has not happened yet."""
        if not self._started:
            self._started = True
            # A daemon, so that leaving the shell at once does not wait for imports.
            threading.Thread(target=self._load, name="tokensh preload", daemon=True).start()

    def _load(self) -> None:
        with suppress(Error):
            self._warm()
        for name in self._modules:
            import_module(name)
        self._import_transport()
