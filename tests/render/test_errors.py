"""An error names its place, cause and remedy in safe text without secrets, or the same as one line of JSON."""

from __future__ import annotations

import json

import pytest

from tests.cases import each_case
from tests.render.results import HOSTILE
from tokensh.errors import (
    ApiError,
    CredentialError,
    Error,
    NetworkError,
    OperationalError,
    PlaceholderError,
    ProgrammingError,
    SeveralErrors,
    Span,
    UnknownName,
    UnknownOutcome,
)
from tokensh.redact import MASK, Redactor
from tokensh.render.errors import Source, format_error, format_error_json

PAT = "dapi" + "0123456789abcdef" * 2
REVOKE = (
    "EXEC databricks_workspace.workspace.user_tokens.revoketoken @deployment_name='dbc-1' "
    '@@json=\'{"token_id": "' + "ab" * 32 + "\"}';"
)


def lines(error: Error, source: Source | None = None) -> list[str]:
    return format_error(error, source, redact=Redactor().clean)


def spanned(text: str, word: str) -> Span:
    start = text.index(word)
    return Span(start, start + len(word))


def test_an_error_without_a_source_is_its_message_and_its_hint() -> None:
    assert lines(OperationalError("no", hint="try again")) == ["error: no", "hint: try again"]


def test_place_source_line_caret_and_hint() -> None:
    text = "SELECT commnt\nFROM t"
    error = UnknownName("column", "commnt", near="comment", span=spanned(text, "commnt"))
    assert lines(error, Source("a.sql", text, 4, 1)) == [
        "a.sql:4:8: error: unknown column 'commnt'",
        "SELECT commnt",
        "       ^^^^^^",
        "hint: did you mean 'comment'?",
    ]


def test_the_shell_shows_no_place() -> None:
    assert lines(ProgrammingError("bad", span=Span(7, 8)), Source("", "SELECT 1")) == [
        "error: bad",
        "SELECT 1",
        "       ^",
    ]


@each_case(
    ("text", "span", "place", "shown", "caret"),
    [
        ("SELECT x", Span(7, 8), "f:3:12", "SELECT x", "       ^"),
        ("SELECT 1,\r\n  x\r\nFROM", Span(13, 14), "f:4:3", "  x", "  ^"),
        ("\tSELECT\tx y", Span(8, 9), "f:3:13", "    SELECT    x y", " " * 14 + "^"),
        ("SELECT '日本' x", Span(12, 13), "f:3:17", "SELECT '日本' x", "              ^"),
        ("SELECT '日本'", Span(8, 10), "f:3:13", "SELECT '日本'", "        ^^^^"),
        ("SELECT \x1b x", Span(9, 10), "f:3:14", "SELECT \\x1b x", "            ^"),
        ("SELECT a\nb", Span(7, 10), "f:3:12", "SELECT a", "       ^"),
        ("SELECT", Span(6, 6), "f:3:11", "SELECT", "      ^"),
        ("SELECT 1 FROM  \n\n", Span(17, 17), "f:3:18", "SELECT 1 FROM  ", "             ^"),
        ("SELECT", Span(900, 950), "f:3:11", "SELECT", "      ^"),
        ("x" * 200 + "!" + "y" * 200, Span(200, 201), "f:3:205", "…" + "x" * 60 + "!" + "y" * 89 + "…", " " * 61 + "^"),
        ("!" + "y" * 200, Span(0, 1), "f:3:5", "!" + "y" * 149 + "…", "^"),
    ],
)
def test_the_caret_stands_below_what_is_wrong(text: str, span: Span, place: str, shown: str, caret: str) -> None:
    assert lines(ProgrammingError("bad", span=span), Source("f", text, 3, 5)) == [f"{place}: error: bad", shown, caret]


def test_where_there_is_no_statement_there_is_no_caret() -> None:
    assert lines(ProgrammingError("bad", span=Span(4, 5)), Source("", "")) == ["error: bad"]


def test_an_error_about_no_part_of_the_statement_still_tells_which_it_was() -> None:
    assert lines(NetworkError("no answer"), Source("a.sql", "SELECT 1", 7, 1)) == ["a.sql:7:1: error: no answer"]


def test_the_apis_facts_are_a_line_of_their_own() -> None:
    error = ApiError("Tokens are disabled", status=403, code="PERMISSION_DENIED", request_id="r-1", hint="ask an admin")
    assert lines(error) == [
        "error: Tokens are disabled",
        "(403 PERMISSION_DENIED, request id r-1)",
        "hint: ask an admin",
    ]
    assert lines(ApiError("no", status=500))[1] == "(500)"


def test_several_failures_are_listed_up_to_ten() -> None:
    failures: list[tuple[str, Error]] = [(f"dbc-{n}", NetworkError("no answer")) for n in range(12)]
    failures[0] = ("dbc-0", ApiError("dbc-0: no", status=403, code="DENIED", hint="ask"))
    assert lines(SeveralErrors("12 workspaces failed", failures=tuple(failures))) == [
        "error: 12 workspaces failed",
        "  dbc-0: no (403 DENIED)",
        *(f"  dbc-{n}: no answer" for n in range(1, 10)),
        "  … and 2 more",
        "hint: ask",
    ]


