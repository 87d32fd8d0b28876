"""The command line: arguments and standard input in, results and an exit status out.

Start-up time is a feature: `--version` and `--help` load next to nothing, and everything else is imported by the function
that needs it.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import contextmanager, suppress

from tokensh import __version__
from tokensh.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, Error, InterfaceError, describe_mistake

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any, TextIO

    from tokensh.cli.reporter import Reporter, Sink
    from tokensh.cli.scripts import Script
    from tokensh.dbapi.connection import Connection
    from tokensh.engine.callbacks import Callbacks
    from tokensh.engine.destinations import Destination
    from tokensh.environment import Environment
    from tokensh.recipes.library import Recipe

_COLLECTION_THRESHOLD = 100_000
"""New objects between two garbage collections. Python's own 700 makes a hundred of a short run, which find nothing."""

_SWITCH_INTERVAL = 0.0005
"""Seconds that a computing thread keeps others waiting. With Python's own 5 ms, a thread that reads a response while another
decodes one waits longer for its turns than for the network."""


def main(arguments: Sequence[str] | None = None, environment: Environment | None = None) -> int:
    """Run the command line and return its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Before argparse, whose import takes longer than all the rest of `--version`.
    if words in (["--version"], ["-V"]):
        print(_version_line())  # noqa: T201 (as argparse does)
        return EXIT_OK
    if words in (["--help"], ["-h"]):
        # The text needs no terminal width: it fits 80 columns.
        print(_read_help(), end="")  # noqa: T201 (as argparse does)
        return EXIT_OK
    # Tests pass an environment, and share their process with others.
    if environment is not None:
        return _run_command_line(words, environment)
    tune()
    try:
        return _run_command_line(words, _process_environment())
    finally:
        # Python looks for garbage twice before it exits, which takes a tenth of a short run; the system frees it all anyway.
        gc.freeze()


def _run_command_line(words: list[str], environment: Environment) -> int:
    """Do what the arguments ask for and return the exit status."""
    try:
        if words[:1] == ["help"] and _print_topic(words, environment):
            return EXIT_OK
        options = _parse_arguments(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_FAILED
    except Error as error:
        return _report_error(error, environment)
    _disable_core_files()
    _use_utf8(environment.stdout, environment.stderr)
    try:
        return _dispatch(options, environment)
    except Error as error:
        return _report_error(error, environment)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 (the one place where a mistake of ours becomes a message)
        return _report_error(describe_mistake(error), environment)
    finally:
        _flush_or_discard(environment.stdout)


def _version_line() -> str:
    """Return the version in the layout that pystackql parses: words 2 and 4."""
    return f"tokensh {__version__} python {'.'.join(map(str, sys.version_info[:3]))}"


def _read_help() -> str:
    """Return `arguments.format_help()` as it was written to help.txt: building the text takes 7 ms, reading it none."""
    with open(os.path.join(os.path.dirname(__file__), "help.txt"), encoding="utf-8") as file:  # noqa: PTH118, PTH120, PTH123 (pathlib takes 3 ms)
        return file.read()


def _print_topic(words: list[str], environment: Environment) -> bool:
    """Print a topic of the manual, or their list; return whether the arguments ask for one."""
    from tokensh.cli import topics  # noqa: PLC0415 (for help only)

    topic = topics.find_topic(words)
    if topic is not None:
        topics.print_topic(topic, environment)
    return topic is not None


def _parse_arguments(words: list[str]) -> argparse.Namespace:
    """Parse the arguments. Raises SystemExit as argparse does, and the errors of StackQL's spelling."""
    from tokensh.cli.arguments import build_parser  # noqa: PLC0415 (--help does without)
    from tokensh.cli.usage import OWN_COMMANDS, STACKQL_COMMANDS  # noqa: PLC0415 (the same)

    parser = build_parser(_version_line())
    if words[:1] == ["run"]:
        from tokensh.cli import recipes  # noqa: PLC0415 (for recipes only)

        return recipes.parse(words[1:], parser)
    if words[:1] and words[0] in OWN_COMMANDS:
        from tokensh.cli import doors  # noqa: PLC0415 (for these commands only)

        return doors.parse(words)
    if not any(word in STACKQL_COMMANDS for word in words):
        return parser.parse_args(words)
    from tokensh.cli import stackql  # noqa: PLC0415 (for StackQL's spelling only)

    return stackql.parse(words, parser) or parser.parse_args(words)


def _process_environment() -> Environment:
    from tokensh.environment import Environment  # noqa: PLC0415 (--help does without)

    return Environment.from_process()


