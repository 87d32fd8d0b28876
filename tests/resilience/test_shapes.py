"""Check that unexpected responses are shown exactly, or are one error that names the place in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.resilience.faulty_server import Behaviour, Exchange, FaultyServer, answers
from tests.resilience.harness import INSERT, Harness
from tokensh.api.hosts import Target
from tokensh.api.request import Request
from tokensh.api.response import decode, find_rows, to_cell
from tokensh.errors import ApiError, ReplyError
from tokensh.provider.catalog import Catalog
from tokensh.redact import Redactor

COLUMNS = ("token_id", "comment", "creation_time", "expiry_time")
SELECT = f"SELECT {', '.join(COLUMNS)} FROM user_tokens"
BIG = "9" * 26


def listing(**fields: Any) -> bytes:
    """Return a list of one token with some fields replaced; `...` removes a field."""
    info = {"token_id": "a1", "comment": "c", "creation_time": 1, "expiry_time": -1, **fields}
    return json.dumps({"token_infos": [{name: value for name, value in info.items() if value is not ...}]}).encode()


def row(**fields: Any) -> list[dict[str, Any]]:
    return [{"token_id": "a1", "comment": "c", "creation_time": 1, "expiry_time": -1, **fields}]


def listing_with_creation_time(text: str) -> bytes:
    """Return a list whose creation_time is exactly this JSON text."""
    return listing(creation_time=12345).replace(b"12345", text.encode())


SHOWN: dict[str, tuple[bytes, list[dict[str, Any]]]] = {
    "the largest integer": (listing_with_creation_time("9223372036854775807"), row(creation_time=9223372036854775807)),
    "the smallest integer": (listing_with_creation_time("-9223372036854775808"), row(creation_time=-9223372036854775808)),
    "an integer as text": (listing(creation_time="1700000000000"), row(creation_time=1700000000000)),
    "an integer with a fraction of zero": (listing_with_creation_time("1700000000000.0"), row(creation_time=1700000000000)),
    "an object in a text": (listing(comment={"a": [1, None]}), row(comment='{"a":[1,null]}')),
    "a boolean in a text": (listing(comment=True), row(comment="true")),
    "a number in a text": (listing(comment=12), row(comment="12")),
    "null": (listing(comment=None, expiry_time=None), row(comment=None, expiry_time=None)),
    "the text null": (listing(comment="null"), row(comment="null")),
    "an empty text": (listing(comment=""), row(comment="")),
    "missing fields": (listing(comment=..., expiry_time=...), row(comment=None, expiry_time=None)),
    "half a character": (listing(comment="a\ud800b"), row(comment="a\\ud800b")),
    "an object without the list": (b"{}", []),
    "null for the list": (b'{"token_infos": null}', []),
    "an empty list": (b'{"token_infos": []}', []),
    "twice the same row": (b'{"token_infos": [{"token_id": "a1"}, {"token_id": "a1"}]}', [
        dict.fromkeys(COLUMNS) | {"token_id": "a1"}] * 2),
    "a byte order mark": (b"\xef\xbb\xbf" + listing(), row()),
    "blanks around it": (b"\r\n " + listing() + b"\n", row()),
}  # fmt: skip
WRONG: dict[str, tuple[bytes, str]] = {
    "an integer of 64 bits and one": (listing_with_creation_time("9223372036854775808"), "9223372036854775808 at $.token_infos[0].creation_time does not fit into 64 bits"),
    "an integer of 26 digits": (listing_with_creation_time(BIG), f"{BIG} at $.token_infos[0].creation_time does not fit"),
    "an integer of 5,000 digits": (listing_with_creation_time("9" * 5000), "a number with too many digits"),
    "an integer as text, too long": (listing(creation_time=BIG), "integer expected at $.token_infos[0].creation_time"),
    "a fraction for an integer": (listing_with_creation_time("1.5"), "integer expected at $.token_infos[0].creation_time, not 1.5"),
    "an endless number": (listing_with_creation_time("1e400"), "integer expected at $.token_infos[0].creation_time"),
    "NaN": (listing_with_creation_time("NaN"), "invalid number in the reply: NaN is not JSON"),
    "Infinity": (listing_with_creation_time("-Infinity"), "invalid number in the reply: -Infinity is not JSON"),
    "a word for an integer": (listing(expiry_time="never"), 'integer expected at $.token_infos[0].expiry_time, not "never"'),
    "a list for an integer": (listing(creation_time=[1]), "integer expected at $.token_infos[0].creation_time, not [1]"),
    "a boolean for an integer": (listing(creation_time=True), "integer expected at $.token_infos[0].creation_time, not true"),
    "an object for the list": (b'{"token_infos": {"token_id": "a1"}}', "unexpected object at $.token_infos"),
    "a text for the list": (b'{"token_infos": "none"}', "unexpected text at $.token_infos"),
    "numbers in the list": (b'{"token_infos": [1, "a", null]}', "unexpected number at $.token_infos[0]"),
    "null in the list": (b'{"token_infos": [{"token_id": "a"}, null]}', "unexpected null at $.token_infos[1]"),
    "an array": (b'[{"token_id": "a1"}]', "unexpected array at $"),
    "a text": (b'"tokens"', "unexpected text at $"),
    "a key twice": (b'{"token_infos": [{"token_id": "a", "token_id": "b"}]}', "duplicate key in an object of the reply"),
    "nothing": (b"", "the reply to listtokens is empty"),
    "blanks": (b" \n", "the reply to listtokens is empty"),
    "a login page": (b"<html><title>Log in</title></html>", "is not valid JSON (text/html, 34 bytes)"),
    "half of it": (listing()[:-9], "is not valid JSON"),
    "more behind it": (listing() + b"{}", "is not valid JSON"),
    "UTF-16": (listing().decode().encode("utf-16"), "is not valid UTF-8"),
    "invalid UTF-8": (listing(comment="x").replace(b'"x"', b'"\xff"'), "is not valid UTF-8"),
    "100,000 brackets": (b'{"token_infos": ' + b"[" * 100_000, "is nested too deeply"),
    "an error with status 200": (b'{"error_code": "X", "message": "no such luck"}', "dbc-1: no such luck"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHOWN)
def test_what_can_be_shown_is_shown_exactly(name: str, harness: Harness, workspace: FaultyServer) -> None:
    content, expected = SHOWN[name]
    workspace.on("list", answers(200, content, Content_Type="application/json"))
    result = harness.run("-o", "json", "-c", SELECT)
    assert (result.status, result.err) == (0, "")
    assert json.loads(result.out) == expected
    for other_format in ("table", "csv", "jsonl", "line"):
        assert harness.run("-o", other_format, "-c", SELECT).status == 0


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_is_one_error_with_its_place(name: str, harness: Harness, workspace: FaultyServer) -> None:
    content, message = WRONG[name]
    workspace.on("list", answers(200, content, Content_Type="text/html"))
    result = harness.run("-o", "json", "-c", SELECT)
    assert (result.status, json.loads(result.out or "[]"), result.count_requests("GET")) == (1, [], 1)
    assert message in result.err
    assert result.err.count("error:") == 1


def test_no_content_is_no_list(harness: Harness, workspace: FaultyServer) -> None:
    workspace.on("list", answers(204, b""))
    result = harness.run("-c", SELECT)
    assert (result.status, result.out) == (1, "")
    assert "is empty" in result.err


@pytest.mark.parametrize("kind", ["text/plain", "text/html; charset=latin-1", "", "x" * 5000])
def test_the_content_type_is_not_what_counts(kind: str, harness: Harness, workspace: FaultyServer) -> None:
    workspace.on("list", answers(200, listing(comment="é"), Content_Type=kind))
    assert json.loads(harness.run("-o", "json", "-c", SELECT).out) == row(comment="é")


def test_a_secret_that_does_not_belong_into_a_list_is_not_shown(harness: Harness, workspace: FaultyServer) -> None:
    secret = "dapi" + "5" * 32
    harness.secrets.append(secret)
    workspace.on("list", answers(200, listing(token_value=secret)))
    for statement in ("SELECT * FROM user_tokens", SELECT):
        assert harness.run("-o", "json", "-c", statement).status == 0
    assert harness.run("-c", "SELECT token_value FROM user_tokens").status == 1


@pytest.mark.parametrize("token", [..., None, "", "abc"])
def test_a_page_that_is_not_the_last_is_not_taken_for_all(
    token: Any, harness: Harness, workspace: FaultyServer
) -> None:
    body = {"token_infos": [{"token_id": "a1"}], **({} if token is ... else {"next_page_token": token})}
    workspace.on("list", answers(200, json.dumps(body).encode()))
    result = harness.run("-o", "json", "-c", SELECT)
    assert [token["token_id"] for token in json.loads(result.out)] == ["a1"]
    if token == "abc":
        assert result.status == 1
        assert (
            result.err
            == "warning: dbc-1 answered with the first of several pages (next_page_token); the others are not fetched,"
            " rows are missing\n"
        )
    else:
        assert (result.status, result.err) == (0, "")


# ---- the reply to a create


def spoils(spoil: Callable[[dict[str, Any]], Any]) -> Behaviour:
    """Take effect, and answer with something else than the proper reply."""

    def behave(exchange: Exchange) -> None:
        made = spoil(json.loads(exchange.take_effect()))
        exchange.reply(200, made if isinstance(made, bytes) else json.dumps(made).encode(), Content_Type="text/html")

    return behave


LOST: dict[str, Callable[[dict[str, Any]], Any]] = {
    "nothing": lambda _: b"",
    "null": lambda _: None,
    "an empty object": lambda _: {},
    "an array": lambda proper: [proper],
    "a text": lambda _: "done",
    "half of it": lambda proper: json.dumps(proper).encode()[:80],
    "a login page": lambda _: b"<html>log in</html>",
    "more behind it": lambda proper: json.dumps(proper).encode() + b"}",
    "invalid UTF-8": lambda proper: json.dumps(proper).encode() + b"\xff",
    "a value that is null": lambda proper: proper | {"token_value": None},
    "a value that is empty": lambda proper: proper | {"token_value": ""},
    "a value that is not a text": lambda proper: proper | {"token_value": [proper["token_value"]]},
    "no value": lambda proper: {"token_info": proper["token_info"]},
    "a value twice": lambda proper: json.dumps(proper).encode()[:-1] + b', "token_value": "x"}',
    "100,000 brackets": lambda _: b"[" * 100_000,
    "a number of 5,000 digits": lambda _: b'{"token_value": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("returning", ["token_info, token_value", "token_value"])
@pytest.mark.parametrize("name", LOST)
def test_a_create_whose_reply_is_broken_is_an_orphan_that_is_named(
    name: str, returning: str, harness: Harness, workspace: FaultyServer
) -> None:
    workspace.on("create", spoils(LOST[name]))
    result = harness.run("-o", "json", "-c", f"{INSERT.partition('RETURNING')[0]}RETURNING {returning}")
    assert (result.status, json.loads(result.out or "[]")) == (4, [])
    assert (result.count_requests("POST", "create"), len(result.minted)) == (1, 1)
    assert "whether dbc-1 created the token is unknown" in result.err


def test_a_create_that_is_refused_with_status_200_is_refused(harness: Harness, workspace: FaultyServer) -> None:
    workspace.on("create", answers(200, b'{"error_code": "QUOTA_EXCEEDED", "message": "600 tokens"}'))
    result = harness.run("-c", INSERT)
    assert (result.status, result.out, result.minted) == (1, "", [])
    assert "600 tokens" in result.err


KEPT: dict[str, tuple[Callable[[dict[str, Any]], Any], Callable[[dict[str, Any]], Any]]] = {
    "without token_info": (lambda made: {"token_value": made["token_value"]}, lambda _: None),
    "token_info a text": (lambda made: made | {"token_info": "x"}, lambda _: "x"),
    "token_info a list": (lambda made: made | {"token_info": [1]}, lambda _: [1]),
    "with more": (lambda made: made | {"new": [1]}, lambda made: made["token_info"]),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_create_that_gives_its_value_is_delivered_whatever_else_it_says(
    name: str, harness: Harness, workspace: FaultyServer
) -> None:
    spoil, info = KEPT[name]
    workspace.on("create", spoils(spoil))
    result = harness.run("-o", "json", "-c", INSERT)
    assert result.status == 0
    ((token_id, value),) = harness.tokens.minted.items()
    expected = info({"token_info": harness.tokens.infos[token_id]})
    assert json.loads(result.out) == [{"token_info": expected, "token_value": value}]


@pytest.mark.parametrize("shape", ["json", "table", "csv", "line"])
def test_a_value_with_controls_is_delivered_inert(shape: str, harness: Harness, workspace: FaultyServer) -> None:
    workspace.on("create", spoils(lambda made: made | {"token_value": "\x1b]0;x\x07" + made["token_value"]}))
    result = harness.run("-o", shape, "-c", INSERT)
    assert result.status == 0
    assert len(result.minted) == 1
    if shape != "csv":
        assert "\x1b" not in result.out


# ---- any reply at all

_METHOD = Catalog.load(None).resource("databricks_workspace", "workspace", "user_tokens").methods_for("SELECT")[0]
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*COLUMNS, "token_infos", "x"]), inner),
    max_leaves=12,
)
_infos = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(COLUMNS, _json)), max_size=3)
_bodies = st.one_of(_json, st.fixed_dictionaries({"token_infos": st.one_of(_infos, _json)}))


@st.composite
def _contents(draw: st.DrawFn) -> bytes:
    """Draw JSON near the schema, sometimes damaged: cut off, a byte changed, a control character or a foreign byte added."""
    content = bytearray(json.dumps(draw(_bodies), ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass"))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(content)))
        content[at : at + draw(st.integers(0, 2))] = draw(st.sampled_from([b"", b"\x00", b"\x1b", b"\xff", b"{", b'"']))
    return bytes(content)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(_contents(), st.sampled_from([200, 200, 200, 204, 400, 401, 404, 429, 500, 599]))
@example(b"\xef\xbb\xbf", 200)
@example(b'{"token_infos": [{"creation_time": 1e400}]}', 200)
@example(b'{"error_code": {"\\ud800": NaN}}', 400)
def test_any_reply_is_rows_of_the_documents_types_or_one_inert_error(content: bytes, status: int) -> None:
    request = Request("GET", Target("https", "dbc-1.cloud.databricks.com", None, "", "dbc-1"), "/api/2.0/token/list")
    try:
        found = find_rows(_METHOD, decode(request, status, {}, content, 0.0, Redactor()))
        cells = [to_cell(f.type, row_object.get(f.name), f"$.{f.name}") for row_object in found for f in _METHOD.fields]
    except (ApiError, ReplyError) as error:
        told = f"{error}{error.hint}"
        _is_inert(told)
        return
    assert status < 400
    for field, value in zip([*_METHOD.fields] * len(found), cells, strict=True):
        assert value is None or isinstance(value, int if field.type == "integer" else str)
        if isinstance(value, int):
            assert -(2**63) <= value < 2**63
        str(value).encode()


def _is_inert(text: str) -> None:
    assert text.isprintable() or all(character.isprintable() or ord(character) > 0xA0 for character in text)
    assert not set(text) & {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x202E, 0x2028)}
    assert len(text) < 2000
