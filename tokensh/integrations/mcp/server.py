"""The server: MCP's requests answered from a session."""

from __future__ import annotations

import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import jsonschema
import mcp_types as types
from mcp.server import Server
from mcp.shared.exceptions import MCPError
from mcp_types.version import is_version_at_least

from tokensh import __version__
from tokensh.api.log import Log
from tokensh.errors import Error, InterfaceError, ProgrammingError
from tokensh.integrations.mcp import texts
from tokensh.integrations.mcp.guard import Guard
from tokensh.integrations.mcp.session import ApprovalNeeded, Session, StatementFailed
from tokensh.integrations.mcp.tools import TOOLS, ToolKind
from tokensh.render.errors import Source, format_error_json
from tokensh.render.manual import read_titles

_QUESTION_IN_RESULT = "2026-07-28"
"""From this protocol version on, a question is a result, and the client repeats the call with the answer."""
_ANSWER_KEY = "approve"
_ANSWER_SCHEMA = {
    "type": "object",
    "properties": {_ANSWER_KEY: {"type": "boolean", "title": "Run it", "description": "it cannot be undone"}},
    "required": [_ANSWER_KEY],
}
_MOST_QUESTIONS = 5
"""Questions of one call: rows that change while the user reads are asked about again."""
_QUESTIONS_KEPT = 100

Context: TypeAlias = Any
"""The SDK's ServerRequestContext, which type checkers do not see: the SDK is an extra."""


