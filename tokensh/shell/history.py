"""The history behind the arrow keys, read backwards from the store as far as the user goes.

The session writes the store, since it knows the outcome of each statement; prompt_toolkit only reads here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from itertools import islice

from prompt_toolkit.auto_suggest import AutoSuggestFromHistory, Suggestion
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.history import History as PromptHistory

from tokensh.engine.history import History
from tokensh.errors import OperationalError

# Statements that the arrow keys and Ctrl-R reach; `\history` reaches all.
_MOST_STATEMENTS = 3000
# Statements that are read at once; between two batches prompt_toolkit handles keys.
_BATCH = 100


class StoredHistory(PromptHistory):
    """The store as prompt_toolkit reads it. What is typed in this session is kept as the store keeps it: without secrets."""

    def __init__(self, store: History | None, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._redact = redact
        self._older = islice(_distinct_statements(store), _MOST_STATEMENTS)
        self._loaded = True  # prompt_toolkit must not load everything before the first key

    async def load(self) -> AsyncGenerator[str, None]:
        """Yield the statements, the latest first; the store is read a batch at a time, and no further than they are used."""
        index = 0
        while index < len(self._loaded_strings) or self._read_batch():
            yield self._loaded_strings[index]
            index += 1
            if index % _BATCH == 0:
                await asyncio.sleep(0)

    def _read_batch(self) -> bool:
        batch = list(islice(self._older, _BATCH))
        self._loaded_strings += batch
        return bool(batch)

    def load_history_strings(self) -> Iterator[str]:
        """Return nothing: `load` reads the store."""
        return iter(())

    def store_string(self, string: str) -> None:
        """Store nothing: the session does, when statements run."""

    def append_string(self, string: str) -> None:
        """Keep a text for the arrow keys unless it begins with a blank."""
        if not string.startswith(" "):
            super().append_string(self._redact(string))


def _distinct_statements(store: History | None) -> Iterator[str]:
    """Yield each statement of the store once, with its `;`; nothing if the store cannot be read."""
    if store is None:
        return
    seen: set[str] = set()
    try:
        for remembered in store.latest():
            if remembered.statement not in seen:
                seen.add(remembered.statement)
                yield remembered.statement + ("" if remembered.statement.startswith("\\") else ";")
    except OperationalError:
        return


class SuggestFromHistory(AutoSuggestFromHistory):
    """Suggests the rest of the latest statement that begins as the text does, else of the latest such line."""

    def get_suggestion(self, buffer: Buffer, document: Document) -> Suggestion | None:
        """Return what the Right key would add."""
        text = document.text
        if not text.strip():
            return None
        for statement in reversed(buffer.history.get_strings()):
            if statement.startswith(text) and (rest := statement[len(text) :].partition("\n")[0]):
                return Suggestion(rest)
        return super().get_suggestion(buffer, document)
