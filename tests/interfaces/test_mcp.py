"""`tokensh mcp`: tools over both transports, approval by the user, and no token's value in any message."""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import tokensh
from tokensh.sandbox import Sandbox

pytest.importorskip("mcp", reason="needs tokensh[interfaces]")
import anyio
import httpx2
import mcp_types as types
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from tokensh.integrations.mcp.server import build_server
from tokensh.integrations.mcp.session import Mode, Session

pytestmark = [
    pytest.mark.interfaces,
    # The SDK's own: streams of its client that it leaves to the collector, and its deprecated arguments.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
]

A = "dbc-abcd0123-a1bc"
ERAS = ("legacy", "auto")
READING = {"query", "describe", "workspaces", "expiring_tokens", "unused_tokens", "pending"}
WRITING = {"create_token", "revoke_tokens", "run_statement"}
# In the order in which they can be called: the token of create_token is what revoke_tokens revokes.
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("query", {"sql": "SELECT comment FROM user_tokens", "limit": 1}),
    ("describe", {"name": "user_tokens"}),
    ("describe", {"kind": "functions"}),
    ("workspaces", {}),
    ("expiring_tokens", {"days": 60}),
    ("unused_tokens", {}),
    ("pending", {}),
    ("create_token", {"comment": "made by an assistant", "lifetime_days": 1}),
    ("run_statement", {"sql": "INSERT INTO user_tokens (comment) SELECT 'another' RETURNING token_value"}),
]

Check = Callable[[Client], Awaitable[None]]


@contextmanager
def open_session(mode: Mode, **options: Any) -> Iterator[Session]:
    session = Session(lambda: tokensh.connect(workspace=A, **options), mode)
    try:
        yield session
    finally:
        session.close()


def check_in_process(mode: Mode, check: Check, era: str = "auto", **client: Any) -> None:
    async def run() -> None:
        async with Client(build_server(session), mode=era, **client) as connected:
            await check(connected)

    with open_session(mode) as session:
        anyio.run(run)


def answering(action: str, *, approve: bool = True, questions: list[str] | None = None) -> Any:
    async def answer(_context: object, params: Any) -> types.ElicitResult:
        if questions is not None:
            questions.append(params.message)
        return types.ElicitResult(action=action, content={"approve": approve} if action == "accept" else None)

    return answer


async def call_every_tool(client: Client) -> None:
    assert {tool.name for tool in (await client.list_tools()).tools} == READING | WRITING
    for name, arguments in CALLS:
        result = await client.call_tool(name, arguments)
        assert not result.is_error, (name, result.content)
        assert json.loads(result.content[0].text) == result.structured_content
        if name == "create_token":
            token_id = result.structured_content["token_id"]
            revoked = await client.call_tool("revoke_tokens", {"token_ids": [token_id]})
            assert revoked.structured_content["revoked"] == 1
    for resource in (await client.list_resources()).resources:
        assert (await client.read_resource(resource.uri)).contents[0].text
    assert len((await client.list_prompts()).prompts) == 3
    assert "abc" in (await client.get_prompt("rotate", {"token_id": "abc"})).messages[0].content.text


# ---- transports


def command(*options: str) -> list[str]:
    return ["-m", "tokensh", "mcp", "-w", A, "--mode", "full", *options]


def test_every_tool_can_be_called_over_standard_input_and_output(site: Sandbox, tmp_path: Path) -> None:
    async def run() -> None:
        started = StdioServerParameters(
            command=sys.executable, args=command("--log", str(tmp_path / "log")), env=dict(os.environ)
        )
        async with Client(started) as client:
            await call_every_tool(client)

    anyio.run(run)
    audited = [line for line in (tmp_path / "log").read_text().splitlines() if "mcp=tools/call" in line]
    assert len(audited) == len(CALLS) + 1
    assert "tool=query mode=full outcome=done rows=" in audited[0]


