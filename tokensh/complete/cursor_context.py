"""Where the cursor is: in which statement of the text, and in what of it.

The lexer decides: a search for quotes or `--` would be wrong inside of strings and comments.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from tokensh._dataclasses import dataclass, replace
from tokensh.sql.lexer import TRIVIA, Token, closes_statement, tokenize
from tokensh.sql.parse import Parser
from tokensh.sql.script import Splitter

Kind = Literal["nothing", "word", "argument", "string", "json", "placeholder", "command"]

# Only the text before the cursor decides the kind: what follows may be half of a statement that the user
# is still changing.

_PLACEHOLDER = re.compile(r"\{\{\s*([\w.-]*)\Z")
_COMMAND_LINE = re.compile(r"\s*\\[^\n]*\n")
_COMMAND = re.compile(r"\s*(?=\\)")
# The rest of the word under the cursor: it is neither replaced nor part of the statement around it.
_WORD_REST = re.compile(r"[\w$]*")
NAME_KINDS = ("NAME", "QUOTED_NAME")
"""The kinds of token that can be a name."""


@dataclass(frozen=True, slots=True)
class CursorContext:
    """The cursor's surroundings.

    `start` is where the text that is replaced begins, `typed` that text; a dotted name's first parts are in `qualifier`, and
    `path_start` is where it begins. `before` and `after` are the statement's tokens around it, without blanks and comments.
    `quote` is the quote of an open quoted name. `may_open_statement`: a comment's `;` may have ended the statement already.
    Positions are offsets in `text`; `statement_start` is the statement's.
    """

    kind: Kind
    text: str
    cursor: int
    statement_start: int
    start: int
    typed: str
    path_start: int
    qualifier: tuple[str, ...] = ()
    before: tuple[Token, ...] = ()
    after: tuple[Token, ...] = ()
    quote: str = ""
    may_open_statement: bool = False

    @property
    def rest_of_line(self) -> str:
        """The text from the cursor to the end of its line."""
        end = self.text.find("\n", self.cursor)
        return self.text[self.cursor : end if end >= 0 else len(self.text)]


def locate(parser: Parser, text: str, cursor: int) -> CursorContext:
    """Return what is around a cursor."""
    head = text[:cursor]
    statement = _find_statement_start(parser, head)
    nowhere = CursorContext("nothing", text, cursor, statement, cursor, "", cursor)
    command = _COMMAND.match(head, statement)
    if command:
        return replace(nowhere, kind="command", start=command.end(), typed=head[command.end() :])
    all_tokens = list(tokenize(parser.table, head, statement))
    opened = _find_open_token(all_tokens)
    if opened == "comment":
        return nowhere
    # Before quotes: `'{{ name }}'` is how the pages write placeholders.
    placeholder = _PLACEHOLDER.search(head)
    if placeholder:
        return replace(nowhere, kind="placeholder", start=placeholder.start(1), typed=placeholder[1])
    if isinstance(opened, int):
        return _locate_in_quotes(nowhere, parser, all_tokens, opened)
    # A meta command after a statement on the same line, as in psql: `SELECT 1 \g`. It ends with its line.
    trailing = next((t for t in all_tokens if t.text == "\\" and t.kind == "OTHER"), None)
    if trailing:
        same_line = "\n" not in head[trailing.start :]
        kind: Kind = "command" if same_line else "nothing"
        return replace(nowhere, kind=kind, start=trailing.start, typed=head[trailing.start :])
    return _locate_in_words(nowhere, parser, all_tokens)


def _find_statement_start(parser: Parser, head: str) -> int:
    """Return where the statement begins; lines of meta commands before it are not part of it."""
    begin = 0
    # Splitting costs a lexing of everything before the cursor: most texts hold one statement.
    if ";" in head:
        splitter = Splitter(parser.table)
        for _ in splitter.feed(head):
            pass
        begin = splitter.statement_start
    while line := _COMMAND_LINE.match(head, begin):
        begin = line.end()
    return begin


def _find_open_token(all_tokens: Sequence[Token]) -> Literal["comment"] | int | None:
    """Return what the cursor is in: a comment, or the number of the token that is an open quote."""
    last = all_tokens[-1] if all_tokens else None
    if last is None:
        return None
    if last.kind == "UNCLOSED" and last.text[0] != "/":
        return len(all_tokens) - 1
    is_line_comment = last.kind == "COMMENT" and not last.text.startswith("/*")
    return "comment" if last.kind == "UNCLOSED" or is_line_comment else None


def _drop_trivia(all_tokens: Sequence[Token]) -> tuple[Token, ...]:
    return tuple(token for token in all_tokens if token.kind not in TRIVIA)


def _read_rest(parser: Parser, text: str, start: int) -> tuple[Token, ...]:
    """Return the statement's tokens from a position on."""
    rest: list[Token] = []
    closed = False
    for token in tokenize(parser.table, text, start):
        if token.kind == "COMMENT":
            closed = closed or closes_statement(token)
            continue
        if token.kind == "BLANK":
            continue
        if (token.kind == "OTHER" and token.text == ";") or (closed and token.text.upper() in parser.table.openers):
            break
        rest.append(token)
    return tuple(rest)