def test_several_failures_say_what_to_do_about_the_first_and_about_all() -> None:
    refused = ApiError("no", status=403, code="403", hint="was it revoked?", credential="profile x")
    error = SeveralErrors("2 of 3 failed", failures=(("a", refused), ("b", refused)), hint="--partial does without")
    assert lines(error) == [
        "error: 2 of 3 failed",
        "  a: no (403, profile x)",
        "  b: no (403, profile x)",
        "hint: was it revoked?; --partial does without",
    ]


def test_an_orphans_revoke_statement_is_never_shortened() -> None:
    error = UnknownOutcome(
        "the reply did not come", orphans=(("ab" * 32, REVOKE * 30), ("cd", REVOKE)), hint="run them"
    )
    assert lines(error) == [
        "error: the reply did not come",
        "token " + "ab" * 32,
        REVOKE * 30,
        "token cd",
        REVOKE,
        "hint: run them",
    ]


def test_an_orphan_among_several_failures_is_told_too() -> None:
    failures = (("dbc-1", UnknownOutcome("no reply", orphans=(("cd", REVOKE),))),)
    assert lines(SeveralErrors("1 failed", failures=failures)) == [
        "error: 1 failed",
        "  dbc-1: no reply",
        "token cd",
        REVOKE,
    ]


def test_missing_placeholders_are_named_with_their_lines() -> None:
    text = "SELECT '{{ a }}',\n'{{ b }}'"
    error = PlaceholderError("2 placeholders have no value", missing=(("a", 8), ("b", 19)), span=Span(8, 15))
    assert lines(error, Source("a.sql", text, 5))[3:] == ["  {{ a }} on line 5", "  {{ b }} on line 6"]
    single = PlaceholderError("a placeholder has no value", missing=(("a", 8),), span=Span(8, 15))
    assert len(lines(single, Source("a.sql", text, 5))) == 3
    assert len(lines(PlaceholderError("x", missing=tuple((f"p{n}", 0) for n in range(99))), Source("f", text))) == 12


def test_a_credential_error_tells_where_it_looked() -> None:
    error = CredentialError("no credential", looked_at=("~/.databrickscfg", "DATABRICKS_TOKEN"), hint="set one")
    assert lines(error)[1:] == ["  looked at: ~/.databrickscfg", "  looked at: DATABRICKS_TOKEN", "hint: set one"]


@each_case("text", HOSTILE, ids=ascii)
def test_hostile_text_is_inert_wherever_it_stands(text: str) -> None:
    source = Source(text, text + " x", 1, 1)
    error = ApiError(text, status=400, code=text, request_id=text, hint=text)
    error = error.with_context(span=Span(0, 1))
    for shown in [*lines(error, source), *lines(UnknownOutcome(text, orphans=((text, text),)))]:
        shown.encode()
        assert not any((c < " " and c != "\t") or "\x7f" <= c <= "\x9f" or c in "\u202e\u2067\u2028" for c in shown)


def test_a_long_message_is_cut_and_an_error_is_at_most_twenty_lines() -> None:
    failures = tuple((f"dbc-{n}", ApiError("x" * 10_000 + "\n" * 50, status=400)) for n in range(50))
    source = Source("f", "\n" * 50 + "SELECT x")
    shown = lines(SeveralErrors("50 failed\n" * 500, failures=failures, hint="h\n" * 50), source)
    assert len(shown) <= 20
    assert max(map(len, shown)) <= 2000


def test_secrets_are_out_of_message_source_line_and_hint() -> None:
    text = f"SELECT '{PAT}' FORM t"
    error = ProgrammingError(f"bad {PAT}", hint=f"not {PAT}", span=spanned(text, "FORM"))
    assert lines(error, Source("f", text)) == [
        "f:1:47: error: bad [hidden]",
        "SELECT '[hidden]' FORM t",
        "                  ^^^^",
        "hint: not [hidden]",
    ]


@pytest.mark.parametrize("span", [Span(8, 44), Span(12, 20)])
def test_a_caret_at_a_secret_shows_nothing_of_it(span: Span) -> None:
    shown = lines(ProgrammingError("bad", span=span), Source("f", f"SELECT '{PAT}'"))
    assert shown[1] == f"SELECT '{MASK}'"
    assert shown[2:] in ([], ["        " + "^" * len(MASK)])


def test_json_is_one_line_with_what_the_class_knows() -> None:
    error = ApiError(f"no {PAT}\u202e", status=403, code="DENIED", request_id="r", hint="ask")
    shown = format_error_json(error, Source("a.sql", "SELECT 1", 2, 3), redact=Redactor().clean)
    assert "\n" not in shown
    assert shown.isascii()
    assert json.loads(shown) == {
        "error": "no [hidden]\u202e",
        "type": "ApiError",
        "status": 403,
        "code": "DENIED",
        "request_id": "r",
        "hint": "ask",
        "file": "a.sql",
        "line": 2,
        "column": 3,
    }


def test_json_lists_failures_and_orphans_whole() -> None:
    redact = Redactor().clean
    failures = tuple((f"dbc-{n}", NetworkError("no answer")) for n in range(12))
    several = json.loads(format_error_json(SeveralErrors("all", failures=failures), redact=redact))
    assert several["failures"][11] == {"workspace": "dbc-11", "error": "no answer", "type": "NetworkError"}
    orphaned = json.loads(format_error_json(UnknownOutcome("?", orphans=(("ab", REVOKE),)), redact=redact))
    assert orphaned == {"error": "?", "type": "UnknownOutcome", "orphans": [{"token_id": "ab", "revoke": REVOKE}]}
