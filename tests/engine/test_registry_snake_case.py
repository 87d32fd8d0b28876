"""Names of a provider that asks for snake case: SQL has them, the API keeps its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cases import each_case
from tests.engine.registry_sessions import open_session
from tests.engine.sessions import run
from tests.provider.documents import MethodLine as M
from tests.provider.documents import service_document
from tests.resilience.faulty_server import Exchange, FaultyServer
from tokensh.dbapi.connection import Connection
from tokensh.errors import MissingParameter
from tokensh.provider.casing import to_snake_case

VPC = {"VpcId": "v1", "CIDRBlock": "10.0.0.0/8", "tags": [{"keyName": "k"}], "IsDefault": True}
FIELDS = "VpcId CIDRBlock tags:array IsDefault:boolean"
DOCUMENT = service_document([
    M("vpcs", "SELECT", "get", "GET /vpcs/{VpcId}", query="dryRun:boolean", fields=FIELDS),
    M("vpcs", "SELECT", "list", "GET /vpcs", query="maxItems:integer", fields=FIELDS, object_key="$.VpcList[*]"),
    M("vpcs", "INSERT", "create", "POST /vpcs", body="CIDRBlock* ownerName isDefault:boolean", fields=FIELDS),
    M("vpcs", "UPDATE", "update", "PATCH /vpcs/{VpcId}", body="ownerName"),
    M("vpcs", "EXEC", "peer", "POST /vpcs/{VpcId}/peer", body="peerId ownerName"),
    M("vpcs", "DELETE", "delete", "DELETE /vpcs/{VpcId}"),
])  # fmt: skip
DOCUMENT["paths"]["/vpcs"]["get"]["parameters"].append({"name": "X-Kind", "in": "header", "schema": {"type": "string"}})
# What the method itself requires comes on top of what the schema does.
DOCUMENT["components"]["x-stackQL-resources"]["vpcs"]["methods"]["create"]["request"] = {"required": ["ownerName"]}


def answer(exchange: Exchange) -> None:
    is_list = exchange.request.method == "GET" and exchange.request.path.partition("?")[0].endswith("/vpcs")
    exchange.reply(200, json.dumps({"VpcList": [VPC, {**VPC, "VpcId": "v2"}]} if is_list else VPC).encode())


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with FaultyServer(answer) as running:
        yield running


@pytest.fixture
def session(server: FaultyServer, tmp_path: Path) -> Iterator[Connection]:
    with open_session(server, tmp_path, {"s": DOCUMENT}, config={"snake_case_aliases": True}) as connection:
        yield connection


ROW = ("v1", "10.0.0.0/8", '[{"keyName":"k"}]', True)
CASES: list[tuple[str, list[tuple[Any, ...]], str, Any]] = [
    ("SELECT vpc_id, cidr_block, tags, is_default FROM acme.s.vpcs WHERE vpc_id = 'v1'", [ROW], "GET /vpcs/v1", None),
    ("SELECT vpc_id FROM acme.s.vpcs WHERE is_default", [("v1",), ("v2",)], "GET /vpcs", None),
    ("SELECT * FROM acme.s.vpcs WHERE vpc_id = 'v1' AND dry_run = 1", [("w1", *ROW)], "GET /vpcs/v1?dryRun=true", None),
    ("SELECT vpc_id FROM acme.s.vpcs WHERE max_items = 5 LIMIT 1", [("v1",)], "GET /vpcs?maxItems=5", None),
    (
        "INSERT INTO acme.s.vpcs (cidr_block, owner_name, is_default) VALUES ('10.0.0.0/8', 'o', 0) RETURNING vpc_id",
        [("v1",)],
        "POST /vpcs",
        {"CIDRBlock": "10.0.0.0/8", "ownerName": "o", "isDefault": False},
    ),
    (
        "INSERT INTO acme.s.vpcs (data__CIDRBlock, ownerName) VALUES ('10.0.0.0/8', 'o')",
        [()],
        "POST /vpcs",
        {"CIDRBlock": "10.0.0.0/8", "ownerName": "o"},
    ),
    ("UPDATE acme.s.vpcs SET owner_name = 'p' WHERE vpc_id = 'v1'", [], "PATCH /vpcs/v1", {"ownerName": "p"}),
    ("DELETE FROM acme.s.vpcs WHERE vpc_id = 'v1'", [], "DELETE /vpcs/v1", None),
    ("EXEC acme.s.vpcs.peer @vpc_id = 'v1', @peer_id = 'p'", [], "POST /vpcs/v1/peer", {"peerId": "p"}),
    ("EXEC acme.s.vpcs.peer @VpcId = 'v1' @@json='{\"peerId\": \"p\"}'", [], "POST /vpcs/v1/peer", {"peerId": "p"}),
]


@pytest.mark.parametrize(("sql", "rows", "call", "body"), CASES, ids=[case[0][:50] for case in CASES])
def test_sql_has_names_in_snake_case_and_requests_have_the_apis(
    sql: str, rows: list[tuple[Any, ...]], call: str, body: Any, session: Connection, server: FaultyServer
) -> None:
    found = run(session, sql)
    assert found == rows or not sql.startswith(("SELECT", "INSERT"))
    (seen,) = server.log
    assert f"{seen.method} {seen.path.removeprefix('/w/w1')}" == call
    assert (json.loads(seen.body) if seen.body else None) == body


def test_names_are_listed_as_sql_has_them(session: Connection, server: FaultyServer) -> None:
    assert [row[0] for row in run(session, "DESCRIBE acme.s.vpcs")] == ["vpc_id", "cidr_block", "tags", "is_default"]
    assert run(session, "SHOW METHODS IN acme.s.vpcs")[0][:2] == ("get", "vpc_id, deployment_name")
    run(session, "SELECT vpc_id FROM acme.s.vpcs WHERE \"x-kind\" = 'k'")
    assert server.log[0].headers["x-kind"] == "k"


def test_what_a_method_requires_is_said_before_anything_is_sent(session: Connection, server: FaultyServer) -> None:
    with pytest.raises(MissingParameter, match="owner_name"):
        run(session, "INSERT INTO acme.s.vpcs (cidr_block) VALUES ('10.0.0.0/8')")
    assert server.log == []


@each_case(
    ("name", "expected"),
    [
        ("VpcId", "vpc_id"),
        ("VPCEndpointARNs", "vpc_endpoint_arns"),
        ("enableDnsHostnames", "enable_dns_hostnames"),
        ("S3Bucket", "s3_bucket"),
        ("ip4Address", "ip_4_address"),
        ("already_Snake", "already_Snake"),
        ("page-size", "page-size"),
        ("X-Kind", "x-kind"),
    ],
)
def test_a_name_in_snake_case(name: str, expected: str) -> None:
    assert to_snake_case(name) == expected
