"""The completer as prompt_toolkit calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completion
from prompt_toolkit.completion import Completer as PromptCompleter
from prompt_toolkit.document import Document

if TYPE_CHECKING:
    from tokensh.complete import Completer, Facts


class ShellCompleter(PromptCompleter):
    """Suggestions, each with its kind and a note.

    Args:
        create: makes the completer, at the first key: it loads modules that the first prompt is drawn without.
        collect_facts: returns what completion may use, as it is now.
    """

    def __init__(self, create: Callable[[], Completer], collect_facts: Callable[[], Facts]) -> None:
        self._create = create
        self._collect_facts = collect_facts

    @cached_property
    def _completer(self) -> Completer:
        return self._create()

    def warm(self) -> None:
        """Prepare for the first key. Raises Error if the catalog cannot be read."""
        self._completer.warm()

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Yield what may follow at the cursor, the best first; on an empty line and after `;` only if Tab asked for it."""
        line = document.current_line_before_cursor.strip()
        if not complete_event.completion_requested and (not line or line.endswith(";")):
            return
        # A mistake in here costs the suggestions, not the prompt: prompt_toolkit would show a traceback over it.
        with suppress(Exception):
            yield from self._complete(document)

    def _complete(self, document: Document) -> Iterable[Completion]:
        cursor = document.cursor_position
        for suggestion in self._completer.complete(document.text, cursor, self._collect_facts()):
            # Of a value only the note tells something.
            kind, note = "" if suggestion.kind == "value" and suggestion.note else suggestion.kind, suggestion.note
            yield Completion(
                suggestion.text,
                start_position=suggestion.start - cursor,
                display=suggestion.display,
                display_meta=f"{kind} · {note}" if kind and note not in ("", kind) else kind or note,
            )