# A parity of quotes is enough here: a doubled quote counts twice and changes nothing.
def is_closed(rest_of_line: str, quote: str) -> bool:
    """Return True if quotes that are open at the cursor are closed on its line: an odd number of them is left."""
    return rest_of_line.count(quote) % 2 == 1


def _locate_in_quotes(context: CursorContext, parser: Parser, all_tokens: list[Token], number: int) -> CursorContext:
    opening = all_tokens[number]
    before = _drop_trivia(all_tokens[:number])
    quote, start = opening.text[0], opening.start + 1
    content = context.text[start : context.cursor]
    rest = context.rest_of_line
    end = rest.find(quote) + 1 if is_closed(rest, quote) else 0
    after = _read_rest(parser, context.text, context.cursor + end)
    quoted = replace(context, start=start, typed=content, before=before, after=after, quote=quote)
    brace = _find_json_start(before)
    if brace is not None:
        return _to_json_context(quoted, brace)
    if quote == "'":
        is_json = len(before) > 1 and before[-1].text == "=" and before[-2].kind == "JSON_PARAMETER"
        return replace(quoted, kind="json" if is_json else "string", path_start=opening.start)
    if "\n" in content:
        return context
    path_start, qualifier = _read_qualifier(before, opening.start)
    before = _tokens_until(before, path_start)
    return replace(quoted, kind="word", start=opening.start, path_start=path_start, qualifier=qualifier, before=before)


# Backwards from the cursor, because the object that matters is the innermost one that is still open.
def _find_json_start(before: Sequence[Token]) -> int | None:
    """Return where a JSON object without quotes begins that follows `@@json =` and is not closed yet."""
    depth = 0
    for number in range(len(before) - 1, -1, -1):
        token = before[number]
        if token.kind != "OTHER" or token.text not in "{}":
            continue
        depth += 1 if token.text == "{" else -1
        if depth == 1:
            if number > 1 and before[number - 1].text == "=" and before[number - 2].kind == "JSON_PARAMETER":
                return token.start
            depth = 0
    return None


def _to_json_context(context: CursorContext, brace: int) -> CursorContext:
    before = tuple(t for t in context.before if t.start < brace)
    return replace(
        context,
        kind="json",
        start=brace,
        typed=context.text[brace : context.cursor],
        quote="",
        before=before,
        path_start=brace,
    )


def _tokens_until(significant: tuple[Token, ...], end: int) -> tuple[Token, ...]:
    return tuple(token for token in significant if token.end <= end)


def _read_qualifier(before: Sequence[Token], start: int) -> tuple[int, tuple[str, ...]]:
    """Return where a dotted name that goes on at `start` begins, and its parts before that; blanks end a name."""
    parts: list[str] = []
    at = len(before)
    while (
        at > 1
        and before[at - 1].text == "."
        and before[at - 1].end == start
        and before[at - 2].kind in NAME_KINDS
        and before[at - 2].end == before[at - 1].start
    ):
        at -= 2
        start = before[at].start
        parts.append(unquote_name(before[at]))
    return start, tuple(reversed(parts))


def unquote_name(token: Token) -> str:
    """Return a name without its quotes."""
    if token.kind != "QUOTED_NAME":
        return token.text
    return token.text[1:-1].replace(token.text[0] * 2, token.text[0])


def _locate_in_words(context: CursorContext, parser: Parser, all_tokens: list[Token]) -> CursorContext:
    significant = _drop_trivia(all_tokens)
    last = all_tokens[-1] if all_tokens else None
    word, kind = "", "word"
    if last is not None:
        match last.kind:
            case "NAME":
                word = last.text
            case "PARAMETER" | "JSON_PARAMETER":
                word, kind = last.text, "argument"
            case "OTHER" if last.text == "@":
                word, kind = "@@" if context.text.endswith("@@", 0, context.cursor) else "@", "argument"
            case "STRING" | "QUOTED_NAME" | "NUMBER" | "BLOB" | "PLACEHOLDER" | "VARIABLE":
                return context
            case "OPERATOR" if last.text == ")":
                return context
    start = context.cursor - len(word)
    before = _tokens_until(significant, start)
    path_start, qualifier = _read_qualifier(before, start)
    if last is not None and last.text == "." and not qualifier:
        return context
    before = _tokens_until(before, path_start)
    end = _WORD_REST.match(context.text, context.cursor)
    after = _read_rest(parser, context.text, end.end() if end else context.cursor)
    here = replace(
        context, start=start, typed=word, before=before, after=after, path_start=path_start, qualifier=qualifier
    )
    brace = _find_json_start(before)
    if brace is not None:
        return _to_json_context(here, brace)
    may_open_statement = _may_open_statement(parser, context, all_tokens, start)
    return replace(here, kind="argument" if kind == "argument" else "word", may_open_statement=may_open_statement)


def _may_open_statement(parser: Parser, context: CursorContext, all_tokens: list[Token], start: int) -> bool:
    """Return True if a comment that ends with `;` is followed only by blanks and the word that is typed."""
    for token in reversed(all_tokens):
        if token.kind == "BLANK" or token.start >= start:
            continue
        if token.kind != "COMMENT" or not closes_statement(token):
            return False
        return parser.is_complete(context.text[context.statement_start : token.start])
    return False
