"""The commands that serve other programs, and `reveal`: their options, and how they are started."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from tokensh.cli.arguments import SECTIONS, Argument
from tokensh.cli.usage import UsageParser, choice_of
from tokensh.dbapi.options import OPTIONS
from tokensh.environment import Environment
from tokensh.errors import EXIT_OK, InterfaceError

if TYPE_CHECKING:
    from tokensh.dbapi.connection import Connection
    from tokensh.engine.destinations import Destination

_MODES = ("read_only", "confirm", "full")
_MAX_PORT = 65_535


def _read_port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > _MAX_PORT:
        raise argparse.ArgumentTypeError(f"invalid port: {text!r}; expected 0 to {_MAX_PORT}; 0 takes a free one")
    return int(text)


def parse(words: list[str]) -> argparse.Namespace:
    """Parse a command line that begins with a command of this module. Raises InterfaceError; SystemExit for --help."""
    command = words[0]
    match command:
        case "mcp":
            parser = _build_parser(
                command, "Serve the Model Context Protocol, for assistants: a token's value is never shown."
            )
            parser.add_argument(
                "--mode",
                type=choice_of("--mode", _MODES),
                default="read_only",
                help="read_only (default), confirm (the client asks the user about each change), full",
            )
            parser.add_argument(
                "--http", metavar="PORT", type=_read_port, help="HTTP on loopback instead of standard input and output"
            )
        case "serve" | "srv":
            parser = _build_parser(
                command, "Serve PostgreSQL's protocol on loopback, for its clients: read-only by default."
            )
            parser.add_argument(
                "--port",
                metavar="PORT",
                type=_read_port,
                default=5466,
                help="where to listen (5466); 0 takes a free one",
            )
            parser.add_argument("--writes", action="store_true", help="let clients change something")
            _add_argument(parser, next(each for each in SECTIONS["statements"] if each.flags[-1] == "--yes"))
            parser.add_argument(
                "--password-file", metavar="FILE", help="a file (0600) with the password; by default one is made"
            )
            parser.add_argument("--tls-cert", metavar="FILE", help="a certificate (PEM) for clients that ask for TLS")
            parser.add_argument("--tls-key", metavar="FILE", help="its private key (0600), if the file lacks it")
        case _:
            parser = UsageParser(
                prog="tokensh reveal", description="Show the value of a new token at a terminal.", allow_abbrev=False
            )
            parser.add_argument(
                "token_id", metavar="TOKEN_ID", nargs="?", help="the token; without it, list those that wait"
            )
            parser.add_argument("--forget", action="store_true", help="delete the value without showing it")
            parser.add_argument("--sandbox", action="store_true", help="a token of the emulated workspace")
    options = parser.parse_args(words[1:])
    options.door = command
    return options


def _build_parser(command: str, description: str) -> UsageParser:
    parser = UsageParser(prog=f"tokensh {command}", description=description, allow_abbrev=False)
    others = [argument for argument in SECTIONS["other options"] if argument.flags[-1] in ("--registry", "--store")]
    for title, arguments in (
        ("workspaces", SECTIONS["workspaces"]),
        ("new tokens", SECTIONS["new tokens"]),
        ("other", others),
    ):
        group = parser.add_argument_group(title)
        for argument in arguments:
            _add_argument(group, argument)
    defaults = {name: option.default for name, option in OPTIONS.items()}
    parser.set_defaults(**{**defaults, "auth": None, "environment": {}})
    return parser


def _add_argument(group: argparse._ActionsContainer, argument: Argument) -> None:
    settings = {"metavar": argument.metavar} if argument.metavar else {"action": "store_true"}
    # argparse's own help is used here: these commands have few options, and are seldom asked for them.
    group.add_argument(
        *argument.flags, help=argument.help.replace("%", "%%"), **{**settings, **dict(argument.settings or {})}
    )


def run(
    options: argparse.Namespace,
    environment: Environment,
    connect: Callable[[], Connection],
    make_destination: Callable[[], Destination | None],
) -> int:
    """Run a command and return its exit status. Raises Error.

    Args:
        options: what `parse` returned.
        environment: the process's.
        connect: opens the connection that the options describe.
        make_destination: returns where the options send values of new tokens.
    """
    if options.door == "reveal":
        from tokensh.cli.reveal import reveal_value  # noqa: PLC0415 (for this command only)

        own = environment.in_sandbox() if options.sandbox else environment
        reveal_value(options.token_id, own, forgets=options.forget)
        return EXIT_OK
    if options.door == "mcp":
        _serve_mcp(options, environment, connect, make_destination())
    else:
        _serve_postgresql(options, environment, connect, make_destination())
    return EXIT_OK


def _serve_mcp(
    options: argparse.Namespace,
    environment: Environment,
    connect: Callable[[], Connection],
    destination: Destination | None,
) -> None:
    try:
        from tokensh.integrations.mcp.main import Settings, serve  # noqa: PLC0415 (an extra)
    except ImportError as missing:
        raise InterfaceError(str(missing)) from None
    settings = Settings(
        mode=options.mode,
        destination=destination,
        verifies=options.verify,
        http_port=options.http,
        log=options.log,
    )
    serve(connect, environment, settings)


def _serve_postgresql(
    options: argparse.Namespace,
    environment: Environment,
    connect: Callable[[], Connection],
    destination: Destination | None,
) -> None:
    try:
        from tokensh.integrations.pgwire.main import Settings, serve  # noqa: PLC0415 (an extra)
    except ImportError as missing:
        raise InterfaceError(str(missing)) from None
    from contextlib import ExitStack  # noqa: PLC0415 (for this command only)

    from tokensh.engine.callbacks import Callbacks  # noqa: PLC0415 (the same)

    def connect_client() -> Connection:
        connection = connect()
        connection.callbacks = Callbacks(
            deliver_value=destination.deliver if destination else None, verifies=options.verify
        )
        return connection

    with ExitStack() as stack:
        if options.sandbox:
            from tokensh import sandbox  # noqa: PLC0415 (loads an HTTP server)

            # One for all clients.
            options.sandbox = stack.enter_context(sandbox.start(list_credentials=True))
        settings = Settings(
            port=options.port,
            password_file=options.password_file,
            writes=options.writes,
            log=options.log,
            tls_certificate=options.tls_cert,
            tls_key=options.tls_key,
        )
        serve(connect_client, environment, settings)
