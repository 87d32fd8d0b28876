"""Send requests: the only module that imports requests, and that only when something is to be sent.

What the callers rely on:

- **A write is sent at most once.** Only a GET, and the request for an OAuth token, are tried again. A write is sent again only
  after an answer that says that the server did nothing: that the credential has expired, or that it is to come later (429,
  and a 503 that says so; a create only after 429).
- **An error says whether the request may have reached the server** (`NetworkError.sent`), so that a lost create is
  searched for and a request that never left is not.
- **A request goes where the host rule allowed**, or nowhere: requests and urllib3 each parse the URL by their own rules, so
  what they made of it is compared with the Target twice, before the credential leaves.
- **A request ends**: within its timeout, retries included, and with at most `max_reply` bytes in memory. `pool` is the
  watchdog; the timeouts given to urllib3 only bound what it cannot reach.
- **No secret is in an error, a log line or a User-Agent**: the redactor learns each token before it is used.

Why an HTTPAdapter and not a Session: a Session keeps cookies between workspaces, follows redirects (with the credential, on
the same host), and replaces our Authorization header by what `~/.netrc` says for the host. An adapter does none of it.
Why not httpx or aiohttp: requests is the library that users' proxies and certificate bundles are set up for.

The caller's thread builds messages and waits (`send`, `fetch`); a worker of the pool does the rest, in steps that each add
one thing: `_send_and_decode` picks the credential, `_send_signed` renews it once, `_send_with_retries` repeats GETs,
`_send_logged` logs, `_send_once` talks to urllib3.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import urlencode, urlsplit

from tokensh import __version__
from tokensh._dataclasses import dataclass, replace
from tokensh.api import limits, response, retry
from tokensh.api.api_errors import hint_for_page, is_expired_token, read_error_code
from tokensh.api.hosts import Target, parse_origin
from tokensh.api.pool import MAY_HAVE_TAKEN_EFFECT, InFlightRequest, RequestGroup
from tokensh.api.request import Json, Request
from tokensh.api.response import Response
from tokensh.environment import Cancellation, Environment
from tokensh.errors import (
    ApiError,
    CredentialError,
    DataError,
    Error,
    HostError,
    InterfaceError,
    NetworkError,
)
from tokensh.redact import Redactor
from tokensh.text import escape_unsafe

if TYPE_CHECKING:
    import requests
    from requests.adapters import HTTPAdapter

    from tokensh.api.log import Log

CONNECT_TIMEOUT = 10.0
"""Seconds for one try to connect."""
_SYSTEM = {"win32": "windows"}.get(sys.platform, sys.platform)
_PRODUCT = f"tokensh/{__version__} python/{'.'.join(map(str, sys.version_info[:3]))} os/{_SYSTEM}"
# What a header may hold without quoting: a line break in a token would end the header and begin another one.
_HEADER_TEXT = r"[\x21-\x7e]+"


class Credential(Protocol):
    """A thread-safe credential for one workspace."""

    @property
    def source(self) -> str:
        """Where the credential comes from, for error messages."""

    @property
    def kind(self) -> str:
        """`pat`, `oauth-m2m` and the like, for the User-Agent."""

    @property
    def workspace_id(self) -> str:
        """The id of the workspace on a host of several; empty if it needs none."""

    def get_token(self) -> str:
        """Return the bearer token, requesting one if needed. Raises CredentialError."""

    def refresh(self, rejected: str) -> bool:
        """Drop a token that was answered with 401; return True if `get_token` may give another one."""


class Credentials(Protocol):
    """Choose the credential for an address."""

    def for_target(self, target: Target) -> Credential:
        """Return the credential for an address. Raises CredentialError if none may be used there."""


@dataclass(frozen=True, slots=True)
class _Message:
    """A request with its body's bytes, signed with its target's credential unless it is `foreign`.

    It is built in the caller's thread, where a body that is not JSON must fail; requests' own PreparedRequest needs the
    token and the import of requests, which both belong to the worker.
    """

    request: Request
    content: bytes | None
    content_type: str = "application/json"
    foreign: bool = False
    authorization: str | None = None
    """The Authorization header of a foreign request, if it has one."""
    defers_decoding: bool = False
    """Whether a large answer is decoded by the caller."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """An HTTP response with the chunks of its body; `elapsed` in seconds."""

    status: int
    headers: Mapping[str, str]
    chunks: deque[bytes]
    elapsed: float

    @property
    def content(self) -> bytes:
        """The body."""
        return b"".join(self.chunks)


class Client:
    """Send requests: verified, bounded in time and size, each write at most once. Several threads may share a client.

    Args:
        environment: the clocks, and the variables HTTPS_PROXY, ALL_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE,
            SSL_CERT_FILE.
        credentials: choose the token that signs a request.
        redactor: learns each token, and cleans error texts.
        cancellation: reports Ctrl-C; the caller resets it before each statement.
        timeout: seconds for a request, retries included.
        create_timeout: seconds for a request whose answer holds a new token.
        max_connections: requests at once, 1 to 64.
        max_reply: bytes of an answer, decompressed.
        log: gets a line for each attempt of a request.

    Raises InterfaceError if a number is out of range.
    """

    def __init__(  # noqa: PLR0913 (settings, each with a default)
        self,
        environment: Environment,
        credentials: Credentials,
        *,
        redactor: Redactor,
        cancellation: Cancellation,
        timeout: float = limits.REQUEST_TIMEOUT,
        create_timeout: float = limits.CREATE_TIMEOUT,
        max_connections: int = limits.CONNECTIONS,
        max_reply: int = limits.RESPONSE_SIZE,
        log: Log | None = None,
    ) -> None:
        if not 1 <= max_connections <= limits.MAX_CONNECTIONS:
            raise InterfaceError(
                f"the number of connections must be 1 to {limits.MAX_CONNECTIONS}, not {max_connections}"
            )
        if not (0 < timeout <= limits.MAX_TIMEOUT and 0 < create_timeout <= limits.MAX_TIMEOUT):
            raise InterfaceError("a timeout must be more than 0 s and at most one day")
        if max_reply < 1:
            raise InterfaceError("the limit for a reply must be at least 1 byte")
        self.requests_sent = 0
        """Requests handed to the network, retries included."""
        self.last_used: dict[str, float] = {}
        """The time of the last request to each workspace, by name, in s since the epoch."""
        self._environment = environment
        self._credentials = credentials
        self._redactor = redactor
        self._cancellation = cancellation
        self._timeout = timeout
        self._create_timeout = create_timeout
        self._max_connections = max_connections
        self._max_reply = max_reply
        self._log = log
        self._lock = threading.Lock()
        self._adapter: HTTPAdapter | None = None

    # ---- the caller's thread

    def send(self, request: Request) -> Response:
        """Send one request and return its response.

        A GET is tried at most 3 times (connection failures, 429, 502, 503, 504). Anything else is sent again only after an
        answer that says that nothing was done: one that a fresh OAuth token can cure, or one that puts it off.

        Raises:
            ApiError: the API answered with an error.
            NetworkError: no complete answer came; `sent` is True if the server may have the request.
            ReplyError: the answer cannot be read.
            CredentialError: no credential may be used for this host.
            Interrupted: Ctrl-C. A create that is sent may still answer, for 10 s or until a second Ctrl-C.
        """
        return self._send_message(_encode_message(request))

    def send_as(self, request: Request, token: str) -> Response:
        """Send a GET that is signed with this token instead of the target's credential. Raises as `send` does."""
        self._redactor.learn(token)
        if request.method != "GET" or not re.fullmatch(_HEADER_TEXT, token):
            raise DataError("the value cannot sign a request")
        return self._send_message(_Message(request, None, foreign=True, authorization=f"Bearer {token}"))

    def fetch(
        self,
        requests: Sequence[Request],
        on_answer: Callable[[int], None] | None = None,
        *,
        defers_decoding: bool = False,
    ) -> Generator[Response | Error, None, None]:
        """Send requests in parallel and yield their responses, or errors as items, in the order of the requests.

        Args:
            requests: what to send.
            on_answer: called in this thread after each answer with the number of answers so far.
            defers_decoding: large responses come undecoded, for `large_replies`.

        Raises Interrupted on Ctrl-C. Closing the generator drops the requests that are not sent.
        """
        messages = [replace(_encode_message(request), defers_decoding=defers_decoding) for request in requests]
        return self._make_group(messages, on_answer).outcomes()

    def send_all(self, requests: Sequence[Request]) -> list[Response | Error]:
        """Send requests in parallel and return the outcome of each, in order; Ctrl-C is the outcome of those that it ended."""
        return self._make_group([_encode_message(request) for request in requests]).all_outcomes()

    def fetch_json(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        basic: tuple[str, str] | None = None,
    ) -> Json:
        """Return the JSON value that an OAuth endpoint answers; no credential of ours is sent there. Raises as `send` does.

        Args:
            method: GET or POST.
            url: https, or http on loopback; anything else is a HostError.
            form: fields of an urlencoded body.
            basic: user and password of HTTP's basic authentication.
        """
        target = parse_origin(url)
        if target is None:
            raise HostError(f"{escape_unsafe(url)!r} is not a plain https URL (or http on loopback)")
        request = Request(method, replace(target, prefix=""), target.prefix or "/")
        content = None if form is None else urlencode(form).encode()
        if basic:
            self._redactor.learn(basic[1])
        authorization = f"Basic {base64.b64encode(':'.join(basic).encode()).decode()}" if basic else None
        message = _Message(request, content, "application/x-www-form-urlencoded", True, authorization)
        answer = self._send_message(message)
        # Token endpoints add keys of their own (`status: approved`): with a token, they are not an error.
        has_token = isinstance(answer.body, dict) and answer.body.get("access_token")
        if answer.error is not None and not has_token:
            raise answer.error
        return answer.body

    def fetch_file(self, url: str) -> bytes:
        """Return the content at a URL, https or http on loopback; no credential is sent there. Raises as `send` does."""
        target = parse_origin(url)
        if target is None:
            raise HostError(f"{escape_unsafe(url)!r} is not a plain https URL (or http on loopback)")
        # Latin-1 has a character for each byte.
        request = Request(
            "GET", replace(target, prefix=""), target.prefix or "/", text_field="content", text_encoding="latin-1"
        )
        body = self._send_message(_Message(request, None, foreign=True)).body
        return cast("dict[str, str]", body)["content"].encode("latin-1")

    def signing_token_id(self, target: Target) -> str | None:
        """Return the id of the personal access token that signs requests to an address, None if it is not such a token."""
        try:
            credential = self._credentials.for_target(target)
            # The id of a token is its SHA-256: the API's documentation of updating a token says so.
            from hashlib import sha256  # noqa: PLC0415 (loads OpenSSL; only a DELETE of tokens asks)

            return sha256(credential.get_token().encode()).hexdigest() if credential.kind == "pat" else None
        except CredentialError:
            return None

    def import_in_background(self) -> None:
        """Import requests in the background, while the user is still typing."""
        threading.Thread(target=_import_requests, name="tokensh import", daemon=True).start()

    def close(self) -> None:
        """Close the idle connections; a later request opens new ones."""
        with self._lock:
            adapter, self._adapter = self._adapter, None
        if adapter is not None:
            adapter.close()

    def _send_message(self, message: _Message) -> Response:
        (outcome,) = self._make_group([message]).all_outcomes()
        if isinstance(outcome, Error):
            raise outcome
        return outcome

    def _make_group(
        self, messages: Sequence[_Message], on_answer: Callable[[int], None] | None = None
    ) -> RequestGroup[Response]:
        return RequestGroup(
            [self._make_in_flight(message) for message in messages],
            workers=self._max_connections,
            monotonic=self._environment.monotonic,
            cancellation=self._cancellation,
            on_answer=on_answer,
        )

    def _make_in_flight(self, message: _Message) -> InFlightRequest[Response]:
        request = message.request
        return InFlightRequest(
            partial(self._send_and_decode, message),
            host=request.target.host,
            timeout=self._create_timeout if request.creates_secret else self._timeout,
            reads_only=request.method == "GET",
            must_complete=request.creates_secret,
            on_cancel=lambda in_flight, outcome: self._log_attempt(message, None, in_flight.started, outcome),
        )

    # ---- a worker's thread

    def _send_and_decode(self, message: _Message, in_flight: InFlightRequest[Response]) -> Response:
        """Send a request, with the retries that are allowed, and decode its response."""
        _import_requests()
        request = message.request
        if message.foreign:
            answer = self._send_with_retries(
                message, {"Authorization": message.authorization} if message.authorization else {}, "none", in_flight
            )
            return self._decode_answer(message, answer)
        credential = self._credentials.for_target(request.target)
        # Before sending: a workspace that did not answer was used too.
        self.last_used[request.target.name] = self._environment.now()
        try:
            return self._decode_answer(message, self._send_signed(message, credential, in_flight))
        except ApiError as error:
            # With several sources, the first question of a user is which credential was refused.
            if error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) or is_expired_token(
                error.status, error.message.encode()
            ):
                raise error.with_context(credential=credential.source) from error.__cause__
            raise

    def _decode_answer(self, message: _Message, answer: _Answer) -> Response:
        request = message.request
        # A redirect leaves the host that the credential is bound to; the API has none, login pages and wrong names do.
        if 300 <= answer.status < 400:
            raise self._refuse_redirect(request.target, answer)
        if message.defers_decoding:
            facts = (request, answer.status, answer.headers, answer.chunks, answer.elapsed, self._redactor)
            if (deferred := response.defer(*facts)) is not None:
                return deferred
        return response.decode(request, answer.status, answer.headers, answer.content, answer.elapsed, self._redactor)

    def _refuse_redirect(self, target: Target, answer: _Answer) -> ApiError:
        location = self._redactor.clean(answer.headers.get("Location", ""))
        place = escape_unsafe(retry.redirect_host(location))
        return ApiError(
            f"{target.host} redirects to {place} (HTTP {answer.status}); redirects are not followed",
            status=answer.status,
            hint=hint_for_page(location) or "is the workspace name right?",
        )

    def _send_signed(self, message: _Message, credential: Credential, in_flight: InFlightRequest[Response]) -> _Answer:
        """Send a request with its credential, which is renewed at most once."""
        token = credential.get_token()
        signature = self._sign(credential, token)
        answer = self._send_with_retries(message, signature, credential.kind, in_flight)
        if answer.status < HTTPStatus.BAD_REQUEST or not is_expired_token(answer.status, answer.content):
            return answer
        if not credential.refresh(token):
            return answer
        # The answer says that the request was rejected before it had an effect, so a write may be sent again.
        in_flight.mark_refused()
        signature = self._sign(credential, credential.get_token())
        return self._send_with_retries(message, signature, credential.kind, in_flight)

    def _sign(self, credential: Credential, token: str) -> dict[str, str]:
        """Return the headers that carry a credential. Raises CredentialError."""
        self._redactor.learn(token)
        if not re.fullmatch(_HEADER_TEXT, token):
            raise CredentialError(
                f"the token from {credential.source} is unusable: {_describe_bad_token(token)}",
                looked_at=(credential.source,),
            )
        headers = {"Authorization": f"Bearer {token}"}
        if credential.workspace_id:
            # The Databricks CLI and its SDKs each send one of the two.
            headers |= dict.fromkeys(("X-Databricks-Workspace-Id", "X-Databricks-Org-Id"), credential.workspace_id)
        return headers

    def _send_with_retries(
        self, message: _Message, signature: Mapping[str, str], kind: str, in_flight: InFlightRequest[Response]
    ) -> _Answer:
        """Send once, and again where that may help, does no harm, and the deadline allows it."""
        request = message.request
        prepared = _prepare_request(message, signature, kind)
        outcome = self._send_logged(message, prepared, in_flight, 1)
        # The request for an OAuth token changes nothing.
        is_repeatable = request.method == "GET" or message.foreign
        for attempt, usual in enumerate(retry.RETRY_DELAYS if is_repeatable else retry.REFUSED_DELAYS, 2):
            if not is_repeatable and not _is_put_off(request, outcome):
                break
            delay = self._retry_delay(outcome, usual)
            if delay is None or self._environment.monotonic() + delay >= in_flight.deadline:
                break
            if not is_repeatable:
                in_flight.mark_refused()
            self._environment.sleep(delay)
            outcome = self._send_logged(message, prepared, in_flight, attempt)
        if not isinstance(outcome, NetworkError):
            return outcome
        # Only the caller knows how to find out what a lost write did, see engine/create.py.
        if outcome.sent and request.method != "GET":
            raise outcome.with_context(hint=MAY_HAVE_TAKEN_EFFECT)
        raise outcome

    def _retry_delay(self, outcome: _Answer | NetworkError, usual: float) -> float | None:
        if isinstance(outcome, NetworkError):
            return usual
        return retry.retry_delay(outcome.status, outcome.headers.get("Retry-After", ""), usual, self._environment.now())

    def _send_logged(
        self,
        message: _Message,
        prepared: requests.PreparedRequest,
        in_flight: InFlightRequest[Response],
        attempt: int,
    ) -> _Answer | NetworkError:
        """Send once and log it. Return a failure that another attempt may cure; raise any other."""
        started = self._environment.monotonic()
        try:
            outcome = self._send_once(message.request, prepared, in_flight, started)
        except Error as failure:
            if not in_flight.cancelled:  # else the waiting thread logs it
                self._log_attempt(message, attempt, started, failure)
            raise
        if not in_flight.cancelled:
            self._log_attempt(message, attempt, started, outcome)
        return outcome

    def _log_attempt(self, message: _Message, attempt: int | None, started: float, outcome: _Answer | Error) -> None:
        """Log what was sent, where, and what came of it; neither headers nor bodies."""
        if self._log is None:
            return
        request, answer = message.request, outcome if isinstance(outcome, _Answer) else None
        self._log.write(
            method=request.method,
            host=request.target.origin.partition("//")[2],
            path=request.url.removeprefix(request.target.origin),
            attempt=attempt,
            status=answer and answer.status,
            ms=round((self._environment.monotonic() - started) * 1000),
            sent=len(message.content or b""),
            received=answer and sum(map(len, answer.chunks)),
            request_id=answer and answer.headers.get("X-Request-Id"),
            error=outcome.message if isinstance(outcome, Error) else None,
        )

    def _send_once(
        self, request: Request, prepared: requests.PreparedRequest, in_flight: InFlightRequest[Response], started: float
    ) -> _Answer | NetworkError:
        from requests import RequestException  # noqa: PLC0415 (slow to import, as above)

        from tokensh.api import transport  # noqa: PLC0415 (it imports urllib3)

        in_flight.raise_if_cancelled()
        adapter = self._open_adapter()
        proxies = retry.choose_proxy(self._environment, request.target)
        verify = retry.trusted_certificates(self._environment, request.target)
        left = max(0.1, in_flight.deadline - started)
        try:
            transport.track_connections(
                adapter.get_connection_with_tls_context(prepared, verify, proxies), request.target
            )
            with self._lock:  # += is not atomic
                self.requests_sent += 1
            # A second longer than the deadline, so that the waiting thread is the one that ends the request: it knows
            # whether the request was sent, and its message names the timeout that the user set.
            timeout = (min(CONNECT_TIMEOUT, left + 1), left + 1)
            with adapter.send(
                prepared, stream=True, timeout=timeout, verify=verify, cert=None, proxies=proxies
            ) as received:
                chunks = transport.read_body(received, self._max_reply)
        except (RequestException, transport.HTTPError, OSError) as error:
            proxy = retry.proxy_address(proxies)
            failure, curable = transport.translate_error(error, request.target.host, sent=in_flight.sent, proxy=proxy)
        else:
            in_flight.mark_received()
            return _Answer(received.status_code, received.headers, chunks, self._environment.monotonic() - started)
        # Not inside `except`: what was caught holds the request with its credential.
        if curable and isinstance(failure, NetworkError):
            return failure
        raise failure

    def _open_adapter(self) -> HTTPAdapter:
        from requests.adapters import HTTPAdapter  # noqa: PLC0415 (slow to import, as above)

        with self._lock:
            if self._adapter is None:
                self._adapter = HTTPAdapter(retry.max_idle_hosts(), self._max_connections)
            return self._adapter


