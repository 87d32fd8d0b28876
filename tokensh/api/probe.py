"""A harmless request: whose credential is it, and does the workspace answer?

The SCIM API's `Me` answers every valid credential, also where personal access tokens are disabled for its user.
"""

from __future__ import annotations

from tokensh.api.hosts import Target
from tokensh.api.request import Request
from tokensh.api.response import Response

PATH = "/api/2.0/preview/scim/v2/Me"


def probe_request(target: Target) -> Request:
    """Return the request to a workspace."""
    return Request("GET", target, PATH)


def read_user_name(answer: Response) -> str | None:
    """Return the name of the user or service principal in the answer, None if it has none."""
    name = answer.body.get("userName") if isinstance(answer.body, dict) else None
    return name if isinstance(name, str) else None