def tune() -> None:
    """Configure Python for a program that decodes and loads while it fetches."""
    gc.set_threshold(_COLLECTION_THRESHOLD)
    sys.setswitchinterval(_SWITCH_INTERVAL)


def _disable_core_files() -> None:
    """Keep the secrets in memory off the disk when the program crashes or gets a quit signal."""
    try:
        from resource import RLIMIT_CORE, getrlimit, setrlimit  # noqa: PLC0415 (--help does without)
    except ImportError:  # Windows, which writes no core files
        return
    with suppress(OSError, ValueError):
        setrlimit(RLIMIT_CORE, (0, getrlimit(RLIMIT_CORE)[1]))


def _use_utf8(*streams: TextIO | None) -> None:
    """Write UTF-8 with plain line ends, whatever the locale; escape what cannot be encoded (half characters)."""
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")


def _flush_or_discard(stdout: TextIO | None) -> None:
    """Flush standard output; if that fails, make Python's own flush at exit succeed, which would print a traceback."""
    if stdout is None:
        return
    try:
        stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())


def _report_error(error: Error, environment: Environment) -> int:
    """Report an error that belongs to no statement, and return the exit status."""
    from tokensh.cli.reporter import Reporter  # noqa: PLC0415 (--version does without)
    from tokensh.redact import Redactor  # noqa: PLC0415 (the same)

    reporter = Reporter(environment.stderr, Redactor.from_environment(environment.variables).clean)
    reporter.error(error)
    return reporter.status


def _dispatch(options: argparse.Namespace, environment: Environment) -> int:
    if options.door is not None:
        from tokensh.cli import doors  # noqa: PLC0415 (for these commands only)

        return doors.run(
            options,
            environment,
            lambda: _connect(options, environment),
            lambda: _make_destination(options, environment),
        )
    from tokensh.environment import is_terminal  # noqa: PLC0415 (--help does without)

    if options.environment:  # only StackQL's spelling sets any
        from tokensh._dataclasses import replace  # noqa: PLC0415 (as above)

        environment = replace(environment, variables={**environment.variables, **options.environment})
    if options.recipe is not None:
        return _run_recipe(options, environment)
    # Like psql: at a terminal the shell, from a pipe or a file a batch. Prompts must not go into a file, so the output counts too.
    on_terminal = is_terminal(environment.stdin) and is_terminal(environment.stdout)
    if options.sources is None and not options.check and on_terminal:
        return _run_shell(options, environment)
    scripts = _load_scripts(options, environment)
    return _check_scripts(scripts, environment) if options.check else _run_batch(options, scripts, environment)


def _check_scripts(scripts: Sequence[Script], environment: Environment) -> int:
    from tokensh.cli import batch  # noqa: PLC0415 (--help does without)
    from tokensh.cli.reporter import Reporter  # noqa: PLC0415 (the same)
    from tokensh.redact import Redactor  # noqa: PLC0415 (the same)
    from tokensh.sql.parse import Parser  # noqa: PLC0415 (the same)

    reporter = Reporter(environment.stderr, Redactor.from_environment(environment.variables).clean)
    batch.check(scripts, Parser(environment.cache_folder), reporter)
    return reporter.status


def _run_recipe(options: argparse.Namespace, environment: Environment) -> int:
    from tokensh.cli import recipes  # noqa: PLC0415 (for recipes only)
    from tokensh.recipes.library import find_recipe  # noqa: PLC0415 (the same)

    if recipes.print_recipes(options, environment):
        return EXIT_OK
    recipe = find_recipe(options.recipe, environment)
    # Asked for before anything is opened.
    values = recipes.read_values(recipe, _read_variables(options), environment)
    return _run_batch(options, (), environment, (recipe, values))