def test_every_tool_can_be_called_over_http_with_the_bearer_alone(site: Sandbox, tmp_path: Path) -> None:
    async def run(url: str, bearer: str) -> None:
        async def status(**headers: str) -> int:
            async with httpx2.AsyncClient(headers=headers) as plain:
                return int((await plain.post(url, json={})).status_code)

        own = {"authorization": f"Bearer {bearer}"}
        assert [await status(), await status(authorization="Bearer no")] == [401, 401]
        assert await status(**own, host="evil.example") == 421
        assert await status(**own, origin="http://evil.example") == 403
        async with (
            httpx2.AsyncClient(headers=own) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            await call_every_tool(client)

    with subprocess.Popen(
        [sys.executable, *command("--http", "0")], stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    ) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        try:
            url, _, file = said.removeprefix("MCP at ").strip().partition("; its bearer is in ")
            assert url.startswith("http://127.0.0.1:")
            assert Path(file).stat().st_mode & 0o777 == 0o600
            anyio.run(run, url, Path(file).read_text())
        finally:
            process.terminate()
            process.communicate(timeout=10)


# ---- modes


def test_a_server_that_only_reads_offers_no_changes_and_sends_none(site: Sandbox) -> None:
    async def check(client: Client) -> None:
        assert {tool.name for tool in (await client.list_tools()).tools} == READING
        for name, arguments in (
            ("run_statement", {"sql": "DELETE FROM user_tokens WHERE token_id = 'x'"}),
            ("create_token", {"comment": "x", "lifetime_days": 1}),
            ("query", {"sql": "DELETE FROM user_tokens WHERE token_id = 'x'"}),
            ("query", {"sql": "INSERT INTO user_tokens (comment) SELECT 'x'"}),
            ("query", {"sql": "CREATE VIEW v AS SELECT 1 AS one"}),
            ("query", {"sql": "EXEC user_tokens.create @comment = 'x'"}),
            ("query", {"sql": "BEGIN"}),
            ("query", {"sql": "USE databricks_workspace"}),
        ):
            assert (await client.call_tool(name, arguments)).is_error, arguments

    check_in_process("read_only", check)
    assert [entry.path for entry in site.log if entry.method == "POST"] == []


@pytest.mark.parametrize("era", ERAS)
def test_the_user_approves_the_rows_that_a_change_hits(site: Sandbox, era: str) -> None:
    questions: list[str] = []

    async def check(client: Client) -> None:
        created = await client.call_tool("create_token", {"comment": "to go", "lifetime_days": 1})
        sql = "DELETE FROM user_tokens WHERE comment = 'to go'"
        deleted = await client.call_tool("run_statement", {"sql": sql})
        assert deleted.structured_content["row_count"] == 1
        assert created.structured_content["token_id"] in questions[1]

    check_in_process("confirm", check, era, elicitation_callback=answering("accept", questions=questions))
    assert len(questions) == 2
    assert '"to go"' in questions[0]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "answer",
    [answering("decline"), answering("cancel"), answering("accept", approve=False), None],
    ids=["declined", "cancelled", "unchecked", "unsupported"],
)
def test_without_approval_nothing_is_sent(site: Sandbox, era: str, answer: Any) -> None:
    async def check(client: Client) -> None:
        for name, arguments in (
            ("create_token", {"comment": "never", "lifetime_days": 1}),
            ("run_statement", {"sql": "DELETE FROM user_tokens WHERE comment LIKE '%e%'"}),
            ("run_statement", {"sql": "EXEC user_tokens.create @comment = 'never'"}),
        ):
            result = await client.call_tool(name, arguments)
            assert result.is_error
            assert "nothing was changed" in result.content[0].text

    check_in_process("confirm", check, era, elicitation_callback=answer)
    assert [entry.path for entry in site.log if entry.method == "POST"] == []


def test_an_answer_is_good_for_its_own_question_once(site: Sandbox) -> None:
    async def check(client: Client) -> None:
        arguments = {"comment": "once", "lifetime_days": 1}
        asked = await client.session.call_tool("create_token", arguments, allow_input_required=True)
        accepted = {"approve": types.ElicitResult(action="accept", content={"approve": True})}
        other = {"comment": "other", "lifetime_days": 1}
        for given, state in ((other, asked.request_state), (arguments, asked.request_state), (arguments, "made up")):
            again = await client.session.call_tool(
                "create_token", given, input_responses=accepted, request_state=state, allow_input_required=True
            )
            assert not isinstance(again, types.CallToolResult) or again.is_error

    check_in_process("confirm", check, elicitation_callback=answering("accept"))
    assert [entry.path for entry in site.log if entry.method == "POST"] == []


# ---- results


def test_rows_have_types_units_pages_and_say_what_others_wrote(site: Sandbox) -> None:
    async def check(client: Client) -> None:
        first = (await client.call_tool("query", {"sql": "SELECT * FROM user_tokens", "limit": 3})).structured_content
        columns = {column["name"]: column for column in first["columns"]}
        assert columns["expiry_time"]["unit"] == "epoch milliseconds; -1: never expires"
        assert columns["comment"]["untrusted"]
        assert "untrusted" not in columns["token_id"]
        rows, page = list(first["rows"]), first
        while "next_cursor" in page:
            again = await client.call_tool("query", {"cursor": page["next_cursor"], "limit": 3})
            page = again.structured_content
            rows += page["rows"]
        assert len(rows) == first["row_count"] > 3
        assert len({row[1] for row in rows}) == len(rows)
        failed = await client.call_tool("query", {"sql": "SELECT nope\nFROM user_tokens"})
        assert json.loads(failed.content[0].text).items() >= {"line": 1, "column": 8, "type": "UnknownName"}.items()

    check_in_process("read_only", check)


