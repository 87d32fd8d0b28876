"""The completion station as prompt_toolkit wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completion
from prompt_toolkit.completion import Completer as PromptCompleter
from prompt_toolkit.document import Document

if TYPE_CHECKING:
    from tokensh.complete import Completer, Facts


class ShellCompleter(PromptCompleter):
    """Suggestions with their kind and note beside them."""

    def __init__(self, made: Callable[[], Completer], facts: Callable[[], Facts]) -> None:
        self._made = made
        self._facts = facts

    @cached_property
    def _completer(self) -> Completer:
        return self._made()

    def warm(self) -> None:
        """Make ready for the first key. Raises Error where the catalog cannot be read."""
        self._completer.warm()

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What may stand at the cursor, the best first; on an empty line and behind a `;` only where Tab asks for it."""
        line = document.current_line_before_cursor.strip()
        if not complete_event.completion_requested and (not line or line.endswith(";")):
            return
        cursor = document.cursor_position
        for one in self._completer.complete(document.text, cursor, self._facts()):
            meta = f"{one.kind} · {one.note}" if one.note not in ("", one.kind) else one.kind
            yield Completion(one.text, start_position=one.start - cursor, display=one.display, display_meta=meta)
