"""A large reply that is decoded in parts gives the rows, or the error, of the same reply decoded whole."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.test_request import method
from tests.cases import each_case
from tokensh._dataclasses import replace
from tokensh.api.hosts import Hosts
from tokensh.api.large_replies import RowReader
from tokensh.api.request import build_request
from tokensh.api.response import LARGE, Response, Undecoded, decode, defer, describe_next_page, find_rows
from tokensh.errors import Error, ReplyError
from tokensh.provider.model import Method
from tokensh.redact import Redactor

LIST = method("user_tokens", "listtokens")
BARE = replace(LIST, object_key=None)
REQUEST = build_request(LIST, Hosts(), {"deployment_name": "dbc-1"})

TEXTS = st.one_of(st.text(max_size=8), st.sampled_from(['},{"a"', "]}", '"\\', "é\u2028", "\U0001f511", "[{", "a: b"]))
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), TEXTS)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))
ROWS = st.fixed_dictionaries({"token_id": TEXTS, "comment": VALUES}, optional={"more": VALUES})
ITEMS = st.lists(st.one_of(ROWS, ROWS, ROWS, ROWS, VALUES), max_size=6)
MARKS = (b",", b"}", b"]", b'"')
OTHERS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {}, {"next_page_token": "x"}, {"error_code": "E", "message": "m"}, {"other": [1]}]
)


def read_whole(called: Method, content: bytes) -> object:
    try:
        response = decode(REQUEST, 200, {}, content, 0.1, Redactor())
        return list(find_rows(called, response)), describe_next_page(called, response)
    except Error as error:
        return type(error), str(error), getattr(error, "path", None)


def read_parts(called: Method, content: bytes, size: int) -> object:
    chunks = deque(content[at : at + size] for at in range(0, len(content), size))
    reader = RowReader(called, Response(REQUEST, 200, None, 0.1, {}, undecoded=Undecoded(chunks, Redactor())))
    try:
        try:
            rows = [row for block in reader.blocks() for row in block]
        except ReplyError:
            reader.finish()
            raise
        return rows, describe_next_page(called, reader.response)
    except Error as error:
        return type(error), str(error), getattr(error, "path", None)


@st.composite
def replies(draw: st.DrawFn) -> tuple[Method, bytes]:
    items: Any = draw(ITEMS)
    called = draw(st.sampled_from([LIST, LIST, BARE]))
    body = {"token_infos": items, **draw(OTHERS)} if called is LIST else items
    text = json.dumps(body, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, None, 1])))
    content = text.encode("utf-8", "surrogatepass")
    at = draw(st.integers(0, len(content) - 1))
    cut, changed = content[: at + 1], content[:at] + draw(st.sampled_from([b"", b"\xff", *MARKS])) + content[at + 1 :]
    return called, draw(st.sampled_from([content, content, cut, changed]))


@settings(max_examples=150, deadline=None)
@given(replies(), st.sampled_from([1, 2, 3, 7, 50, 100_000]))
def test_its_rows_errors_and_pages_are_those_of_the_whole(reply: tuple[Method, bytes], size: int) -> None:
    called, content = reply
    assert read_parts(called, content, size) == read_whole(called, content)


ROW = b'{"token_id": "a", "comment": "b"}'


@each_case(
    "content",
    [
        b'{"token_infos": [%s], "token_infos": []}' % ROW,
        b'{"token_infos": [{"token_id": "a", "token_id": "b"}, 1], "x": ',
        b'{"token_infos": [%s, {"token_id": NaN}]}' % ROW,
        b'{"token_infos": [%s, {"token_id": %s1%s}]}' % (ROW, b"[" * 100_000, b"]" * 100_000),
        b'{"token_infos": [%s, {"token_id": %s}]}' % (ROW, b"1" * 5000),
        b'{"token_infos": [%s, 5], "error_code": "E", "message": "said"}' % ROW,
        b'{"token_infos": [%s], "next_page_token": "x"} x' % ROW,
        b'\xef\xbb\xbf{"token_infos": [%s]}' % ROW,
        b'{"other": 1, "token_infos": [%s]}' % ROW,
    ],
    ids=range(9),
)
def test_what_is_wrong_with_it_is_said_in_the_same_words(content: bytes) -> None:
    for size in (5, 64, 1_000_000):
        assert read_parts(LIST, content, size) == read_whole(LIST, content)


def test_what_has_been_read_of_it_is_freed() -> None:
    content = b'{"token_infos": [%s]}' % b",".join([ROW] * 40_000)
    chunks = deque(content[at : at + 65_536] for at in range(0, len(content), 65_536))
    response = defer(REQUEST, 200, {}, chunks, 0.1, Redactor())
    assert response is not None
    left = [len(chunks) for _ in RowReader(LIST, response).blocks()]
    assert left[0] >= len(left) - 2
    assert left == sorted(left, reverse=True)
    assert not chunks


def test_only_a_large_success_is_decoded_later() -> None:
    large, small = deque([bytes(LARGE)]), deque([bytes(LARGE - 1)])
    assert defer(REQUEST, 200, {}, large, 0.1, Redactor()) is not None
    assert defer(REQUEST, 200, {}, small, 0.1, Redactor()) is None
    assert defer(REQUEST, 403, {}, large, 0.1, Redactor()) is None