# ---- secrets


class Watcher:
    """Sees every message that a client gets."""

    def __init__(self, chooser: random.Random) -> None:
        self.seen: list[str] = []
        self._chooser = chooser

    async def answer(self, _context: object, params: Any) -> types.ElicitResult:
        self.seen.append(params.model_dump_json())
        return types.ElicitResult(action="accept", content={"approve": self._chooser.random() < 0.8})

    async def watch(self, request: Awaitable[Any]) -> Any:
        try:
            result = await request
        except MCPError as error:
            self.seen.append(error.error.model_dump_json())
            return None
        self.seen.append(result.model_dump_json())
        return result


def spellings(value: str) -> set[str]:
    raw = value.encode()
    return {value, value[::-1], raw.hex(), base64.b64encode(raw).decode().rstrip("=")}


def find_values(values: list[str], text: str) -> set[str]:
    """Return the spellings of the values in a text, in time that does not grow with the number of values."""
    wanted = {spelling.lower() for value in values for spelling in spellings(value)}
    places = ((at, at + size) for size in set(map(len, wanted)) for at in range(len(text)))
    return {text[start:end] for start, end in places if text[start:end] in wanted}


def request_at_random(chooser: random.Random, client: Client, secrets: list[str]) -> Any:
    secret = chooser.choice(secrets)
    expression = chooser.choice(
        ["token_value", "reverse(token_value)", "hex(token_value)", "token_value || 'x'", "substr(token_value, 2)",
         "upper(token_value)", "token_info", "*", f"'{secret}'", "json_object('a', token_value)", "token_value + nope"]
    )  # fmt: skip
    read = chooser.choice(
        ["*", "comment", f"'{secret}'", "upper(comment)", f"hex('{secret}')", "json_object('c', comment)",
         f"{secret}", "nope", "group_concat(comment)"]
    )  # fmt: skip
    word = chooser.choice(["LIKE '%e%'", f"= '{secret}'", "= 'created at random'"])
    match chooser.randrange(9):
        case 0:
            return client.call_tool("create_token", {"comment": chooser.choice(["c", secret]), "lifetime_days": 1})
        case 1 | 2:
            sql = f"INSERT INTO user_tokens (comment) SELECT '{chooser.choice(['created at random', secret])}' RETURNING {expression}"
            return client.call_tool("run_statement", {"sql": sql})
        case 3:
            return client.call_tool("run_statement", {"sql": f"EXEC user_tokens.create @comment = '{secret}'"})
        case 4 | 5:
            return client.call_tool("query", {"sql": f"SELECT {read} FROM user_tokens WHERE comment {word}"})
        case 6:
            name = chooser.choice(["describe", "pending", "workspaces", secret, "revoke_tokens"])
            known: dict[str, dict[str, Any]] = {"describe": {"name": secret}, "revoke_tokens": {"token_ids": [secret]}}
            arguments = known.get(name, {})
            return client.call_tool(name, arguments | chooser.choice([{}, {secret: secret}]))
        case 7:
            return client.read_resource(chooser.choice(["tokensh://resource/", "tokensh://manual/"]) + secret)
        case _:
            return client.get_prompt(chooser.choice(["rotate", secret]), {"token_id": secret})


async def call_at_random(
    client: Client, watcher: Watcher, chooser: random.Random, given: list[str], count: int
) -> None:
    folder = Path(os.environ["XDG_STATE_HOME"]) / "tokensh" / "values"
    kept: dict[Path, str] = {}
    for _ in range(count):
        for path in set(folder.iterdir() if folder.exists() else ()) - kept.keys():
            kept[path] = path.read_text()
        await watcher.watch(request_at_random(chooser, client, [*given, *list(kept.values())[-20:]]))


CALLS_AT_RANDOM = int(os.environ.get("TOKENSH_MCP_CALLS", "200"))


def test_no_value_of_a_token_is_in_any_message(site: Sandbox, tmp_path: Path) -> None:
    chooser = random.Random(20_261_127)
    watcher = Watcher(chooser)
    check_in_process(
        "confirm",
        lambda client: call_at_random(client, watcher, chooser, [site.token], CALLS_AT_RANDOM),
        elicitation_callback=watcher.answer,
    )
    values = [path.read_text() for path in (tmp_path / "tokensh" / "values").iterdir()]
    assert len(values) > CALLS_AT_RANDOM / 20
    assert find_values([*values, site.token], "\n".join(watcher.seen).lower()) == set()
    assert find_values(values, f"<{values[-1][::-1].upper()}>".lower()) == {values[-1][::-1]}  # it can be found