def _run_batch(
    options: argparse.Namespace,
    scripts: Sequence[Script],
    environment: Environment,
    recipe: tuple[Recipe, Mapping[str, object]] | None = None,
) -> int:
    from tokensh._dataclasses import replace  # noqa: PLC0415 (--help does without)
    from tokensh.cli import batch  # noqa: PLC0415 (the same)
    from tokensh.cli.reporter import Reporter  # noqa: PLC0415 (the same)
    from tokensh.environment import is_terminal  # noqa: PLC0415 (the same)

    # Read first: a mistake in `--var` must not start a sandbox or touch the journal.
    variables = {} if recipe is not None else _read_variables(options)
    destination = _make_destination(options, environment)
    with _connect(options, environment) as connection:
        connection.variables.update(variables)
        draws = not options.quiet and is_terminal(environment.stderr) and environment.get("TERM") != "dumb"
        clock = environment.monotonic if draws else None
        reporter = Reporter(environment.stderr, connection.redactor.clean, clock)
        connection.callbacks = replace(
            _delivery_callbacks(options, destination),
            on_failure=reporter.warning,
            on_progress=reporter.progress,
            on_rows_done=reporter.progress,
            note=reporter.note_warning if options.quiet else reporter.note,
        )
        if summary := connection.summarize_pending():
            reporter.note(summary)
        title = "" if recipe is None else f"{recipe[0].title}\n{_format_now(environment)}"
        with _open_sink(options, environment, reporter, connection, title) as sink:
            runner = batch.ScriptRunner(
                connection,
                sink,
                reporter,
                stop=options.on_error == "stop",
                dry=options.dry_run,
                quiet=options.quiet,
                reports_despatch=options.despatched,
                fails_if_rows=options.fail_if_rows,
            )
            if recipe is None:
                runner.run(scripts)
            else:
                from tokensh.cli.recipes import RecipeRunner  # noqa: PLC0415 (for recipes only)

                job = RecipeRunner(connection, runner, reporter, destination=destination, dry=options.dry_run)
                job.run(*recipe)
        return reporter.status


def _format_now(environment: Environment) -> str:
    """Return the time as a page says when it was made, in UTC."""
    from tokensh.units import SECOND, format_epoch  # noqa: PLC0415 (for recipes only)

    return f"{format_epoch(int(environment.now()) * SECOND)}Z"


def _make_destination(options: argparse.Namespace, environment: Environment) -> Destination | None:
    """Return where the values of new tokens go, None for results. Raises InterfaceError if they could not be delivered."""
    if options.deliver is None and options.deliver_file is None:
        return None
    from tokensh.engine.destinations import make_destination  # noqa: PLC0415 (seldom needed)

    return make_destination(options.deliver, options.deliver_file, environment)


def _delivery_callbacks(options: argparse.Namespace, destination: Destination | None) -> Callbacks:
    """Return the callbacks that take the values of new tokens."""
    from tokensh.engine.callbacks import Callbacks  # noqa: PLC0415 (--help does without)

    return Callbacks(deliver_value=destination.deliver if destination else None, verifies=options.verify)


def _run_shell(options: argparse.Namespace, environment: Environment) -> int:
    from tokensh.config import config_path  # noqa: PLC0415 (--help does without)
    from tokensh.shell.session import start  # noqa: PLC0415 (a pipe does without prompt_toolkit)
    from tokensh.shell.settings import Settings  # noqa: PLC0415 (the same)

    variables = _read_variables(options)
    with _connect(options, environment) as connection:
        connection.variables.update(variables)
        connection.callbacks = _delivery_callbacks(options, _make_destination(options, environment))
        settings = Settings(header=not options.hideheaders, quiet=options.quiet, colour=options.color)
        settings.plain = options.plain or environment.get("TERM") == "dumb"
        settings.apply_colours(connection.config.colours)
        settings.apply_config(connection.config.shell)
        settings.format = options.output or settings.format
        return start(connection, settings, None if options.no_rc else config_path(environment).with_name("rc.sql"))


def _load_scripts(options: argparse.Namespace, environment: Environment) -> list[Script]:
    from tokensh.cli import scripts  # noqa: PLC0415 (--help does without)

    loaded = []
    for flag, text in options.sources or [("-f", "-")]:
        if flag != "-f":
            loaded.append(scripts.from_text(text, flag))
        elif text == "-":
            loaded.append(scripts.from_stdin(environment))
        else:
            loaded.append(scripts.from_file(text))
    return loaded


def _read_variables(options: argparse.Namespace) -> dict[str, Any]:
    """Return the values for placeholders; `--var` takes precedence over `--vars`. Raises InterfaceError."""
    values: dict[str, Any] = {}
    for path in options.vars:
        values |= _read_variables_file(path)
    for pair in options.var:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise InterfaceError(f"invalid --var: {pair!r}; expected NAME=VALUE")
        values[name.strip()] = value
    return values


def _read_variables_file(path: str) -> dict[str, Any]:
    from tokensh.provider.document import read_variables  # noqa: PLC0415 (may load PyYAML)

    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 (pathlib is slower to import than all of this)
            text = file.read()
    except OSError as failure:
        raise InterfaceError(f"cannot read {path}: {failure.strerror}") from None
    except UnicodeDecodeError as failure:
        raise InterfaceError(
            f"{path}: byte {failure.start} is not valid UTF-8", hint="save the file as UTF-8"
        ) from None
    return {**read_variables(text, path)}


