"""`tokensh serve`: serve PostgreSQL clients."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tokensh._dataclasses import dataclass
from tokensh.api.log import Log
from tokensh.engine.destinations import write_secret
from tokensh.environment import Environment, is_exposed, make_private_folder
from tokensh.errors import InterfaceError
from tokensh.integrations.pgwire.server import LOOPBACK, Policy, Server
from tokensh.redact import Redactor

if TYPE_CHECKING:
    from tokensh.dbapi.connection import Connection

DEFAULT_PORT = 5466
"""StackQL's."""
_PASSWORD_FILE = "pgwire.password"  # noqa: S105 (a name)
_SHORTEST_PASSWORD = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to serve.

    Attributes:
        port: on loopback; 0 takes a free one.
        password_file: the file of the password; None makes one in the state folder.
        writes: whether clients may change anything.
        log: a file that gets a line for each failed login and each statement.
        tls_certificate: a PEM file, with the certificates that it needs; with it, clients that ask for TLS get it.
        tls_key: the PEM file of its private key; None if the certificate's file has it too.
    """

    port: int = DEFAULT_PORT
    password_file: str | None = None
    writes: bool = False
    log: str | None = None
    tls_certificate: str | None = None
    tls_key: str | None = None


def serve(connect: Callable[[], Connection], environment: Environment, settings: Settings) -> None:
    """Serve until the process is told to stop. Raises Error."""
    password, file = read_password(environment, settings.password_file)
    redactor = Redactor()
    redactor.learn(password)
    log = Log(Path(settings.log), redactor.clean, environment.now) if settings.log else None

    def say(line: str) -> None:
        environment.stderr.write(f"{line}\n")
        environment.stderr.flush()

    def note(line: str) -> None:
        say(line)
        if log is not None:
            log.write(pgwire="login", outcome=line)

    def announce(port: int) -> None:
        kind = "reading and writing" if settings.writes else "reading"
        kind += " (TLS)" if tls else ""
        say(f"PostgreSQL protocol at {LOOPBACK}:{port}, for {kind}; any user, the password is in {file}")

    tls = load_certificate(environment, settings.tls_certificate, settings.tls_key)
    # A wrong option or a missing credential is told now, not to the first client.
    connect().close()

    async def run() -> None:
        policy = Policy(password=password, writes=settings.writes, tls=tls)
        await Server(connect, policy, note, log.write if log else None).run(settings.port, announce)

    asyncio.run(run())


def read_password(environment: Environment, path: str | None) -> tuple[str, Path]:
    """Return the password and its file, which is made if none is named. Raises InterfaceError."""
    file = environment.expand_path(path) if path is not None else environment.state_folder / _PASSWORD_FILE
    try:
        if path is None:
            make_private_folder(file.parent)
            if not file.exists():
                write_secret(file, secrets.token_urlsafe(24))
        if is_exposed(file):
            raise InterfaceError(f"others can read {file}", hint=f"chmod 600 {file}")
        password = file.read_text(encoding="utf-8").partition("\n")[0]
    except (OSError, UnicodeError) as failure:
        raise InterfaceError(f"cannot read the password from {file}: {failure}") from None
    # Other characters would have to be prepared as RFC 4013 says, on both sides alike.
    if len(password) < _SHORTEST_PASSWORD or not (password.isascii() and password.isprintable()):
        raise InterfaceError(
            f"the password in {file} is not {_SHORTEST_PASSWORD} printable ASCII characters or more",
            hint="put a longer one on its first line",
        )
    return password, file


def load_certificate(environment: Environment, certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    """Return the TLS settings of a certificate; None without one. Raises InterfaceError."""
    if certificate is None:
        if key is not None:
            raise InterfaceError("--tls-key needs --tls-cert")
        return None
    file, key_file = (environment.expand_path(path) for path in (certificate, key or certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        if is_exposed(key_file):
            raise InterfaceError(f"others can read {key_file}", hint=f"chmod 600 {key_file}")
        # Without a password, OpenSSL asks for that of an encrypted key at the terminal.
        context.load_cert_chain(file, key_file, _refuse_encrypted_key)
    except (OSError, ValueError) as failure:  # an SSLError is an OSError
        raise InterfaceError(f"cannot use the certificate {file} with the key {key_file}: {failure}") from None
    return context


def _refuse_encrypted_key() -> str:
    raise ValueError("the key is encrypted")
