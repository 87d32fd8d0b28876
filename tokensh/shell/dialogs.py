"""Questions that the shell asks: values for placeholders, and whether to go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.validation import ValidationError, Validator

from tokensh.errors import PlaceholderError
from tokensh.sql import placeholders
from tokensh.sql.placeholders import PlaceholderUse, PlaceholderValue


class _Takes(Validator):
    """Whether a value may stand in every place of a placeholder."""

    def __init__(self, places: Iterable[PlaceholderUse]) -> None:
        self._places = tuple(places)

    def validate(self, document: object) -> None:
        text: str = document.text  # type: ignore[attr-defined] # a Document
        try:
            for place in self._places:
                placeholders.render_value(place, text)
        except PlaceholderError as error:
            raise ValidationError(len(text), error.hint or error.message) from None


def values(
    places: tuple[PlaceholderUse, ...],
    given: MutableMapping[str, PlaceholderValue],
    defaults: MutableMapping[str, str],
    candidates: Callable[[str], Iterable[tuple[str, str]]],
) -> dict[str, PlaceholderValue]:
    """A value for each placeholder that has none, each asked once. Raises KeyboardInterrupt, EOFError.

    Args:
        places: the placeholders of a statement.
        given: values that are set.
        defaults: what was answered before, by name; gets the answers.
        candidates: values to complete with, and their notes, for a name.
    """
    found: dict[str, PlaceholderValue] = dict(given)
    for name in dict.fromkeys(place.name for place in places):
        if name in found:
            continue
        known = dict(candidates(name))
        session: PromptSession[str] = PromptSession(
            completer=WordCompleter(list(known), meta_dict=known, match_middle=True),
            validator=_Takes(place for place in places if place.name == name),
            validate_while_typing=False,
            complete_while_typing=True,
        )
        defaults[name] = found[name] = session.prompt(f"{name}: ", default=defaults.get(name, ""))
    return found


def yes(question: str) -> bool:
    """Whether the answer begins with y; anything else, Ctrl-C and Ctrl-D mean no."""
    session: PromptSession[str] = PromptSession()
    try:
        return session.prompt(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except (KeyboardInterrupt, EOFError):
        return False