class Handlers:
    """Answers requests.

    Args:
        session: runs the statements.
        guard: cleans questions, which do not pass the server's middleware.
        audit: gets a line for each call.
    """

    def __init__(self, session: Session, guard: Guard, audit: Log | None) -> None:
        self._session = session
        self._guard = guard
        self._audit = audit
        # What the user was asked, by a state that only this server can make; each is good for one answer.
        self._questions: OrderedDict[str, tuple[str, str]] = OrderedDict()

    # ---- tools

    async def list_tools(
        self, _context: Context, _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        """Return the tools that the session's mode offers."""
        offered = [_to_tool(tool) for tool in TOOLS.values() if tool.is_offered(self._session.mode)]
        return types.ListToolsResult(tools=offered)

    async def call_tool(
        self, context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        """Run a tool; its errors are results, which models can read."""
        started = time.monotonic()
        arguments = params.arguments or {}
        outcome, rows = "failed", None
        try:
            tool = self._find_tool(params.name, arguments)
            answer = await self._run(context, params, tool, arguments)
            if isinstance(answer, types.InputRequiredResult):
                outcome = "asked"
                return answer
            outcome, rows = "done", answer.get("row_count", answer.get("revoked"))
            return types.CallToolResult(
                content=[types.TextContent(text=json.dumps(answer, ensure_ascii=False))], structured_content=answer
            )
        except StatementFailed as failure:
            return self._describe_error(failure.error, arguments, failure.notes)
        except Error as error:
            return self._describe_error(error, arguments)
        finally:
            if self._audit is not None:
                self._audit.write(
                    mcp="tools/call",
                    tool=params.name,
                    mode=self._session.mode,
                    outcome=outcome,
                    rows=rows,
                    ms=round((time.monotonic() - started) * 1000),
                    arguments=json.dumps(arguments, ensure_ascii=False, default=str),
                )

    def _find_tool(self, name: str, arguments: Mapping[str, Any]) -> ToolKind:
        tool = TOOLS.get(name)
        if tool is None:
            raise InterfaceError(f"unknown tool {name!r}", hint=f"known are {', '.join(TOOLS)}")
        if not tool.is_offered(self._session.mode):
            raise ProgrammingError(f"{name} is not offered: this server only reads", hint="--mode confirm offers it")
        try:
            jsonschema.validate(arguments, tool.input_schema)
        except jsonschema.ValidationError as mistake:
            raise InterfaceError(f"wrong arguments of {name}: {mistake.message}") from None
        return tool

    async def _run(
        self, context: Context, params: types.CallToolRequestParams, tool: ToolKind, arguments: Mapping[str, Any]
    ) -> dict[str, Any] | types.InputRequiredResult:
        """Run a tool, asking the user where the mode says so. Raises Error."""
        approved = self._take_answer(params) if params.request_state is not None else None
        for _ in range(_MOST_QUESTIONS):
            try:
                return await self._session.call(partial(tool.run, self._session, arguments, approved))
            except ApprovalNeeded as needed:
                question = self._make_question(context, needed)
                if is_version_at_least(context.protocol_version, _QUESTION_IN_RESULT):
                    return self._keep_question(params, needed, question)
                _check_answer(await self._ask(context, question))
                approved = needed.digest
        raise ProgrammingError("the rows changed each time they were approved", hint="nothing was changed")

    # ---- questions

    def _make_question(self, context: Context, needed: ApprovalNeeded) -> types.ElicitRequestFormParams:
        capabilities = context.session.client_capabilities
        if capabilities is None or capabilities.elicitation is None:
            raise ProgrammingError(
                "this client cannot ask the user, so nothing was changed",
                hint="the user can run the statement in tokensh, or start the server with --mode full",
            )
        return types.ElicitRequestFormParams(
            message=self._guard.clean(needed.question), requested_schema=dict(_ANSWER_SCHEMA)
        )

    async def _ask(self, context: Context, question: types.ElicitRequestFormParams) -> types.ElicitResult:
        try:
            answer: types.ElicitResult = await context.session.elicit_form(
                question.message, question.requested_schema, related_request_id=context.request_id
            )
        except MCPError as failure:
            raise ProgrammingError(f"the client did not ask the user: {failure.message}; nothing was changed") from None
        return answer

    def _keep_question(
        self, params: types.CallToolRequestParams, needed: ApprovalNeeded, question: types.ElicitRequestFormParams
    ) -> types.InputRequiredResult:
        state = secrets.token_urlsafe(24)
        self._questions[state] = params.name, needed.digest
        while len(self._questions) > _QUESTIONS_KEPT:
            self._questions.popitem(last=False)
        return types.InputRequiredResult(
            input_requests={_ANSWER_KEY: types.ElicitRequest(params=question)}, request_state=state
        )

    def _take_answer(self, params: types.CallToolRequestParams) -> str:
        """Return the digest of what the user has approved. Raises ProgrammingError if they have not."""
        name, digest = self._questions.pop(params.request_state or "", ("", ""))
        answer = (params.input_responses or {}).get(_ANSWER_KEY)
        if name != params.name or not isinstance(answer, types.ElicitResult):
            raise ProgrammingError("no question waits for this answer; nothing was changed", hint="call the tool again")
        _check_answer(answer)
        return digest

    def _describe_error(
        self, error: Error, arguments: Mapping[str, Any], notes: Sequence[str] = ()
    ) -> types.CallToolResult:
        source = Source("", arguments["sql"]) if isinstance(arguments.get("sql"), str) else None
        facts = json.loads(format_error_json(error, source, redact=self._guard.clean))
        if notes:
            facts["notes"] = list(notes)
        return types.CallToolResult(
            content=[types.TextContent(text=json.dumps(facts, ensure_ascii=False))],
            structured_content=facts,
            is_error=True,
        )

    # ---- resources and prompts

    async def list_resources(
        self, _context: Context, _params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        """Return the topics of the manual and the page of the users' own tokens."""
        pages = {f"{texts.MANUAL_PREFIX}{topic}": title for topic, title in read_titles().items()}
        pages[f"{texts.RESOURCE_PREFIX}user_tokens"] = "The user's own tokens"
        return types.ListResourcesResult(
            resources=[types.Resource(uri=uri, name=title, mime_type="text/markdown") for uri, title in pages.items()]
        )

    async def list_templates(
        self, _context: Context, _params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        """Return the template of resources' pages."""
        template = types.ResourceTemplate(
            uri_template=texts.RESOURCE_TEMPLATE, name="The page of a resource", mime_type="text/markdown"
        )
        return types.ListResourceTemplatesResult(resource_templates=[template])

    async def read_resource(
        self, _context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        """Return a page. Raises MCPError."""
        uri = str(params.uri)
        try:
            text = await self._session.call(lambda: texts.read_resource(self._session, uri))
        except (Error, StatementFailed) as error:
            raise MCPError(types.INVALID_PARAMS, str(error), {"uri": uri}) from None
        return types.ReadResourceResult(
            contents=[types.TextResourceContents(uri=uri, text=text, mime_type="text/markdown")]
        )

    async def list_prompts(
        self, _context: Context, _params: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        """Return the prompts."""
        prompts = [
            types.Prompt(
                name=name,
                title=prompt.title,
                description=prompt.description,
                arguments=[
                    types.PromptArgument(name=argument, description=what, required=True)
                    for argument, what in prompt.arguments.items()
                ],
            )
            for name, prompt in texts.PROMPTS.items()
        ]
        return types.ListPromptsResult(prompts=prompts)

    async def get_prompt(self, _context: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        """Return a prompt with its arguments. Raises MCPError."""
        try:
            text = texts.fill_prompt(params.name, params.arguments or {})
        except Error as error:
            raise MCPError(types.INVALID_PARAMS, error.message) from None
        return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=types.TextContent(text=text))])


def _check_answer(answer: types.ElicitResult) -> None:
    """Raise ProgrammingError unless the user has approved."""
    if answer.action != "accept" or not (answer.content or {}).get(_ANSWER_KEY):
        raise ProgrammingError("the user did not approve; nothing was changed", hint="do not try again unasked")


def _to_tool(tool: ToolKind) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=dict(tool.output),
        annotations=types.ToolAnnotations(
            title=tool.title,
            read_only_hint=not tool.writes,
            destructive_hint=tool.destructive,
            idempotent_hint=not tool.writes or tool.name == "revoke_tokens",
            open_world_hint=True,
        ),
    )


def build_server(session: Session, audit: Log | None = None) -> Server[Any]:
    """Return a server that answers from a session; `audit` gets a line for each call of a tool."""
    guard = Guard(session.connection.redactor)
    handlers = Handlers(session, guard, audit)
    server: Server[Any] = Server(
        "tokensh",
        version=__version__,
        title="tokensh",
        instructions=texts.INSTRUCTIONS,
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
        on_list_resources=handlers.list_resources,
        on_list_resource_templates=handlers.list_templates,
        on_read_resource=handlers.read_resource,
        on_list_prompts=handlers.list_prompts,
        on_get_prompt=handlers.get_prompt,
    )
    # First in the list is outermost: a telemetry exporter would see what the guard has not cleaned.
    server.middleware[:] = [guard]
    return server