def _is_put_off(request: Request, outcome: _Answer | NetworkError) -> bool:
    """Return whether an answer to a write says that nothing was done and that it may be sent again later."""
    if isinstance(outcome, NetworkError):
        return False
    # A token's list must confirm that a 503 made none, see engine/create.py.
    if request.creates_secret:
        return outcome.status == HTTPStatus.TOO_MANY_REQUESTS
    code = read_error_code(outcome.content) if outcome.status == HTTPStatus.SERVICE_UNAVAILABLE else ""
    return retry.is_put_off(outcome.status, code, outcome.headers.get("Retry-After", ""))


_import_lock = threading.Lock()


def _import_requests() -> None:
    """Import requests under a lock: concurrent first imports can expose partially initialised modules."""
    with _import_lock:
        import requests.adapters  # noqa: F401, PLC0415 (slow to import; only a request that is sent needs it)

        from tokensh.api import transport  # noqa: F401, PLC0415 (it imports urllib3)


def _encode_message(request: Request) -> _Message:
    if request.body is None:
        return _Message(request, None)
    try:
        return _Message(request, json.dumps(request.body, allow_nan=False).encode())
    except ValueError:
        raise DataError("a number of the request's body is infinite or NaN, which JSON cannot express") from None


def _describe_bad_token(token: str) -> str:
    """Return what is wrong with a token that cannot be a header, without quoting it."""
    if token.lower().startswith("bearer "):
        return "it begins with 'Bearer ', which is not a part of it"
    if any(character.isspace() for character in token):
        return f"{len(token)} characters, among them a blank or a line end"
    return f"{len(token)} characters, not all of them printable ASCII"


