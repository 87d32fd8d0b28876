"""What the first statement will need, loaded while a person still types."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tokensh.errors import Error

if TYPE_CHECKING:
    from prompt_toolkit.application import Application

    from tokensh.api.client import Client


class Preload:
    """Called after each drawing of the prompt; loads once, in a thread of its own, after the first.

    Args:
        client: its transport is loaded.
        warm: makes completion ready; may raise Error, which is told when completion is asked for.
        styled: whether tables will be coloured, which takes another library.
    """

    def __init__(self, client: Client, warm: Callable[[], None], *, styled: bool) -> None:
        self._client = client
        self._warm = warm
        self._modules = ("tokensh.render.table", *(["tokensh.render.terminal"] if styled else []))
        self._begun = False

    def __call__(self, _app: Application[Any]) -> None:
        """Begin, if that has not been done."""
        if not self._begun:
            self._begun = True
            threading.Thread(target=self._load, name="tokensh preload", daemon=True).start()

    def _load(self) -> None:
        with suppress(Error):
            self._warm()
        for name in self._modules:
            import_module(name)
        self._client.preload()
