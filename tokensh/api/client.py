"""Requests over the wire: the only module that imports requests, and that only when something is to be sent.

It stands on HTTPAdapter, without a Session: a Session keeps cookies, follows redirects and lets netrc put in another
credential than ours, none of which may happen here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode, urlsplit

from tokensh import __version__
from tokensh._dataclasses import dataclass, replace
from tokensh.api import limits, response, retry
from tokensh.api.api_errors import is_stale, page_hint
from tokensh.api.hosts import Target, parse_origin
from tokensh.api.log import Log
from tokensh.api.pool import MAYBE, Batch, Flight, Job
from tokensh.api.request import Json, Request
from tokensh.api.response import Reply
from tokensh.environment import Cancellation, Environment
from tokensh.errors import (
    ApiError,
    CredentialError,
    DataError,
    Error,
    HostError,
    InterfaceError,
    NetworkError,
    ReplyError,
)
from tokensh.redact import Redactor
from tokensh.text import escape_unsafe

if TYPE_CHECKING:
    from requests import PreparedRequest, Response
    from requests.adapters import HTTPAdapter

CONNECT_TIMEOUT = 10.0
"""Seconds for one try to connect."""
_CHUNK = 64 * 1024
_SYSTEM = {"win32": "windows"}.get(sys.platform, sys.platform)
_PRODUCT = f"tokensh/{__version__} python/{'.'.join(map(str, sys.version_info[:3]))} os/{_SYSTEM}"
_HEADER_TEXT = re.compile(r"[\x21-\x7e]+")


class Credential(Protocol):
    """What one workspace's requests are signed with; used from several threads."""

    @property
    def source(self) -> str:
        """Where it came from, for error messages."""

    @property
    def kind(self) -> str:
        """`pat` or `oauth-m2m` and the like, for the User-Agent."""

    def token(self) -> str:
        """The bearer token; may fetch one. Raises CredentialError."""

    def refresh(self, rejected: str) -> bool:
        """Get another token after a 401 answered this one; whether there is one."""


class Credentials(Protocol):
    """Which credential may go where."""

    def for_target(self, target: Target) -> Credential:
        """The credential for an address. Raises CredentialError where there is none."""


