"""Compare the same runs with StackQL itself, if its binary is on PATH; its provider document is made for the server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import Bench, Result, format_ms

PROVIDER, VERSION = "databricks_workspace", "v00.00.00000"
NAME = f"{PROVIDER}.workspace.user_tokens"
COLUMNS = "token_id, comment, creation_time, expiry_time"
RESOURCES = "#/components/x-stackQL-resources/user_tokens/methods/listtokens"
FORMATS = (("10", "csv", 0.25), ("11", "json", 0.28), ("12", "table", 0.07))


def measure(bench: Bench) -> Iterator[Result]:
    """Compare a small result, large ones, a script, and many workspaces."""
    binary = shutil.which("stackql")
    if binary is None:
        yield Result("-", "the same runs of StackQL", skipped="stackql is not on PATH")
        return
    try:
        yield from _compare(bench, binary)
    except RuntimeError as error:
        yield Result("-", "the same runs of StackQL", skipped=str(error).strip().splitlines()[-1][:200])


def _compare(bench: Bench, binary: str) -> Iterator[Result]:
    small = f"SELECT token_id, comment FROM {NAME} WHERE deployment_name = 'r3'"
    pair = bench.compare_commands(_our_command(bench, "csv", small), _stackql_command(bench, binary, "csv", small))
    yield pair.result("2", "SELECT of 3 rows : StackQL, CPU", 2.4)
    yield pair.memory("2", "SELECT of 3 rows : StackQL, peak memory", 0.7)
    for row, form, goal in FORMATS:
        many = f"SELECT {COLUMNS} FROM {NAME} WHERE deployment_name = 'r100000'"
        pair = bench.compare_commands(_our_command(bench, form, many), _stackql_command(bench, binary, form, many), 3)
        yield pair.result(row, f"100000 rows as {form} : StackQL, CPU", goal)
        yield pair.memory(row, f"100000 rows as {form} : StackQL, peak memory", 0.35)
    show = f"SHOW METHODS IN {NAME}"
    ours = bench.tokensh("--registry", str(_write_registry(bench, 0)), "-o", "csv", "-c", show)
    pair = bench.compare_commands(ours, _stackql_command(bench, binary, "csv", show))
    yield pair.result("24", "SHOW METHODS over a registry : StackQL, CPU", 2.0, 1.0)
    script = bench.home / "stackql.sql"
    lines = (f"SELECT token_id FROM {NAME} WHERE deployment_name = 'r3-{number}';\n" for number in range(400))
    script.write_text("".join(lines), encoding="utf-8")
    pair = bench.compare_commands(
        bench.tokensh("-o", "csv", "-f", str(script)), _stackql_command(bench, binary, "csv", "-i", str(script)), 1
    )
    yield pair.result("14", "a script of 400 statements : StackQL, CPU", 0.1)
    names = ", ".join(f"'r3-{number}'" for number in range(100))
    spread = f"SELECT token_id FROM {NAME} WHERE deployment_name IN ({names})"
    ours = bench.tokensh("--max-connections", "32", "-o", "csv", "-c", spread, delay=50)
    for limit, goal in (("1", 0.08), ("-1", 1.3)):
        flags = ("--execution.concurrency.limit", limit)
        pair = bench.compare_commands(ours, _stackql_command(bench, binary, "csv", spread, *flags, delay=50), 1)
        metric = f"100 workspaces, 50 ms : StackQL, {flags[0][2:]} {limit}, wall"
        yield Result("7", metric, format_ms(pair.ours.wall), format_ms(pair.other.wall), pair.wall, goal)


def _our_command(bench: Bench, form: str, statement: str) -> list[str]:
    return bench.tokensh("-o", form, "-c", statement)


def _stackql_command(bench: Bench, binary: str, form: str, *arguments: str, delay: int = 0) -> list[str]:
    folder = _write_registry(bench, delay)
    registry = {"url": f"file://{folder}", "localDocRoot": str(folder), "verifyConfig": {"nopVerify": True}}
    auth = {PROVIDER: {"type": "bearer", "credentialsenvvar": "DATABRICKS_TOKEN"}}
    options = [f"--registry={json.dumps(registry)}", f"--auth={json.dumps(auth)}", f"--approot={bench.home}"]
    return [binary, "exec", *arguments, "-o", form, *options]


def _write_registry(bench: Bench, delay: int) -> Path:
    """Write a registry of one resource whose server is the benchmarks'. The documents are JSON, which YAML includes."""
    root = bench.home / f"registry-{delay}"
    place = root / "src" / PROVIDER / VERSION
    (place / "services").mkdir(parents=True, exist_ok=True)
    service = {
        "id": f"workspace:{VERSION}",
        "name": "workspace",
        "preferred": True,
        "service": {"$ref": f"{PROVIDER}/{VERSION}/services/workspace.yaml"},
        "title": "workspace",
        "version": VERSION,
        "description": "workspace",
    }
    provider = {"id": PROVIDER, "name": PROVIDER, "version": VERSION, "providerServices": {"workspace": service}}
    (place / "provider.yaml").write_text(json.dumps(provider), encoding="utf-8")
    (place / "services" / "workspace.yaml").write_text(json.dumps(_service_document(bench, delay)), encoding="utf-8")
    return root


def _service_document(bench: Bench, delay: int) -> dict[str, Any]:
    texts, numbers = {"type": "string"}, {"type": "integer", "format": "int64"}
    fields = {"token_id": texts, "comment": texts, "creation_time": numbers, "expiry_time": numbers}
    item = {"type": "object", "properties": fields}
    listed = {"type": "object", "properties": {"token_infos": {"type": "array", "items": item}}}
    response = {"description": "tokens", "content": {"application/json": {"schema": listed}}}
    method = {
        "operation": {"$ref": "#/paths/~1api~12.0~1token~1list/get"},
        "response": {"mediaType": "application/json", "openAPIDocKey": "200", "objectKey": "$.token_infos"},
    }
    resource = {
        "id": NAME,
        "name": "user_tokens",
        "title": "user_tokens",
        "methods": {"listtokens": method},
        "sqlVerbs": {"select": [{"$ref": RESOURCES}], "insert": [], "update": [], "delete": []},
    }
    server = {"url": bench.endpoint(delay), "variables": {"deployment_name": {"default": "r3"}}}
    return {
        "openapi": "3.0.0",
        "info": {"title": "workspace", "version": "1"},
        "servers": [server],
        "paths": {"/api/2.0/token/list": {"get": {"operationId": "list", "responses": {"200": response}}}},
        "components": {"x-stackQL-resources": {"user_tokens": resource}},
    }
