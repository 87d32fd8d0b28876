"""Check that a reply is rows, the documented empty object, or an error: whatever its keys are called and wherever they stand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.test_request import method
from tests.api.test_response import CREATE, GET, LIST, REVOKE, answer
from tests.cases import each_case
from tokensh.api.reply_shapes import find_error, find_next_page
from tokensh.api.response import describe_next_page, find_rows
from tokensh.errors import ApiError, ReplyError

PERMISSIONS = method("token_permissions", "getpermissions")
SET_PERMISSIONS = method("token_permissions", "setpermissions")
ROWS: list[dict[str, Any]] = [{"token_id": "a"}]
ERRORS: list[dict[str, Any]] = [
    {"error": "unauthorized"},
    {"error": {"code": 401, "message": "who?"}},
    {"error": True},
    {"error_code": "PARTIAL"},
    {"errorCode": "E1", "errorSummary": "no"},
    {"ERROR-MESSAGE": "no"},
    {"message": "Not logged in"},
    {"code": 16, "message": "Request had invalid credentials", "details": []},
    {"code": "UNAUTHENTICATED"},
    {"code": 503},
    {"code": -1},
    {"status": "error"},
    {"status": "FAILED"},
    {"status": 500},
    {"status": "403"},
    {"statusCode": 401},
    {"success": False},
    {"status": False},
    {"ok": "false"},
    {"errors": ["a", "b"]},
    {"errors": [{"code": 1}]},
    {"fault": {"faultstring": "no"}},
    {"exception": "java.lang.Error"},
    {"detail": "Not authenticated"},
    {"meta": {"error": "deep"}},
    {"meta": [{"x": [{"errors": ["deeper"]}]}],},
    {"warnings": ["some rows are missing"]},
]  # fmt: skip
HARMLESS: list[dict[str, Any]] = [
    {"error": None, "errors": [], "message": ""},
    {"code": 0, "message": "OK"},
    {"code": 200, "status": "success"},
    {"status": 200, "success": True},
    {"status": "200", "code": "0"},
    {"ok": True, "error_code": ""},
    {"meta": {"status": "active", "message": "hello"}},
    {"request_id": "r-1", "took": 3},
]


@each_case("found", ERRORS, ids=json.dumps)
@each_case("rows", [None, ROWS, []], ids=["without rows", "with rows", "with no rows"])
def test_a_listing_that_says_that_there_was_an_error_is_one(found: dict[str, Any], rows: Any) -> None:
    body = found if rows is None else {"token_infos": rows, **found}
    with pytest.raises((ApiError, ReplyError)):
        find_rows(LIST, answer(json.dumps(body)))


@each_case("found", [*ERRORS, *HARMLESS[-2:], {"token_infos": []}, {"a": 1}], ids=json.dumps)
@each_case("write", [REVOKE, method("tokens", "delete")], ids=lambda write: str(write.name))
def test_a_revoke_that_is_answered_with_an_unknown_object_is_no_success(write: Any, found: dict[str, Any]) -> None:
    with pytest.raises((ApiError, ReplyError)):
        find_rows(write, answer(json.dumps(found)))


@each_case("body", ["null", '"done"', "[]", "[1]", "7", "true"])
def test_a_revoke_that_is_answered_with_no_object_is_no_success(body: str) -> None:
    with pytest.raises(ReplyError):
        find_rows(REVOKE, answer(body))


@each_case("found", HARMLESS, ids=json.dumps)
def test_rows_beside_which_all_is_well_are_rows(found: dict[str, Any]) -> None:
    assert list(find_rows(LIST, answer(json.dumps({"token_infos": ROWS, **found})))) == ROWS


@each_case(
    "body",
    [{"tokenInfos": ROWS}, {"data": {"token_infos": ROWS}}, {"other": 1}, {"token_info": {}}, {"took": 3, "id": "x"}],
    ids=json.dumps,
)
def test_an_object_without_the_documents_key_is_an_error_that_quotes_its_keys(body: dict[str, Any]) -> None:
    with pytest.raises(ReplyError) as caught:
        find_rows(LIST, answer(json.dumps(body)))
    assert all(repr(key) in str(caught.value) for key in body)
    assert "'token_infos'" in str(caught.value)


@pytest.mark.parametrize(("count", "end"), [(5, ""), (6, " ...")])
def test_of_an_object_with_many_keys_five_are_quoted(count: int, end: str) -> None:
    quoted = ", ".join(f"'k{n}'" for n in range(min(count, 5)))
    with pytest.raises(ReplyError, match=f"an object with {quoted}{re.escape(end)}, not 'token_infos'"):
        find_rows(LIST, answer(json.dumps({f"k{n}": n for n in range(count)})))


@pytest.mark.parametrize("row", [{"error": "x"}, {"error_code": "X", "message": "m"}, {"id": "a"}], ids=json.dumps)
def test_a_row_without_any_field_of_a_row_is_an_error_with_its_place(row: dict[str, Any]) -> None:
    with pytest.raises(ReplyError) as caught:
        find_rows(LIST, answer(json.dumps({"token_infos": [*ROWS, row]})))
    assert caught.value.path == "$.token_infos[1]"


class TestOneObject:
    @each_case("body", [{}, {"x": 1}, {"error": "no"}, {"message": "no"}, {"code": 5}], ids=json.dumps)
    def test_of_which_no_field_is_known_is_an_error(self, body: dict[str, Any]) -> None:
        with pytest.raises((ApiError, ReplyError)):
            find_rows(PERMISSIONS, answer(json.dumps(body)))

    def test_is_a_row_whatever_stands_in_its_fields(self) -> None:
        body = {"object_id": "x", "access_control_list": [{"error": "y", "message": "z"}]}
        assert list(find_rows(PERMISSIONS, answer(json.dumps(body)))) == [body]

    def test_with_an_error_beside_its_fields_is_an_error(self) -> None:
        with pytest.raises(ApiError):
            find_rows(PERMISSIONS, answer('{"object_id": "x", "error_code": "PARTIAL"}'))

    def test_under_a_key_is_absent_in_an_empty_object_alone(self) -> None:
        assert list(find_rows(GET, answer("{}"))) == []
        with pytest.raises(ReplyError, match="'x'"):
            find_rows(GET, answer('{"x": 1}'))

    def test_of_a_write_may_be_empty(self) -> None:
        assert list(find_rows(SET_PERMISSIONS, answer("{}"))) == [{}]
        with pytest.raises(ReplyError):
            find_rows(CREATE, answer('{"x": 1}'))


@each_case("status", [100, 101, 103, 202, 204, 206, 207, 208, 226, 299, 304])
def test_a_status_that_is_no_whole_answer_is_no_rows(status: int) -> None:
    with pytest.raises(ReplyError):
        find_rows(LIST, answer(b"" if status == 204 else '{"token_infos": []}', status))


MORE: list[dict[str, Any]] = [
    {"next_page_token": "x"}, {"nextPageToken": "x"}, {"@odata.nextLink": "https://x"}, {"next": "/x"}, {"next": {"href": "/x"}},
    {"has_more": True}, {"hasMore": "true"}, {"is_truncated": True}, {"links": {"next": "/x"}}, {"_links": {"next": {"href": "x"}}},
    {"paging": {"cursors": {"after": "x"}, "next": "x"}}, {"page_info": {"hasNextPage": True, "endCursor": "x"}},
    {"response_metadata": {"next_cursor": "x"}}, {"total": 5}, {"totalResults": "5"}, {"total_pages": 2}, {"last": False}, {"last": "false"}, {"next": 2}, {"has_more": 1},
    {"continuation_token": "x"}, {"next_offset": 100}, {"meta": [{"pagination": {"total_count": 2}}]},
    {"links": [{"rel": "self", "href": "/1"}, {"rel": "next", "href": "/2"}]}, {"offset": 0, "count": 7},
]  # fmt: skip
ALL: list[dict[str, Any]] = [
    {"next_page_token": ""}, {"next_page_token": None}, {"has_more": False}, {"has_more": "false"}, {"links": {"next": None}},
    {"prev_page_token": "x"}, {"total": 1}, {"totalResults": 1, "startIndex": 1}, {"total_pages": 1}, {"last": True},
    {"last": "true"}, {"total": [1, 2]}, {"total": True}, {"next": ["x"][:0]}, {"has_more": 0}, {"next": "none"},
    {"next": {}}, {"next_offset": 0}, {"next_offset": -1}, {"links": [{"rel": "self"}]}, {"count": 1}, {},
]  # fmt: skip
MORE_HEADERS = [
    {"Link": '<https://x/2>; rel="next"'}, {"Link": "</2>; rel=next"}, {"Link": '</1>; rel="prev", </3>; REL="last next"'},
    {"Link": '</3>; title="a"; rel = next'}, {"Link": '</3>; rel= "next"'}, {"X-Next-Page": "2"}, {"X-Total-Count": "2"}, {"X-Total-Pages": "3"},
    {"X-Has-More": "true"}, {"Content-Range": "items 0-0/9"}, {"Content-Range": "items 0-0/*"}, {"Content-Range": "items 0-x/1"}, {"Content-Range": "items 0-0/2"}, {"Content-Range": "items 1-1/2"},
]  # fmt: skip
ALL_HEADERS = [
    {"Link": '</1>; rel="prev"'}, {"Link": "</s.css>; rel=preload; as=next"}, {"Link": ""}, {"Link": "next"}, {"X-Next-Page": ""},
    {"X-Total-Count": "1"}, {"X-Total-Pages": "1"}, {"Content-Range": "items 0-0/1"}, {"Date": "next"}, {"X-Request-Id": "next"},
]  # fmt: skip


def test_rows_that_a_document_does_not_describe_are_rows() -> None:
    undescribed = replace(LIST, fields=(), undocumented_fields=())
    assert find_rows(undescribed, answer(json.dumps({"token_infos": ROWS}))) == ROWS


@each_case("found", MORE, ids=json.dumps)
def test_a_reply_that_shows_further_pages_is_known_by_its_keys(found: dict[str, Any]) -> None:
    reply = answer(json.dumps({**found, "token_infos": ROWS}))
    assert find_rows(LIST, reply) == ROWS
    assert describe_next_page(LIST, reply)


@each_case("found", ALL, ids=json.dumps)
def test_a_reply_that_shows_no_further_pages_is_all(found: dict[str, Any]) -> None:
    reply = answer(json.dumps({"token_infos": ROWS, **found}))
    assert find_rows(LIST, reply) == ROWS
    assert describe_next_page(LIST, reply) is None


@each_case("headers", MORE_HEADERS, ids=json.dumps)
def test_further_pages_are_known_by_headers(headers: dict[str, str]) -> None:
    assert find_next_page({"token_infos": ROWS}, ROWS, headers)


@each_case("headers", ALL_HEADERS, ids=json.dumps)
def test_other_headers_say_nothing(headers: dict[str, str]) -> None:
    assert find_next_page({"token_infos": ROWS}, ROWS, headers) is None


@pytest.mark.parametrize("object_key", ["$.data.items", "$['data']['items']", "$.data['items'][*]"])
def test_rows_deeper_in_a_reply_are_found_and_what_stands_beside_their_way_is_refused(object_key: str) -> None:
    listing = replace(LIST, object_key=object_key, reply_keys=("data", "page"))
    assert find_rows(listing, answer(json.dumps({"data": {"items": ROWS}}))) == ROWS
    without: list[Any] = [{}, {"data": {}}, {"data": None}, {"data": {"items": None}}, {"page": 1}]
    unknown: list[Any] = [
        None,
        [],
        {"x": 1},
        {"data": {"x": 1}},
        {"data": {"page": 1}},
        {"data": [1]},
        {"data": {"items": 1}},
    ]
    for nothing in without:
        assert list(find_rows(listing, answer(json.dumps(nothing)))) == []
    for wrong in unknown:
        with pytest.raises(ReplyError):
            find_rows(listing, answer(json.dumps(wrong)))


def test_a_write_whose_reply_is_not_described_may_answer_anything_but_an_error() -> None:
    open_ended = replace(REVOKE, reply_keys=None)
    for body in ("", "{}", '{"id": 1}', "null"):
        assert len(find_rows(open_ended, answer(body))) <= 1
    with pytest.raises(ApiError):
        find_rows(open_ended, answer('{"error": "no"}'))


def test_what_rows_hold_says_nothing_about_the_reply() -> None:
    rows = [{"token_id": "a", "comment": {"next": "x", "error": "y", "has_more": True}}]
    reply = answer(json.dumps({"token_infos": rows}))
    assert find_rows(LIST, reply) == rows
    assert describe_next_page(LIST, reply) is None


def _snake(words: str) -> str:
    return words.replace(" ", "_")


def _camel(words: str) -> str:
    first, *others = words.split()
    return first + "".join(map(str.capitalize, others))


@given(
    words=st.sampled_from(["error code", "error message", "next page token", "has more", "next link", "errors"]),
    spell=st.sampled_from([_snake, _camel, str.upper, lambda words: words.replace(" ", "-")]),
    depth=st.integers(0, 40),
    in_list=st.booleans(),
)
def test_however_a_key_is_spelt_and_however_deep_it_stands_it_is_seen(
    words: str, spell: Callable[[str], str], depth: int, in_list: bool
) -> None:
    found: Any = {spell(words): "x"}
    for _ in range(depth):
        found = {"part": [found] if in_list else found}
    body = {"token_infos": ROWS, **found}
    is_error = "error" in words
    assert (find_error(body, ROWS, ("token_infos",)) is not None) == is_error
    assert (find_next_page(body, ROWS, {}) is not None) != is_error


# How APIs, gateways and frameworks spell what they say beside the rows: each word is known, and says nothing if it is empty.
ERROR_WORDS = """
error errors err errorCode error_message errorMsg errorSummary error_description errorDetail error_details errorInfo error_type
errorId exception exceptions exceptionMessage fault faults faultcode faultstring failure failures failed failed_requests
partialFailure partial_errors message messages msg detail details reason scimType stackTrace traceback warning warnings problem
problems
"""
STATUS_WORDS = "status statusCode code httpStatus http_code httpStatusCode returnCode result_code result"
SUCCESS_WORDS = "success ok succeeded isSuccess successful"
NEXT_WORDS = """
next nextPage next_page_token nextToken next_cursor nextLink nextLinks next_url nextUri nextHref NextMarker next_offset nextStart
nextStartIndex nextIndex nextKey nextPosition nextPageLink nextPageUrl nextPageUri @odata.nextLink continue continuation
continuationToken cursor endCursor Marker _scroll_id LastEvaluatedKey paging_token resumeToken moreUri moreUrl moreLink
"""
MORE_WORDS = """
more has_more hasNext hasNextPage hasMorePages hasMoreItems hasMoreResults hasMoreData moreAvailable moreResults moreData
IsTruncated truncated isPartial partial partialResult partialResults incomplete isIncomplete incomplete_results limitReached
"""
LAST_WORDS = "last lastPage isLast isLastPage isComplete complete final"
TOTAL_WORDS = """
total total_count totalResults totalItems totalElements totalSize totalRows totalRecords totalHits resultCount itemCount rowCount
recordCount estimatedTotal count
"""
PAGES_WORDS = "pages totalPages pageCount numPages numberOfPages pages_total"
WELL = ["", "OK", "success", "Succeeded.", "successful!", "complete", "completed", "done", "none", "true"]
NONE = ["", "False", " no", "none", "null", "0", "-1"]


def test_each_word_for_an_error_is_known_and_each_for_success() -> None:
    def is_error(found: dict[str, Any]) -> bool:
        return find_error({**found, "token_infos": ROWS}, ROWS, {"token_infos"}) is not None

    cases: list[tuple[str, list[Any], list[Any]]] = [
        (ERROR_WORDS, ["x", 1, True, ["x"], {"a": 1}], [None, False, 0, [], {}, *WELL]),
        (
            STATUS_WORDS,
            ["x", "99", 99, 400, "400", 403.5, -1, False, "9" * 5000],
            [None, True, 0, 100, 399, "399", {}, *WELL],
        ),
        (SUCCESS_WORDS, [False, *NONE], [True, None, "yes", 0]),
    ]
    for words, bad, good in cases:
        assert [(word, value) for word in words.split() for value in bad if not is_error({word: value})] == []
        assert [(word, value) for word in words.split() for value in good if is_error({word: value})] == []


def test_each_word_for_further_pages_is_known_and_each_for_none() -> None:
    def is_part(found: dict[str, Any]) -> bool:
        return find_next_page({**found, "token_infos": ROWS}, ROWS, {}) is not None

    cases: list[tuple[str, list[Any], list[Any]]] = [
        (NEXT_WORDS, ["x", 2, {"a": 1}, True], [None, False, 0, -1, [], {}, *NONE]),
        (MORE_WORDS, ["x", 2, True], [None, False, 0, -1, *NONE]),
        (LAST_WORDS, [False, " False"], [True, None, 0, "", "true", "no"]),
        (TOTAL_WORDS, [2, 1.5, "2", "9" * 5000], [1, 0, "1", "x", None, True, []]),
        (PAGES_WORDS, [2, "2"], [1, "1", 0, None, True]),
    ]
    for words, more, none in cases:
        assert [(word, value) for word in words.split() for value in more if not is_part({word: value})] == []
        assert [(word, value) for word in words.split() for value in none if is_part({word: value})] == []
    assert is_part({"links": [{"rel": "prev", "href": "/1"}, {"rel": "Last NEXT", "href": "/2"}]})
    assert not is_part({"links": [{"rel": "nextish", "href": "/1"}, {"rel": 1}]})


@each_case(
    ("header", "is_part"),
    [
        (("Content-Range", "items 0-24/25"), False),
        (("content-range", "0-24/25"), False),
        (("Content-Range", "items 0-24/26"), True),
        (("Content-Range", "items 1-24/25"), True),
        (("Content-Range", "items 0-24/*"), True),
        (("Content-Range", "items 0-x/25"), True),
        (("Content-Range", "items */25"), True),
        (("Link", "</2>; rel=next, </1>; rel=prev"), True),
        (("Link", '</2>; title="a"; REL = "last Next"'), True),
        (("Link", '</2>; rel="prev"'), False),
        (("Link", "<rel=next>"), False),
        (("Link", '</2>; rel="prev" next'), False),
        (("Link", "</1>; rel=prev next"), True),
        (("Link", "</2>; rev=next"), False),
        (("Link", "<" + "a" * 9000 + ">; rel=next"), False),
        (("X-Next-Page", "2"), True),
        (("X-Next-Page", ""), False),
        (("X-Total-Count", "2"), True),
        (("X-Total-Count", "1"), False),
        (("Total-Count", "2"), False),
        (("X-Total-Pages", "2"), True),
    ],
    ids=str,
)
def test_a_header_says_whether_the_rows_are_all(header: tuple[str, str], is_part: bool) -> None:
    assert find_next_page({}, ROWS, dict([header])) == (f"the header {header[0]}" if is_part else None)
