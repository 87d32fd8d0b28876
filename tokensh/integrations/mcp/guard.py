"""The one way out: every message to a client passes here, and no secret of the session does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR

from tokensh.redact import Redactor


class Guard:
    """Removes the secrets that a redactor knows or recognises from results, errors and questions.

    It is the innermost middleware of the server, so no handler can answer around it.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    async def __call__(self, context: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Handle a message, and clean what is answered. Raises MCPError."""
        try:
            answer = await call_next(context)
        except MCPError as error:
            cleaned = self.clean([error.message, error.data])
            raise MCPError(error.code, cleaned[0], cleaned[1]) from None
        except Exception as mistake:  # noqa: BLE001 (its text may hold anything)
            name = type(mistake).__name__
            raise MCPError(INTERNAL_ERROR, f"the request failed: {name}") from None
        if answer is None:
            return None
        content = (
            answer if isinstance(answer, dict) else answer.model_dump(by_alias=True, mode="json", exclude_none=True)
        )
        cleaned_content: dict[str, Any] = self.clean(content)
        return cleaned_content

    def clean(self, value: Any) -> Any:
        """Return JSON data without secrets, in its keys too."""
        match value:
            case str():
                return self._redactor.clean(value)
            case Mapping():
                return {self._redactor.clean(str(key)): self.clean(item) for key, item in value.items()}
            case list() | tuple():
                return [self.clean(item) for item in value]
            case _:
                return value