@dataclass(frozen=True, slots=True)
class _Message:
    """A request with its body's bytes, signed with its target's credential unless it is `foreign`."""

    request: Request
    content: bytes | None
    content_type: str = "application/json"
    foreign: bool = False
    authorization: str | None = None
    """Of a foreign one: the header, if any."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back, undecoded; `elapsed` in s."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    elapsed: float


class Client:
    """Sends requests: verified, bounded in time and size, each write at most once. Several threads may use it.

    Args:
        environment: the clocks, and the variables HTTPS_PROXY, ALL_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE.
        credentials: signs the requests.
        redactor: is told each token, and cleans error texts.
        cancellation: where Ctrl-C is seen; its presses of an earlier statement must be reset.
        timeout: seconds for a request, its retries included.
        create_timeout: seconds for a request that creates.
        max_connections: requests at once, 1 to 64.
        max_reply: bytes of a reply, decompressed.
        log: is told of every try of a request.

    Raises InterfaceError where a number is out of its range.
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
                f"there can be 1 to {limits.MAX_CONNECTIONS} connections at once, not {max_connections}"
            )
        if not (0 < timeout <= limits.MAX_TIMEOUT and 0 < create_timeout <= limits.MAX_TIMEOUT):
            raise InterfaceError("a timeout must be more than 0 s and at most a day")
        if max_reply < 1:
            raise InterfaceError("a reply must be allowed at least one byte")
        self.requests_sent = 0
        """Requests handed to the network, retries included."""
        self.asked: dict[str, float] = {}
        """By workspace, when it was asked last, in s since the epoch."""
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

    # What others call.

    def send(self, request: Request) -> Reply:
        """Send one request and wait for its reply.

        A GET is tried at most 3 times (connection failures, 429, 502, 503); anything else is sent once, and once more only
        after a 401 that a fresh OAuth token can cure.

        Raises:
            ApiError: the API said no.
            NetworkError: no complete answer; `sent` tells whether the server may have the request.
            ReplyError: an answer that cannot be read.
            CredentialError: no credential for this host.
            Interrupted: Ctrl-C. A create that is on its way is waited for, 10 s or until a second Ctrl-C.
        """
        return self._first([self._message(request)])

    def fetch(
        self, requests: Sequence[Request], on_answer: Callable[[int], None] | None = None
    ) -> Generator[Reply | Error, None, None]:
        """Send requests in parallel; their replies, or errors as items, in the order of the requests.

        Args:
            requests: what to send.
            on_answer: called in this thread after each answer with the number of answers so far.

        Raises Interrupted on Ctrl-C. Closing the iterator drops the requests that are not sent.
        """
        return self._answers([self._message(request) for request in requests], on_answer)

    def fetch_json(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        basic: tuple[str, str] | None = None,
    ) -> Json:
        """The JSON value that an OAuth endpoint answers; none of our credentials goes there. Raises as `send` does.

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
        return self._first([message]).body

    def signs_with(self, target: Target) -> str | None:
        """The id of the personal access token that signs requests to an address; None where another credential does."""
        try:
            credential = self._credentials.for_target(target)
            # A token's id is its SHA-256 (the API's documentation of the call that updates one).
            return hashlib.sha256(credential.token().encode()).hexdigest() if credential.kind == "pat" else None
        except CredentialError:
            return None

    def preload(self) -> None:
        """Import requests in the background, while a person is still typing."""
        threading.Thread(target=_load, name="tokensh import", daemon=True).start()

    def close(self) -> None:
        """Close the idle connections; a later request opens new ones."""
        with self._lock:
            adapter, self._adapter = self._adapter, None
        if adapter is not None:
            adapter.close()

    # The waiting thread.

    def _message(self, request: Request) -> _Message:
        if request.body is None:
            return _Message(request, None)
        try:
            return _Message(request, json.dumps(request.body, allow_nan=False).encode())
        except ValueError:
            raise DataError(
                "a number of the request's body is infinite or not a number, which JSON cannot say"
            ) from None

    def _first(self, messages: Sequence[_Message]) -> Reply:
        with closing(self._answers(messages)) as answers:
            outcome = next(answers)
        if isinstance(outcome, Error):
            raise outcome
        return outcome

    def _answers(
        self, messages: Sequence[_Message], on_answer: Callable[[int], None] | None = None
    ) -> Generator[Reply | Error, None, None]:
        return Batch(
            [self._job(message) for message in messages],
            workers=self._max_connections,
            monotonic=self._environment.monotonic,
            cancellation=self._cancellation,
            on_answer=on_answer,
        ).answers()

    def _job(self, message: _Message) -> Job[Reply]:
        request = message.request
        return Job(
            partial(self._converse, message),
            place=request.target.host,
            timeout=self._create_timeout if request.creates else self._timeout,
            reads_only=request.method == "GET",
            precious=request.creates,
            given_up=lambda flight, outcome: self._note(message, None, flight.started, outcome),
        )

    # The workers.

    def _converse(self, message: _Message, flight: Flight) -> Reply:
        """One request and its reply, with the retries that are allowed."""
        _load()
        request = message.request
        if message.foreign:
            return self._read_answer(request, self._persist(message, message.authorization, "none", flight))
        credential = self._credentials.for_target(request.target)
        self.asked[request.target.name] = self._environment.now()
        try:
            return self._read_answer(request, self._signed(message, credential, flight))
        except ApiError as error:
            if error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                raise error.with_context(credential=credential.source) from error.__cause__
            raise

    def _read_answer(self, request: Request, answer: _Answer) -> Reply:
        if 300 <= answer.status < 400:
            raise self._redirected(request.target, answer)
        return response.read(request, answer.status, answer.headers, answer.content, answer.elapsed, self._redactor)

    def _redirected(self, target: Target, answer: _Answer) -> ApiError:
        location = self._redactor.clean(answer.headers.get("Location", ""))
        place = escape_unsafe(retry.place(location))
        return ApiError(
            f"{target.host} redirects to {place} (HTTP {answer.status}); redirects are not followed",
            status=answer.status,
            hint=page_hint(location) or "is the workspace name right?",
        )

    def _signed(self, message: _Message, credential: Credential, flight: Flight) -> _Answer:
        """The answer to a request with its credential, which is renewed at most once."""
        token = credential.token()
        answer = self._persist(message, self._bearer(credential, token), credential.kind, flight)
        if not is_stale(answer.status, answer.content) or not credential.refresh(token):
            return answer
        flight.refused()
        return self._persist(message, self._bearer(credential, credential.token()), credential.kind, flight)

    def _bearer(self, credential: Credential, token: str) -> str:
        self._redactor.learn(token)
        if not _HEADER_TEXT.fullmatch(token):
            raise CredentialError(
                f"the token from {credential.source} is unusable: {len(token)} characters, not all of them printable ASCII",
                looked_at=(credential.source,),
            )
        return f"Bearer {token}"

    def _persist(self, message: _Message, authorization: str | None, kind: str, flight: Flight) -> _Answer:
        """Exchange once; a GET again where that may help and the time allows it."""
        request = message.request
        prepared = self._prepare(message, authorization, kind)
        outcome = self._exchange(message, prepared, flight, 1)
        for number, usual in enumerate(retry.PAUSES if request.method == "GET" else (), 2):
            pause = self._pause(outcome, usual)
            if pause is None or self._environment.monotonic() + pause >= flight.deadline:
                break
            self._environment.sleep(pause)
            outcome = self._exchange(message, prepared, flight, number)
        if not isinstance(outcome, NetworkError):
            return outcome
        if outcome.sent and request.method != "GET":
            raise outcome.with_context(hint=MAYBE)
        raise outcome

    def _pause(self, outcome: _Answer | NetworkError, usual: float) -> float | None:
        if isinstance(outcome, NetworkError):
            return usual
        return retry.pause(outcome.status, outcome.headers.get("Retry-After", ""), usual, self._environment.now())

    def _prepare(self, message: _Message, authorization: str | None, kind: str) -> PreparedRequest:
        import requests  # noqa: PLC0415 (slow to import; only a request that is sent needs it)

        request = message.request
        headers = {
            "User-Agent": f"{_PRODUCT} auth/{kind}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }
        if message.content is not None:
            headers["Content-Type"] = message.content_type
        if authorization is not None:
            headers["Authorization"] = authorization
        try:
            prepared = requests.Request(request.method, request.url, headers, data=message.content).prepare()
        except requests.RequestException:
            raise _astray(request) from None
        _assert_place(request, prepared.url or "")
        return prepared

    def _exchange(
        self, message: _Message, prepared: PreparedRequest, flight: Flight, number: int
    ) -> _Answer | NetworkError:
        """Send and read once, and log it. A failure that another try may cure is returned, others are raised."""
        started = self._environment.monotonic()
        try:
            outcome = self._exchanged(message.request, prepared, flight, started)
        except Error as failure:
            if not flight.stopped:  # else it is noted by the thread that gave it up
                self._note(message, number, started, failure)
            raise
        if not flight.stopped:
            self._note(message, number, started, outcome)
        return outcome

    def _note(self, message: _Message, number: int | None, started: float, outcome: _Answer | Error) -> None:
        """A line of the log: what was sent, where, and what came of it; neither headers nor bodies."""
        if self._log is None:
            return
        request, answer = message.request, outcome if isinstance(outcome, _Answer) else None
        self._log.write(
            method=request.method,
            host=request.target.origin.partition("//")[2],
            path=request.url.removeprefix(request.target.origin),
            attempt=number,
            status=answer and answer.status,
            ms=round((self._environment.monotonic() - started) * 1000),
            sent=len(message.content or b""),
            received=answer and len(answer.content),
            request_id=answer and answer.headers.get("X-Request-Id"),
            error=outcome.message if isinstance(outcome, Error) else None,
        )

    def _exchanged(
        self, request: Request, prepared: PreparedRequest, flight: Flight, started: float
    ) -> _Answer | NetworkError:
        from requests import RequestException  # noqa: PLC0415 (slow to import, as above)

        from tokensh.api import transport  # noqa: PLC0415 (it imports urllib3)

        flight.check()
        adapter = self._transport()
        proxies = retry.proxies(self._environment, request.target)
        verify = retry.trusted(self._environment)
        left = max(0.1, flight.deadline - started)
        try:
            transport.watch(adapter.get_connection_with_tls_context(prepared, verify, proxies), request.target)
            with self._lock:
                self.requests_sent += 1
            # The waiting thread ends what lasts too long; the timeouts here only bound what it cannot reach.
            timeout = (min(CONNECT_TIMEOUT, left + 1), left + 1)
            with adapter.send(
                prepared, stream=True, timeout=timeout, verify=verify, cert=None, proxies=proxies
            ) as response:
                content = self._read(response)
        except (RequestException, transport.HTTPError, OSError) as error:
            return transport.explain(error, request.target.host, sent=flight.sent)
        flight.arrive()
        return _Answer(response.status_code, response.headers, content, self._environment.monotonic() - started)

    def _read(self, response: Response) -> bytes:
        content = bytearray()
        for chunk in response.iter_content(_CHUNK):
            content += chunk
            if len(content) > self._max_reply:
                raise ReplyError(
                    f"the reply is larger than {self._max_reply:,} bytes; it was not read to its end",
                    hint="--max-reply allows for more",
                )
        return bytes(content)

    def _transport(self) -> HTTPAdapter:
        from requests.adapters import HTTPAdapter  # noqa: PLC0415 (slow to import, as above)

        with self._lock:
            if self._adapter is None:
                self._adapter = HTTPAdapter(retry.kept_hosts(), self._max_connections)
            return self._adapter


_loading = threading.Lock()


def _load() -> None:
    """Import requests, and what stands on it, in one thread at a time: half-made modules are nobody's."""
    with _loading:
        import requests.adapters  # noqa: F401, PLC0415 (slow to import; only a request that is sent needs it)

        from tokensh.api import transport  # noqa: F401, PLC0415 (it imports urllib3)


def _assert_place(request: Request, url: str) -> None:
    """Hold what requests made of the address against what was worked out. Raises HostError."""
    target = request.target
    parts = urlsplit(url)
    made = (parts.scheme, parts.hostname, parts.port, parts.username, parts.password, parts.path)
    safe = target.scheme == "https" or (target.scheme == "http" and target.loopback)
    if not safe or made != (target.scheme, target.host, target.port, None, None, target.prefix + request.path):
        raise _astray(request)


def _astray(request: Request) -> HostError:
    return HostError(f"the request would not go where it should: {escape_unsafe(request.target.origin)}")
