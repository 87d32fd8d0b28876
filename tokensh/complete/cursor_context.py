"""Where the cursor is: in which statement of the text, and in what of it. A lexer decides, never a search."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from tokensh._dataclasses import dataclass, replace
from tokensh.sql.lexer import TRIVIA, Token, tokenize
from tokensh.sql.parse import Parser
from tokensh.sql.script import Splitter

Kind = Literal["nothing", "word", "argument", "string", "json", "placeholder", "command"]

_PLACEHOLDER = re.compile(r"\{\{\s*([\w.-]*)\Z")
_COMMAND_LINE = re.compile(r"\s*\\[^\n]*\n")
_COMMAND = re.compile(r"\s*(?=\\)")
_WORD_REST = re.compile(r"[\w$]*")
_NAMES = ("NAME", "QUOTED_NAME")


@dataclass(frozen=True, slots=True)
class CursorContext:
    """The cursor's surroundings.

    `start` is where the text that is replaced begins, `typed` that text; a dotted name's first parts are in `qualifier`, and
    `begin` is where it begins. `before` and `after` are the statement's tokens around it, without blanks and comments.
    `quote` is the quote of an open quoted name. `reopened` tells that a comment's `;` may have ended the statement already.
    """

    kind: Kind
    text: str
    cursor: int
    statement: int
    start: int
    typed: str
    begin: int
    qualifier: tuple[str, ...] = ()
    before: tuple[Token, ...] = ()
    after: tuple[Token, ...] = ()
    quote: str = ""
    reopened: bool = False

    @property
    def following(self) -> str:
        """The text right behind the cursor, to the end of its line."""
        end = self.text.find("\n", self.cursor)
        return self.text[self.cursor : end if end >= 0 else len(self.text)]


def locate(parser: Parser, text: str, cursor: int) -> CursorContext:
    """The place of a cursor."""
    head = text[:cursor]
    statement = _statement(parser, head)
    nowhere = CursorContext("nothing", text, cursor, statement, cursor, "", cursor)
    command = _COMMAND.match(head, statement)
    if command:
        return replace(nowhere, kind="command", start=command.end(), typed=head[command.end() :])
    all_tokens = list(tokenize(parser.table, head, statement))
    opened = _opened(head, all_tokens)
    if opened == "comment":
        return nowhere
    placeholder = _PLACEHOLDER.search(head)
    if placeholder:
        return replace(nowhere, kind="placeholder", start=placeholder.start(1), typed=placeholder[1])
    if isinstance(opened, int):
        return _in_quotes(nowhere, parser, all_tokens, opened)
    trailing = next((t for t in all_tokens if t.text == "\\" and t.kind == "OTHER"), None)
    if trailing:
        same_line = "\n" not in head[trailing.start :]
        kind: Kind = "command" if same_line else "nothing"
        return replace(nowhere, kind=kind, start=trailing.start, typed=head[trailing.start :])
    return _in_words(nowhere, parser, all_tokens)


def _statement(parser: Parser, head: str) -> int:
    """Where the statement begins; lines of meta commands before it belong to no statement."""
    begin = 0
    if ";" in head:
        splitter = Splitter(parser.table, parser.is_complete)
        for _ in splitter.feed(head):
            pass
        begin = len(head) - len(splitter.pending)
    while line := _COMMAND_LINE.match(head, begin):
        begin = line.end()
    return begin


def _opened(head: str, found: Sequence[Token]) -> Literal["comment"] | int | None:
    """What the cursor is in: a comment, or the quotes that begin at the number of a token."""
    for number, token in enumerate(found):
        if token.kind == "OTHER" and token.text in ("'", '"', "`"):
            return _first_quote(found, number)
        if token.text == "/" and head.startswith("/*", token.start):
            return "comment"
    if not found or found[-1].kind != "COMMENT" or found[-1].text.startswith("/*"):
        return None
    return "comment"


def _first_quote(found: Sequence[Token], number: int) -> int:
    """The token where open quotes begin: a doubled quote inside has made the lexer close and open them."""
    quote = found[number].text
    while number and found[number - 1].end == found[number].start and found[number - 1].text[0] == quote:
        number -= 1
    return number


def _significant(found: Sequence[Token]) -> tuple[Token, ...]:
    return tuple(t for t in found if t.kind not in TRIVIA)


def _rest(parser: Parser, text: str, start: int) -> tuple[Token, ...]:
    """The statement's tokens from a place on."""
    found: list[Token] = []
    closed = False
    for token in tokenize(parser.table, text, start):
        if token.kind == "COMMENT":
            closed = closed or (not token.text.startswith("/*") and token.text.rstrip().endswith(";"))
            continue
        if token.kind == "BLANK":
            continue
        if (token.kind == "OTHER" and token.text == ";") or (closed and token.text.upper() in parser.table.openers):
            break
        found.append(token)
    return tuple(found)


