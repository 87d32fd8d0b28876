"""The command line: arguments, standard input, exit status."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import contextmanager, suppress

from tokensh import __version__
from tokensh.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, Error, InterfaceError, InternalError

# --version and --help load next to nothing, everything else loads what it needs.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from typing import Any, TextIO

    from tokensh.cli.batch import Reporter, Script, Sink
    from tokensh.dbapi import Connection
    from tokensh.environment import Environment


def build_parser() -> argparse.ArgumentParser:
    """The options; help.txt says what they do."""
    import argparse  # noqa: PLC0415 (--version does without)

    from tokensh.render.formats import FORMATS  # noqa: PLC0415 (the same)

    # Without a width it would load shutil, and every compression there is with that, to find the same.
    width = _columns() - 2

    def formatter(prog: str) -> argparse.HelpFormatter:
        return argparse.HelpFormatter(prog, width=width)

    class Parser(argparse.ArgumentParser):
        def format_help(self) -> str:
            return _help()

    made = Parser(prog="tokensh", formatter_class=formatter, allow_abbrev=False)
    add = made.add_argument
    add("-c", "-e", dest="sources", metavar="SQL", action="append", type=_statement)
    add("-f", "-i", dest="sources", metavar="FILE", action="append", type=_file)
    add("-o", "--output", metavar="FORMAT", choices=FORMATS)
    add("-O", "--outfile", metavar="FILE")
    add("-H", "--hideheaders", action="store_true")
    add("--csv-safe", action="store_true")
    add("-v", "--var", metavar="NAME=VALUE", action="append", default=[])
    add("--vars", metavar="FILE", action="append", default=[])
    add("-w", "--workspace", metavar="NAME")
    add("-p", "--profile", metavar="PROFILE")
    add("--sandbox", action="store_true")
    add("--endpoint", metavar="TEMPLATE")
    add("--registry", metavar="DIR")
    add("--on-error", choices=("stop", "continue"), default="stop")
    add("--check", action="store_true")
    add("--dry-run", action="store_true")
    add("--yes", action="store_true")
    add("--partial", action="store_true")
    add("--timeout", metavar="S", type=_seconds)
    add("--max-connections", metavar="N", type=_connections, default=16)
    add("--max-reply", metavar="SIZE", type=_size)
    add("--log", metavar="FILE")
    add("--store", metavar="FILE")
    add("-X", "--no-rc", action="store_true")
    add("-q", "--quiet", action="store_true")
    add("--plain", action="store_true")
    add("--color", choices=("auto", "always", "never"), default="auto")
    add("-V", "--version", action="version", version=_version())
    # What only StackQL's spelling sets.
    made.set_defaults(auth=None, delimiter=None, environment={}, despatched=False)
    return made


def _help() -> str:
    # As it was written: argparse takes longer to lay it out than Python takes to start.
    with open(os.path.join(os.path.dirname(__file__), "help.txt"), encoding="utf-8") as file:  # noqa: PTH118, PTH120, PTH123
        return file.read()


def _version() -> str:
    """One line, of whose words programs that call `stackql --version` read the second and the fourth."""
    return f"tokensh {__version__} python {'.'.join(map(str, sys.version_info[:3]))}"


def _columns() -> int:
    """Of the terminal that `--help` is read at."""
    from tokensh.environment import DEFAULT_WIDTH  # noqa: PLC0415 (--version does without)

    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(1).columns or DEFAULT_WIDTH
    except OSError:
        return DEFAULT_WIDTH


def _statement(text: str) -> tuple[str, str]:
    return "-c", text


def _file(text: str) -> tuple[str, str]:
    return "-f", text


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86400:
        raise ValueError(text)
    return value


_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}


def _size(text: str) -> int:
    unit = _UNITS.get(text[-1:].upper(), 1)
    digits = text[:-1] if unit > 1 else text
    if not (digits.isascii() and digits.isdigit()) or not int(digits):
        import argparse  # noqa: PLC0415 (as above)

        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 64M")
    return int(digits) * unit


def _connections(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 64:
        raise ValueError(text)
    return value


_FEW_COLLECTIONS = 25_000
"""New objects between two looks for garbage. Python's own 700 makes a hundred looks of a short run, and finds nothing."""

_TURN = 0.0005
"""s that a thread which computes keeps others waiting. With Python's own 5 ms, a thread that reads a reply while another loads
one waits longer for its turns than for the network."""


