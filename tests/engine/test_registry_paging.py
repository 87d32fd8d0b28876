"""Lists of a registry's documents are read to their last page, in every way of paging that documents declare."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.engine.sessions import connect, run
from tests.provider.documents import MethodLine as M
from tests.provider.documents import Node, service_document, write_registry
from tests.resilience.client_bench import TOKEN
from tests.resilience.faulty_server import Exchange, FaultyServer
from tokensh.errors import ApiError, Error, ReplyError, SeveralErrors

PAGES = [[1, 2], [3, 4], [5]]
"""The rows of each page, from the first."""


def token(location: str, key: str = "page_token", reply: str = "next_page_token", where: str = "body") -> Node:
    return {"requestToken": {"key": key, "location": location}, "responseToken": {"key": reply, "location": where}}


def page_of(exchange: Exchange, key: str = "page_token") -> int:
    """Return the number of the page that a request asks for, from 0, wherever its token is."""
    seen = exchange.request
    sent = parse_qs(urlsplit(seen.path).query).get(key, [])
    body = json.loads(seen.body) if seen.body else {}
    header = [value for name, value in seen.headers.items() if name.lower() == key.replace("_", "-")]
    found = [*sent, *header, *([body[key]] if key in body else [])]
    return int(str(found[0]).removeprefix("t")) if found else 0


def reply_rows(exchange: Exchange, number: int, more: Node | None = None, **headers: str) -> None:
    rows = [{"id": value} for value in PAGES[number]]
    exchange.reply(200, json.dumps({"items": rows, **(more or {})}).encode(), **headers)


def by_token(key: str = "page_token", *path: str) -> Callable[[Exchange], None]:
    """Serve pages whose token is at a path of the reply; the last one has an empty token."""

    def serve(exchange: Exchange) -> None:
        number = page_of(exchange, key)
        names = path or ("next_page_token",)
        value: Any = f"t{number + 1}" if number + 1 < len(PAGES) else ""
        for name in reversed(names):
            value = {name: value}
        reply_rows(exchange, number, value)

    return serve


def by_number(exchange: Exchange) -> None:
    number = page_of(exchange, "page") or 1
    reply_rows(exchange, number - 1, {"page": number, "pages": len(PAGES), "results": 5})


def by_link(exchange: Exchange) -> None:
    number = page_of(exchange, "page")
    url = f"{exchange.server.origin}/w/w1/items?page={number + 1}&per_page=2"
    links = f'<{exchange.server.origin}/w/w1/items?page=0>; rel="first", <{url}>; rel="next"'
    reply_rows(exchange, number, Link=links if number + 1 < len(PAGES) else links.partition(",")[0])


def by_url(form: str, *path: str) -> Callable[[Exchange], None]:
    def serve(exchange: Exchange) -> None:
        number = page_of(exchange, "page")
        value: Any = form.format(origin=exchange.server.origin, page=number + 1) if number + 1 < len(PAGES) else None
        for name in reversed(path or ("next",)):
            value = {name: value}
        reply_rows(exchange, number, value)

    return serve


KINDS: list[tuple[str, Node, Callable[[Exchange], None], str]] = [
    ("token to query", token("query"), by_token(), "GET /items"),
    ("path in the reply", token("query", reply="$.meta.next"), by_token("page_token", "meta", "next"), "GET /items"),
    ("dotted path", token("query", reply="meta.next"), by_token("page_token", "meta", "next"), "GET /items"),
    ("quoted path", token("query", reply="$['m']['n']"), by_token("page_token", "m", "n"), "GET /items"),
    ("token to header", token("header", "page-token"), by_token("page-token"), "GET /items"),
    ("token to body", token("body"), by_token(), "POST /items"),
    (
        "page numbers",
        {**token("query", "page", "$.page"), "algorithm": "page_number", "responseTerminator": {"key": "$.pages"}},
        by_number,
        "GET /items",
    ),
    ("link header", token("request", "", "Link", "header"), by_link, "GET /items"),
    ("absolute URL", token("request", "", "$.next"), by_url("{origin}/w/w1/items?page={page}"), "GET /items"),
    ("absolute path", token("request", "", "next"), by_url("/w/w1/items?page={page}"), "GET /items"),
    ("query alone", token("request", "", "next"), by_url("?page={page}"), "GET /items"),
    (
        "odata",
        {**token("request", "", "@odata.nextLink"), "algorithm": "odata_next_link"},
        by_url("{origin}/w/w1/items?page={page}", "@odata.nextLink"),
        "GET /items",
    ),
    (
        "nested URL",
        token("request", "", "$.links.pages.next"),
        by_url("{origin}/w/w1/items?page={page}", "links", "pages", "next"),
        "GET /items",
    ),
]


def document(paging: Node, call: str = "GET /items", **line: Any) -> Node:
    body = "filter" if call.startswith("POST") else None
    return service_document(
        [M("items", "SELECT", "list", call, body=body, fields="id:integer", object_key="$.items[*]", **line)],
        {"pagination": paging},
    )


def read(
    serve: Callable[[Exchange], None],
    service: Node,
    home: Path,
    sql: str = "SELECT id FROM acme.s.items",
    **options: Any,
) -> tuple[list[Any], FaultyServer]:
    registry = write_registry(home / "registry", {"s": service})
    with FaultyServer(serve) as server:
        options.setdefault("workspace", "w1")
        with closing(
            connect(
                None,
                home,
                {"DATABRICKS_TOKEN": TOKEN},
                endpoint=server.origin + "/w/{deployment_name}",
                registry=registry,
                **options,
            )
        ) as connection:
            return run(connection, sql), server


@pytest.mark.parametrize(
    ("request_key", "reply_key", "count"),
    [("pageToken", "nextPageToken", 5), ("page_token", "next_page_token", 5), ("page", "next_page_token", 2)],
)
def test_a_parameter_and_a_field_of_the_usual_names_declare_pages(
    request_key: str, reply_key: str, count: int, tmp_path: Path
) -> None:
    service = document({}, query=request_key)
    schema = service["paths"]["/items"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    schema["properties"][reply_key] = {"type": "string"}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        rows, _ = read(by_token(request_key, reply_key), service, tmp_path)
    assert (len(rows), len(told)) == (count, count == 2)


@pytest.mark.parametrize(("paging", "serve", "call"), [row[1:] for row in KINDS], ids=[row[0] for row in KINDS])
def test_every_page_is_read_in_order(
    paging: Node, serve: Callable[[Exchange], None], call: str, tmp_path: Path
) -> None:
    rows, server = read(serve, document(paging, call), tmp_path)
    assert rows == [(1,), (2,), (3,), (4,), (5,)]
    assert len(server.log) == len(PAGES)
    assert all(seen.headers["authorization"] == f"Bearer {TOKEN}" for seen in server.log)


def test_pages_of_several_workspaces_are_read_at_the_same_time(tmp_path: Path) -> None:
    sql = "SELECT deployment_name, count(*) FROM acme.s.items WHERE deployment_name IN ('w1', 'w2', 'w3') GROUP BY 1"
    rows, server = read(by_token(), document(token("query")), tmp_path, sql)
    assert rows == [("w1", 5), ("w2", 5), ("w3", 5)]
    pages = [urlsplit(seen.path).query for seen in server.log]
    assert sorted(pages[3:6]) == ["page_token=t1"] * 3


@pytest.mark.parametrize("owner", ["method", "provider entry", "provider"])
def test_paging_is_inherited_from_the_method_outwards(owner: str, tmp_path: Path) -> None:
    paging = {"pagination": token("query")}
    registry = write_registry(tmp_path / "registry", {"s": document({}, config=paging if owner == "method" else {})})
    file = registry / "src" / "acme" / "v1" / "provider.json"
    described = json.loads(file.read_text())
    if owner != "method":
        (described if owner == "provider" else described["providerServices"]["s"])["config"] = paging
    file.write_text(json.dumps(described))
    with FaultyServer(by_token()) as server:
        endpoint = server.origin + "/w/{deployment_name}"
        with connect(
            None, tmp_path, {"DATABRICKS_TOKEN": TOKEN}, endpoint=endpoint, registry=registry, workspace="w1"
        ) as connection:
            assert len(run(connection, "SELECT id FROM acme.s.items")) == 5


def test_a_query_in_the_statement_stays_on_every_page(tmp_path: Path) -> None:
    service = document(token("query"), query="kind")
    sql = "SELECT id FROM acme.s.items WHERE kind = 'a b'"
    rows, server = read(by_token(), service, tmp_path, sql)
    assert len(rows) == 5
    assert all("kind=a+b" in seen.path for seen in server.log)


def test_the_same_page_again_is_an_error(tmp_path: Path) -> None:
    def serve(exchange: Exchange) -> None:
        reply_rows(exchange, 0, {"next_page_token": "t0"})

    with pytest.raises(ReplyError, match="the same page of items again"):
        read(serve, document(token("query")), tmp_path)


def test_pages_that_never_end_are_stopped(tmp_path: Path) -> None:
    count = iter(range(10_000))

    def serve(exchange: Exchange) -> None:
        reply_rows(exchange, 0, {"next_page_token": f"x{next(count)}"})

    with pytest.raises(ReplyError, match="more than 4 pages") as failure:
        read(serve, document(token("query")), tmp_path, max_pages=4)
    assert failure.value.hint == "--max-pages allows for more"
    assert next(count) == 4


def test_as_many_pages_as_allowed_are_no_error(tmp_path: Path) -> None:
    rows, _ = read(by_token(), document(token("query")), tmp_path, max_pages=len(PAGES))
    assert len(rows) == 5


@pytest.mark.parametrize(
    "form",
    [
        "https://evil.example/w/w1/items?page={page}",
        "http://127.0.0.1.evil.example/w/w1/items?page={page}",
        "//evil.example/items?page={page}",
        "{origin}@evil.example/w/w1/items",
        "{origin}/w/w2/items?page={page}",
        "{origin}/w/w1/../w2/items?page={page}",
        "/w/w1/%2e%2e/w2/items?page={page}",
        "ftp://127.0.0.1/w/w1/items",
        "/w/w1\\items",
    ],
)
def test_a_page_elsewhere_is_never_asked_for(form: str, tmp_path: Path) -> None:
    with pytest.raises(ReplyError, match="not under"):
        read(by_url(form), document(token("request", "", "next")), tmp_path)


def failing(exchange: Exchange) -> None:
    """Fail on the second page of w1."""
    if page_of(exchange) == 1 and "/w/w1/" in exchange.request.path:
        exchange.reply(403, b'{"error_code": "PERMISSION_DENIED", "message": "no"}')
    else:
        by_token()(exchange)


def test_a_page_that_fails_makes_the_read_fail(tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="no"):
        read(failing, document(token("query")), tmp_path)


def test_with_partial_a_page_that_fails_is_told(tmp_path: Path) -> None:
    missing: list[Error] = []
    registry = write_registry(tmp_path / "registry", {"s": document(token("query"))})
    with FaultyServer(failing) as server:
        endpoint = server.origin + "/w/{deployment_name}"
        with connect(
            None, tmp_path, {"DATABRICKS_TOKEN": TOKEN}, endpoint=endpoint, registry=registry, partial=True
        ) as connection:
            sql = "SELECT deployment_name, id FROM acme.s.items WHERE deployment_name IN ('w1', 'w2')"
            with pytest.warns(UserWarning, match="no"):
                rows = run(connection, sql)
            missing += connection.failures.values()
    assert [row for row in rows if row[0] == "w2"] == [("w2", value) for page in PAGES for value in page]
    assert len(missing) == 1


def test_explain_says_how_pages_are_read(tmp_path: Path) -> None:
    rows, server = read(by_token(), document(token("query")), tmp_path, "EXPLAIN SELECT id FROM acme.s.items")
    steps = {row[1]: row[2] for row in rows}
    told = "next_page_token of each reply is sent for the next page, as page_token in the query; at most 1000 pages"
    assert steps["pages"] == told
    assert server.log == []


def test_exec_of_a_list_reads_every_page_too(tmp_path: Path) -> None:
    rows, _ = read(by_token(), document(token("query")), tmp_path, "EXEC acme.s.items.list @deployment_name = 'w1'")
    assert rows == [(1,), (2,), (3,), (4,), (5,)]


def test_undeclared_pages_are_still_reported(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="first of several pages"):
        rows, _ = read(by_token(), document({}), tmp_path)
    assert rows == [(1,), (2,)]


def test_errors_of_several_workspaces_are_joined(tmp_path: Path) -> None:
    def serve(exchange: Exchange) -> None:
        reply_rows(exchange, 0, {"next_page_token": "t0"})

    sql = "SELECT id FROM acme.s.items WHERE deployment_name IN ('w1', 'w2')"
    with pytest.raises(SeveralErrors, match="2 of 2 workspaces failed"):
        read(serve, document(token("query")), tmp_path, sql)
