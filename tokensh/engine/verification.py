"""Whether a new token works: a harmless request is signed with its value, until it is accepted or the time is over.

A workspace may need some seconds before it knows a token that it has just created.
"""

from __future__ import annotations

from tokensh.api.client import Client
from tokensh.api.probe import probe_request, read_user_name
from tokensh.engine.destinations import NewSecret
from tokensh.environment import Cancellation, Environment
from tokensh.errors import ApiError, Error, Interrupted, NetworkError

TIMEOUT = 30.0
"""Seconds until a token that is refused counts as one that does not work."""
_FIRST_DELAY, _LONGEST_DELAY = 0.25, 5.0


def verify_secret(
    secret: NewSecret, client: Client, environment: Environment, cancellation: Cancellation, timeout: float = TIMEOUT
) -> str:
    """Return whose token it is, or `its scopes` where it may not ask. Raises the last Error if it does not work in time."""
    deadline = environment.monotonic() + timeout
    delay = _FIRST_DELAY
    while True:
        try:
            return read_user_name(client.send_as(probe_request(secret.target), secret.value)) or "its owner"
        except (ApiError, NetworkError) as error:
            if _is_out_of_scope(error):
                return "its scopes"
            if environment.monotonic() + delay >= deadline or cancellation.presses:
                raise _explain(secret, error) from None
        environment.sleep(delay)
        if cancellation.presses:
            raise Interrupted
        delay = min(2 * delay, _LONGEST_DELAY)


def _is_out_of_scope(error: Error) -> bool:
    """Return whether the workspace knows the token, which was minted for less than this request."""
    return isinstance(error, ApiError) and error.status == 403 and "scope" in f"{error.code} {error.message}".lower()


def _explain(secret: NewSecret, error: Error) -> Error:
    return error.with_context(
        message=f"{secret.describe()} does not work: {error.message}", hint="it exists: keep the old one, and revoke it"
    )
