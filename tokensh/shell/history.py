"""The history behind the arrow keys: read from its end, written by the session, which knows how a statement went."""

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

_REACHED = 3000
"""Statements that the arrow keys and Ctrl-R reach; the whole history is asked with `\\history`."""
_BATCH = 100
"""Statements between two looks at the keyboard."""


class ArrowKeys(PromptHistory):
    """prompt_toolkit's view of the store. What a person types is kept as the store keeps it: without secrets."""

    def __init__(self, store: History | None, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._redact = redact
        self._older = islice(_distinct(store), _REACHED)
        self._loaded = True  # what is in the store comes while keys are pressed, not before

    async def load(self) -> AsyncGenerator[str, None]:
        """The statements, the latest first, in batches: the store is read no further than the batch."""
        at = 0
        while at < len(self._loaded_strings) or self._read_on():
            yield self._loaded_strings[at]
            at += 1
            if at % _BATCH == 0:
                await asyncio.sleep(0)

    def _read_on(self) -> bool:
        batch = list(islice(self._older, _BATCH))
        self._loaded_strings += batch
        return bool(batch)

    def load_history_strings(self) -> Iterator[str]:
        """`load` is there instead."""
        return iter(())

    def store_string(self, string: str) -> None:
        """The session writes statements to the store as they run."""

    def append_string(self, string: str) -> None:
        """Keep a text for the arrow keys; one that begins with a blank is not kept."""
        if not string.startswith(" "):
            super().append_string(self._redact(string))


def _distinct(store: History | None) -> Iterator[str]:
    """Each statement of the store once, ended as it was typed. A store that cannot be read has none."""
    if store is None:
        return
    seen: set[str] = set()
    try:
        for one in store.latest():
            if one.statement not in seen:
                seen.add(one.statement)
                yield f"{one.statement};"
    except OperationalError:
        return


class Suggest(AutoSuggestFromHistory):
    """The rest of the latest statement that begins as the text does; else of a line that does."""

    def get_suggestion(self, buffer: Buffer, document: Document) -> Suggestion | None:
        """What Right would add."""
        text = document.text
        if not text.strip():
            return None
        for statement in reversed(buffer.history.get_strings()):
            if statement.startswith(text) and (rest := statement[len(text) :].partition("\n")[0]):
                return Suggestion(rest)
        return super().get_suggestion(buffer, document)