def is_closed(following: str, quote: str) -> bool:
    """Whether quotes that are open at the cursor are closed on its line: an odd number of them is left."""
    return following.count(quote) % 2 == 1


def _in_quotes(place: CursorContext, parser: Parser, found: list[Token], number: int) -> CursorContext:
    opening = found[number]
    before = _significant(found[:number])
    quote, start = opening.text[0], opening.start + 1
    content = place.text[start : place.cursor]
    following = place.following
    end = following.find(quote) + 1 if is_closed(following, quote) else 0
    after = _rest(parser, place.text, place.cursor + end)
    quoted = replace(place, start=start, typed=content, before=before, after=after, quote=quote)
    brace = _json_begin(before)
    if brace is not None:
        return _json(quoted, brace)
    if quote == "'":
        is_json = len(before) > 1 and before[-1].text == "=" and before[-2].kind == "JSON_PARAMETER"
        return replace(quoted, kind="json" if is_json else "string", begin=opening.start)
    if "\n" in content:
        return place
    begin, qualifier = _path(before, opening.start)
    return replace(
        quoted, kind="word", start=opening.start, begin=begin, qualifier=qualifier, before=_until(before, begin)
    )


def _json_begin(before: Sequence[Token]) -> int | None:
    """Where a JSON object begins that stands bare behind `@@json =` and is not closed yet."""
    depth = 0
    for number in range(len(before) - 1, -1, -1):
        token = before[number]
        if token.kind != "OTHER" or token.text not in "{}":
            continue
        depth += 1 if token.text == "{" else -1
        if depth == 1:
            given = number > 1 and before[number - 1].text == "=" and before[number - 2].kind == "JSON_PARAMETER"
            if given:
                return token.start
            depth = 0
    return None


def _json(place: CursorContext, brace: int) -> CursorContext:
    before = tuple(t for t in place.before if t.start < brace)
    return replace(
        place, kind="json", start=brace, typed=place.text[brace : place.cursor], quote="", before=before, begin=brace
    )


def _until(found: tuple[Token, ...], end: int) -> tuple[Token, ...]:
    return tuple(t for t in found if t.end <= end)


def _path(before: Sequence[Token], start: int) -> tuple[int, tuple[str, ...]]:
    """The parts of a dotted name that end at `start`, and where it begins; no blanks are between."""
    parts: list[str] = []
    at = len(before)
    while (
        at > 1
        and before[at - 1].text == "."
        and before[at - 1].end == start
        and before[at - 2].kind in _NAMES
        and before[at - 2].end == before[at - 1].start
    ):
        at -= 2
        start = before[at].start
        parts.append(name_of(before[at]))
    return start, tuple(reversed(parts))


def name_of(token: Token) -> str:
    """What a name stands for, its quotes taken off."""
    if token.kind != "QUOTED_NAME":
        return token.text
    return token.text[1:-1].replace(token.text[0] * 2, token.text[0])


def _in_words(place: CursorContext, parser: Parser, found: list[Token]) -> CursorContext:
    significant = _significant(found)
    last = found[-1] if found else None
    word, kind = "", "word"
    if last is not None:
        match last.kind:
            case "NAME":
                word = last.text
            case "PARAMETER" | "JSON_PARAMETER":
                word, kind = last.text, "argument"
            case "OTHER" if last.text == "@":
                word, kind = "@@" if place.text.endswith("@@", 0, place.cursor) else "@", "argument"
            case "STRING" | "QUOTED_NAME" | "NUMBER" | "BLOB" | "PLACEHOLDER" | "VARIABLE":
                return place
            case "OPERATOR" if last.text == ")":
                return place
    start = place.cursor - len(word)
    before = _until(significant, start)
    begin, qualifier = _path(before, start)
    if last is not None and last.text == "." and not qualifier:
        return place
    before = _until(before, begin)
    end = _WORD_REST.match(place.text, place.cursor)
    after = _rest(parser, place.text, end.end() if end else place.cursor)
    here = replace(place, start=start, typed=word, before=before, after=after, begin=begin, qualifier=qualifier)
    brace = _json_begin(before)
    if brace is not None:
        return _json(here, brace)
    return replace(
        here, kind="argument" if kind == "argument" else "word", reopened=_is_reopened(parser, place, found, start)
    )


def _is_reopened(parser: Parser, place: CursorContext, found: list[Token], start: int) -> bool:
    """Whether nothing but blanks, and the word that is typed, follows a comment that ends with `;`."""
    for token in reversed(found):
        if token.kind == "BLANK" or token.start >= start:
            continue
        if token.kind != "COMMENT" or token.text.startswith("/*") or not token.text.rstrip().endswith(";"):
            return False
        return parser.is_complete(place.text[place.statement : token.start])
    return False
