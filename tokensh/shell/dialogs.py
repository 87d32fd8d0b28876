"""Questions that the shell asks: values for placeholders, and yes or no."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.application.current import get_app_session
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.input.typeahead import clear_typeahead
from prompt_toolkit.validation import ValidationError, Validator

from tokensh.environment import import_or_none
from tokensh.errors import PlaceholderError
from tokensh.sql import placeholders
from tokensh.sql.placeholders import PlaceholderUse, PlaceholderValue

if TYPE_CHECKING:
    from tokensh.complete.model import Candidate


class _ValueCompleter(Completer):
    """Offers the values that `suggest` returns for what is typed, the best first."""

    def __init__(self, suggest: Callable[[str], Iterable[Candidate]]) -> None:
        self._suggest = suggest

    def get_completions(self, document: Document, _: CompleteEvent) -> Iterator[Completion]:
        """Yield what the answer may be as a whole."""
        typed = document.text_before_cursor
        for value in self._suggest(typed):
            yield Completion(value.name, -len(typed), display=value.display or value.name, display_meta=value.note)


class _PlaceholderValidator(Validator):
    """Accepts a value that can be written in every place of its placeholder (a number, inside quotes, ...)."""

    def __init__(self, places: Iterable[PlaceholderUse]) -> None:
        self._places = tuple(places)

    def validate(self, document: Document) -> None:
        try:
            for place in self._places:
                placeholders.render_value(place, document.text)
        except PlaceholderError as error:
            raise ValidationError(len(document.text), error.hint or error.message) from None


def ask_values(
    places: tuple[PlaceholderUse, ...],
    variables: Mapping[str, PlaceholderValue],
    answers: Mapping[str, str],
    suggest: Callable[[str, str], Iterable[Candidate]],
) -> dict[str, PlaceholderValue]:
    """Return a value for each placeholder, asking once for each without one. Raises KeyboardInterrupt, EOFError.

    Args:
        places: the placeholders of a statement.
        variables: values that are set.
        answers: what was answered before, by name.
        suggest: returns values to complete with, for a name and the beginning of its value.
    """
    values: dict[str, PlaceholderValue] = dict(variables)
    for name in dict.fromkeys(place.name for place in places):
        if name in values:
            continue
        session: PromptSession[str] = PromptSession(
            completer=_ValueCompleter(partial(suggest, name)),
            validator=_PlaceholderValidator(place for place in places if place.name == name),
            validate_while_typing=False,
            complete_while_typing=True,
        )
        values[name] = session.prompt(f"{name}: ", default=answers.get(name, ""))
    return values


def _discard_typed_ahead() -> None:
    """Forget the keys that were typed before a question: they cannot be an answer to it."""
    source = get_app_session().input
    # What prompt_toolkit has read already, and what the terminal holds.
    clear_typeahead(source)
    source.flush_keys()
    termios = import_or_none("termios")
    if termios is None:
        return
    with suppress(OSError, ValueError, NotImplementedError, termios.error):  # no terminal
        termios.tcflush(source.fileno(), termios.TCIFLUSH)


def confirm(question: str) -> bool:
    """Return True if the answer is yes; any other answer, Ctrl-C and Ctrl-D mean no."""
    session: PromptSession[str] = PromptSession()
    _discard_typed_ahead()
    try:
        return session.prompt(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except (KeyboardInterrupt, EOFError):
        return False