def main(arguments: Sequence[str] | None = None, environment: Environment | None = None) -> int:
    """Run the command line and return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given in (["--version"], ["-V"]):
        print(_version())  # noqa: T201 (as argparse does)
        return EXIT_OK
    if given in (["--help"], ["-h"]):
        print(_help(), end="")  # noqa: T201 (as argparse does)
        return EXIT_OK
    try:
        options = _options(given)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_FAILED
    except Error as error:
        return _told(error, environment or _real())
    _no_core_file()
    if environment is None:
        tune()
    world = environment or _real()
    _prepare(world.stdout, world.stderr)
    try:
        return _run(options, world)
    except Error as error:
        return _told(error, world)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 (the one place where a mistake of ours becomes a message)
        return _told(_ours(error), world)
    finally:
        _finish(world.stdout)


_COMMANDS = ("exec", "shell", "registry", "srv", "mcp", "help")


def _options(given: list[str]) -> argparse.Namespace:
    """What is to be done. Raises SystemExit as argparse does, and what StackQL's spelling may raise."""
    if not given or given[0] not in _COMMANDS:
        return build_parser().parse_args(given)
    from tokensh.cli import stackql  # noqa: PLC0415 (nothing else does with StackQL's spelling)

    return stackql.parse(given, build_parser())


def _real() -> Environment:
    from tokensh.environment import Environment  # noqa: PLC0415 (--help does without)

    return Environment.real()


def tune() -> None:
    """Suit Python to a program that decodes and loads while it fetches."""
    gc.set_threshold(_FEW_COLLECTIONS)
    sys.setswitchinterval(_TURN)


def _no_core_file() -> None:
    """A crash, or a quit signal, must not write the secrets in memory to the disk."""
    from resource import RLIMIT_CORE, getrlimit, setrlimit  # noqa: PLC0415 (--help does without)

    with suppress(OSError, ValueError):
        setrlimit(RLIMIT_CORE, (0, getrlimit(RLIMIT_CORE)[1]))


def _prepare(*streams: TextIO | None) -> None:
    """UTF-8 with plain line ends everywhere; what cannot be written so is escaped."""
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")


def _finish(stdout: TextIO | None) -> None:
    """What could not be written must not be tried again, with a traceback, when Python ends."""
    if stdout is None:
        return
    try:
        stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())


def _told(error: Error, world: Environment) -> int:
    """An error that no statement is to blame for."""
    from tokensh.cli.batch import Reporter  # noqa: PLC0415 (--version does without)
    from tokensh.redact import Redactor  # noqa: PLC0415

    reporter = Reporter(world.stderr, Redactor.knowing(world.variables).clean)
    reporter.error(error)
    return reporter.status