def _connect(options: argparse.Namespace, environment: Environment) -> Connection:
    from tokensh.dbapi.connection import connect  # noqa: PLC0415 (--help does without)
    from tokensh.dbapi.options import OPTIONS  # noqa: PLC0415 (the same)

    # argparse stores each option under the table's name (tests/dbapi/test_options.py).
    settings = {name: getattr(options, name) for name in OPTIONS}
    return connect(environment=environment, auth=options.auth, **settings)


@contextmanager
def _open_sink(
    options: argparse.Namespace, environment: Environment, reporter: Reporter, connection: Connection, title: str
) -> Iterator[Sink]:
    """Open what results are written to; `title` is that of a page. Raises InterfaceError if the file cannot be written."""
    from tokensh.cli.reporter import Sink  # noqa: PLC0415 (--help does without)
    from tokensh.render.options import Options  # noqa: PLC0415 (the same)

    # A file gets what a pipe gets: no colours, no fitting to a width that its reader may not have.
    look: dict[str, Any] = {
        "header": not options.hideheaders,
        "csv_safe": options.csv_safe,
        "delimiter": options.delimiter,
        "title": title,
    }
    name = options.output or "table"
    if options.outfile in (None, "-"):
        fitting = Options.for_stream(environment, environment.stdout, options.color).replace(**look)
        if fitting.width is not None:
            from tokensh.shell.settings import Settings  # noqa: PLC0415 (on a terminal, tables look as in the shell)

            fitting = Settings.for_batch(name, fitting, connection.config).apply_look(fitting, environment)
        yield Sink(environment.stdout, name, fitting)
        return
    from tokensh.render.result_file import open_result_file  # noqa: PLC0415 (for -O only)

    _refuse_overwriting(options, environment)
    file = open_result_file(options.outfile)
    # New tokens stay in the journal until the file has a name that its user knows.
    connection.holds_back_values = True
    try:
        yield Sink(file, name, Options(**look))
        if not reporter.has_errors:
            _publish(file)
    finally:
        if _close_outfile(file, reporter):
            connection.mark_values_seen()


def _refuse_overwriting(options: argparse.Namespace, environment: Environment) -> None:
    """Raise InterfaceError if the file for results is one that the run reads, or a script."""
    path = options.outfile
    if not os.path.isfile(path):  # noqa: PTH113 (pathlib is slower to import than all of this)
        return  # a device or a pipe has no content to lose
    for other in _list_files_in_use(options, environment):
        if os.path.exists(other) and os.path.samefile(path, other):  # noqa: PTH110, PTH121 (the same)
            raise InterfaceError(f"-O would overwrite {path}, which this run reads")
    if path.lower().endswith((".sql", ".iql")):
        raise InterfaceError(
            f"-O would overwrite the script {path}", hint="-f FILE runs a file; -O FILE is for results"
        )


def _list_files_in_use(options: argparse.Namespace, environment: Environment) -> Iterator[str | os.PathLike[str] | int]:
    """Yield the files that a run reads or writes besides that for results; the number of a descriptor for standard input."""
    from tokensh.api.profiles import config_file  # noqa: PLC0415 (for -O only)
    from tokensh.config import config_path  # noqa: PLC0415 (the same)

    yield from (text for flag, text in options.sources or () if flag == "-f")
    yield from options.vars
    yield from filter(None, (options.log, options.store, config_path(environment), config_file(environment)))
    with suppress(OSError, ValueError, AttributeError):  # it may be closed, or no file
        yield environment.stdin.fileno()


def _publish(file: TextIO) -> None:
    from tokensh.render.result_file import ResultFile  # noqa: PLC0415 (for -O only)

    if isinstance(file, ResultFile):
        file.publish()


def _close_outfile(file: TextIO, reporter: Reporter) -> bool:
    """Close the file for results; return whether its user can reach it."""
    from tokensh.render.result_file import ResultFile  # noqa: PLC0415 (for -O only)

    if not isinstance(file, ResultFile):
        with suppress(OSError):  # each result was flushed, and a failure of that was reported
            file.close()
        return True
    has_name = file.has_name()
    if part := file.abandon():
        reporter.note(f"{file.path} is as it was; the results before the failure are in {part}")
    return has_name
