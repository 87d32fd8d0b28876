r"""What follows the name of a command on its line. All commands read it here, so that they agree on quotes and on `;`.

A `;` at the end closes the command, as it closes a statement; inside quotes it belongs to the text. A word may be in single or
double quotes, which are written twice to stand for themselves. A quote inside a word is an ordinary character (`it's`), except
after `=` (`comment='two words'`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokensh._dataclasses import dataclass
from tokensh.errors import InterfaceError
from tokensh.sql.quoting import quote_name
from tokensh.text import truncate

_QUOTED = {quote: re.compile(f"{quote}((?:[^{quote}]|{quote * 2})*){quote}") for quote in "'\""}
_BLANKS = re.compile(r"\s*")
_PLAIN_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


@dataclass(frozen=True, slots=True)
class Arguments:
    """The rest of a command's line; `line` is as it was typed."""

    line: str = ""

    @property
    def text(self) -> str:
        """The line without the `;` that closes it."""
        return self.line.rstrip("; \t\r\n")

    def words(self) -> tuple[str, ...]:
        """Return the words, without their quotes. Raises InterfaceError."""
        return tuple(word for word, _ in _read_words(self.text))

    def names(self) -> tuple[str, ...]:
        """Return the words as names of tables, ready for a statement: one that needs quotes gets them. Raises InterfaceError."""
        return tuple(word if _PLAIN_NAME.fullmatch(word) else quote_name(word) for word in self.words())

    def value(self) -> str:
        """Return the only word without its quotes; several words as they were typed. Raises InterfaceError."""
        words = self.words()
        return words[0] if len(words) == 1 else self.text

    def split(self) -> tuple[str, Arguments]:
        """Return the first word without its quotes, or an empty text, and what follows it. Raises InterfaceError."""
        word, end = next(_read_words(self.text), ("", 0))
        return word, Arguments(self.text[end:].strip())

    def split_options(self) -> tuple[dict[str, str], Arguments]:
        r"""Return the options in parentheses at the beginning, as in `\g (format=csv) FILE`, and the rest.

        An option without a value is on. Raises InterfaceError.
        """
        if not self.line.startswith("("):
            return {}, self
        words: list[str] = []
        for word, end in _read_words(self.line[1:], stop=")"):
            if word == ")":
                pairs = [each.partition("=") for each in words]
                return {name: value if equals else "on" for name, equals, value in pairs}, Arguments(
                    self.line[end + 1 :].strip()
                )
            words.append(word)
        raise InterfaceError(f"the ) is missing in {truncate(self.line, 40)}", hint="(format=csv null=none) FILE")

    def destination(self) -> str:
        """Return a file, or `|` and a program, which is passed on as it was typed. Raises InterfaceError."""
        return self.line if self.line.startswith("|") else self.value()


def _read_words(text: str, stop: str = "") -> Iterator[tuple[str, int]]:
    """Yield each word without its quotes, and the offset of its end; `stop` is a word wherever it is. Raises InterfaceError."""
    at = _skip_blanks(text, 0)
    while at < len(text):
        word, at = (stop, at + 1) if text[at] == stop else _read_word(text, at, stop)
        yield word, at
        at = _skip_blanks(text, at)


def _skip_blanks(text: str, at: int) -> int:
    return _BLANKS.match(text, at).end()  # type: ignore[union-attr]  # the pattern matches any text


def _read_word(text: str, start: int, stop: str) -> tuple[str, int]:
    pieces: list[str] = []
    at = start
    while at < len(text) and not text[at].isspace() and text[at] != stop:
        character = text[at]
        if character not in _QUOTED or (at > start and text[at - 1] != "="):
            pieces.append(character)
            at += 1
            continue
        quoted = _QUOTED[character].match(text, at)
        if quoted is None:
            raise InterfaceError(
                f"a quote is not closed: {truncate(text[at:], 40)}",
                hint=f"end it with {character}; a {character} inside is written {character * 2}",
            )
        pieces.append(quoted[1].replace(character * 2, character))
        at = quoted.end()
    return "".join(pieces), at