def _prepare_request(message: _Message, signature: Mapping[str, str], kind: str) -> requests.PreparedRequest:
    """Return the request with its headers, checked to go where it should. Raises HostError."""
    import requests  # noqa: PLC0415 (slow to import; only a request that is sent needs it)

    request = message.request
    headers = {
        **dict(request.headers),
        "User-Agent": f"{_PRODUCT} auth/{kind}",
        "Accept": "*/*" if request.text_field else "application/json",
        "Accept-Encoding": "gzip",
    }
    if message.content is not None:
        headers["Content-Type"] = message.content_type
    headers |= signature
    prepared = None
    with suppress(requests.RequestException):
        prepared = requests.Request(request.method, request.url, headers, data=message.content).prepare()
    # Not inside `except`: what was caught may hold the request with its credential.
    if prepared is None:
        raise _destination_error(request)
    _check_destination(request, prepared.url or "")
    return prepared


def _check_destination(request: Request, url: str) -> None:
    """Check that a prepared URL still targets the resolved host and path. Raises HostError."""
    target = request.target
    parts = urlsplit(url)
    prepared = (parts.scheme, parts.hostname, parts.port, parts.username, parts.password, parts.path)
    is_safe = target.scheme == "https" or (target.scheme == "http" and target.is_loopback)
    if not is_safe or prepared != (target.scheme, target.host, target.port, None, None, target.prefix + request.path):
        raise _destination_error(request)


def _destination_error(request: Request) -> HostError:
    return HostError(f"the request would not go to {escape_unsafe(request.target.origin)}, but to another address")