def _ours(error: Exception) -> InternalError:
    """A mistake of tokensh, with the place in the program: never the values it was about."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f" at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else ""  # noqa: PTH119
    return InternalError(
        f"tokensh made a mistake: {type(error).__name__}{place}",
        hint="please report it, with the statement; look with SELECT before you repeat a write",
    )


def _run(options: argparse.Namespace, world: Environment) -> int:
    from tokensh.environment import is_terminal  # noqa: PLC0415 (--help does without)

    world = _with_variables(world, options.environment)
    if options.sources is None and not options.check and is_terminal(world.stdin):
        return _shell(options, world)
    from tokensh.cli import batch  # noqa: PLC0415 (--help does without)
    from tokensh.redact import Redactor  # noqa: PLC0415

    scripts = _scripts(options, world)
    if options.check:
        from tokensh.sql.parse import Parser  # noqa: PLC0415

        reporter = batch.Reporter(world.stderr, Redactor.knowing(world.variables).clean)
        batch.check(scripts, Parser(world.cache_folder), reporter)
        return reporter.status
    variables = _variables(options)
    with _connection(options, world) as connection:
        connection.variables.update(variables)
        draws = not options.quiet and is_terminal(world.stderr) and world.get("TERM") != "dumb"
        reporter = batch.Reporter(world.stderr, connection.redactor.clean, world.monotonic if draws else None)
        connection.callbacks = _callbacks(reporter)
        if notice := connection.pending.summary():
            reporter.write(f"note: {notice}")
        stop = options.on_error == "stop"
        with _sink(options, world) as sink:
            runs = batch.ScriptRunner(connection, sink, reporter, stop=stop, dry=options.dry_run, quiet=options.quiet)
            runs.despatched = options.despatched
            runs.run(scripts)
        return reporter.status


def _with_variables(world: Environment, variables: dict[str, str]) -> Environment:
    if not variables:
        return world
    from tokensh._dataclasses import replace  # noqa: PLC0415 (only StackQL's spelling sets any)

    return replace(world, variables={**world.variables, **variables})


def _shell(options: argparse.Namespace, world: Environment) -> int:
    from tokensh.config import config_path  # noqa: PLC0415 (--help does without)
    from tokensh.shell.session import start  # noqa: PLC0415 (a pipe does without prompt_toolkit)
    from tokensh.shell.settings import Settings  # noqa: PLC0415 (the same)

    variables = _variables(options)
    with _connection(options, world) as connection:
        connection.variables.update(variables)
        settings = Settings(header=not options.hideheaders, quiet=options.quiet, colour=options.color)
        settings.plain = options.plain or world.get("TERM") == "dumb"
        settings.apply_config(connection.config.shell)
        settings.format = options.output or settings.format
        return start(connection, settings, None if options.no_rc else config_path(world).with_name("rc.sql"))


def _scripts(options: argparse.Namespace, world: Environment) -> list[Script]:
    from tokensh.cli import batch  # noqa: PLC0415

    made = []
    for kind, text in options.sources or [("-f", "-")]:
        if kind != "-f":
            made.append(batch.from_text(text, kind))
        else:
            made.append(batch.from_stdin(world) if text == "-" else batch.from_file(text))
    return made


def _variables(options: argparse.Namespace) -> dict[str, Any]:
    """Values for placeholders: those of `--var` win. Raises InterfaceError."""
    values: dict[str, Any] = {}
    for path in options.vars:
        values |= _read_variables(path)
    for pair in options.var:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise InterfaceError(f"--var {pair!r} is not NAME=VALUE")
        values[name.strip()] = value
    return values


def _read_variables(path: str) -> dict[str, Any]:
    from tokensh.provider.document import read_variables  # noqa: PLC0415 (may load PyYAML)

    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 (pathlib is slower to import than all of this)
            text = file.read()
    except OSError as failure:
        raise InterfaceError(f"cannot read {path}: {failure.strerror}") from None
    except UnicodeDecodeError as failure:
        raise InterfaceError(f"{path}: byte {failure.start} is no UTF-8") from None
    return {**read_variables(text, path)}


def _connection(options: argparse.Namespace, world: Environment) -> Connection:
    from tokensh.dbapi import Connection  # noqa: PLC0415 (--help does without)

    return Connection(
        environment=world,
        profile=options.profile,
        auth=options.auth,
        endpoint=options.endpoint,
        workspace=options.workspace,
        registry=options.registry,
        sandbox=options.sandbox,
        timeout=options.timeout,
        max_connections=options.max_connections,
        max_reply=options.max_reply,
        log=options.log,
        partial=options.partial,
        store=options.store,
        yes=options.yes,
    )


def _callbacks(reporter: Reporter) -> Any:
    from tokensh.dbapi import Callbacks  # noqa: PLC0415

    return Callbacks(on_failure=reporter.warning, on_progress=reporter.progress, note=reporter.note)


@contextmanager
def _sink(options: argparse.Namespace, world: Environment) -> Iterator[Sink]:
    """Where results go. Raises InterfaceError if the file cannot be written."""
    from tokensh.cli.batch import Sink  # noqa: PLC0415
    from tokensh.render.options import Options  # noqa: PLC0415

    look: dict[str, Any] = {
        "header": not options.hideheaders,
        "csv_safe": options.csv_safe,
        "delimiter": options.delimiter,
    }
    if options.outfile is None:
        shown = Options.fitting(world, world.stdout, options.color)
        yield Sink(world.stdout, options.output or "table", shown.but(**look))
        return
    file = _private(options.outfile)
    try:
        yield Sink(file, options.output or "table", Options(**look))
    finally:
        with suppress(OSError):  # each result was flushed, and told of where that failed
            file.close()


def _private(path: str) -> TextIO:
    """A file for results, which may hold token values: a new one is its owner's alone."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except OSError as failure:
        raise InterfaceError(f"cannot write {path}: {failure.strerror}") from None
    return os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n")


if __name__ == "__main__":
    sys.exit(main())
