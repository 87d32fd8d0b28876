"""The history behind the arrow keys: read from its end, written by the session, which knows how a statement went."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from prompt_toolkit.history import History as PromptHistory

from tokensh.engine.history import History
from tokensh.errors import OperationalError

_EDITED = 2000
"""Statements that the arrow keys reach; the whole history is asked with `\\history`."""


class ArrowKeys(PromptHistory):
    """prompt_toolkit's view of the store. What a person types is kept as the store keeps it: without secrets."""

    def __init__(self, store: History | None, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._store = store
        self._redact = redact

    def load_history_strings(self) -> Iterable[str]:
        """The statements, the latest first, each once."""
        if self._store is None:
            return ()
        try:
            return dict.fromkeys(one.statement for one in islice(self._store.latest(), _EDITED))
        except OperationalError:
            return ()  # the next statement that is written down tells of it

    def store_string(self, string: str) -> None:
        """The session writes statements to the store as they run."""

    def append_string(self, string: str) -> None:
        """Keep a text for the arrow keys; one that begins with a blank is not kept."""
        if not string.startswith(" "):
            super().append_string(self._redact(string))
