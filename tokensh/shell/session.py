"""One session of the shell: it wires the parts together, reads from the prompt and runs what was typed."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from tokensh import __version__
from tokensh.dbapi.connection import Connection
from tokensh.engine.callbacks import Callbacks
from tokensh.engine.history import History
from tokensh.environment import is_terminal
from tokensh.errors import Error, InterfaceError, Interrupted, assert_never, describe_mistake
from tokensh.render.errors import Source
from tokensh.rows import RowSet
from tokensh.shell import dialogs
from tokensh.shell.commands import CONDITIONAL, ExitShell, run_command
from tokensh.shell.conditions import Conditions
from tokensh.shell.confirm import ChangeConfirmation
from tokensh.shell.console import Console
from tokensh.shell.includes import Includes
from tokensh.shell.input_buffer import TAKES_STATEMENT, Command, Part, Unfinished, bare_command, split_input
from tokensh.shell.output import without_terminal_queries
from tokensh.shell.progress import Spinner
from tokensh.shell.prompt import Prompt, display_invisible_characters
from tokensh.shell.query_store import QueryStore
from tokensh.shell.result_cache import Result, ResultCache
from tokensh.shell.runner import Runner
from tokensh.shell.settings import Settings
from tokensh.sql import placeholders
from tokensh.sql.script import StatementText
from tokensh.text import escape_unsafe, plural, truncate

if TYPE_CHECKING:
    from tokensh.complete import Facts
    from tokensh.complete.model import Candidate

# The parts of a session (console, result cache, runner, prompt, confirmation) get the objects and callbacks they need from
# its constructor, and none of them holds the session: each can be read and tested without the others. Meta commands are the
# exception, since they may ask for anything; they get the session as a `ShellContext`, a protocol that the commands package
# declares. import-linter checks that this stays free of cycles.
#
# The way of a text: prompt -> split_input -> commands and statements; a statement goes to the runner, which sends it through
# the connection, records its rows in the result cache and shows them on the console.

# How a step ended, if it did not fail with an error's message.
OK, INTERRUPTED = "ok", "interrupted"
# Times in a row that the prompt may fail before the session ends.
_MOST_PROMPT_FAILURES = 3
_SHORTENED_ID = re.compile("'([0-9a-f]{2,})…([0-9a-f]{2,})'")


def start(connection: Connection, settings: Settings, rc: Path | None = None) -> int:
    """Run a shell until the user leaves and return the exit status; it begins with the statements of `rc`, if that exists."""
    display_invisible_characters()
    with without_terminal_queries(connection.environment):
        return Session(connection, settings).run(rc)


class Session:
    """One shell, from its banner to Ctrl-D. Meta commands see it as a `ShellContext`."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        environment, redact = connection.environment, connection.redactor.clean
        self.connection = connection
        # A new token counts as lost until its masked value was revealed or copied: the connection keeps its journal entry.
        connection.holds_back_values = True
        self.settings = settings
        self.console = Console(environment, settings, redact)
        self.results = ResultCache()
        self.queries = QueryStore(environment, redact)
        self.conditions = Conditions()
        options = self.console.options()
        self._spinner = Spinner(environment, connection.cancellation, options.width, plain=settings.plain)
        self._runner = Runner(
            connection,
            settings,
            self.console,
            results=self.results,
            spinner=self._spinner,
            history=connection.history,
        )
        self._runner.check_history()
        self._prompt = Prompt(
            connection,
            settings,
            self.history,
            collect_facts=self._collect_facts,
            toggle_times=self._toggle_times,
            colour=options.colour,
            styles=options.styles,
        )
        self._open_statement = ""
        self._open_source: Source | None = None
        self._last_statement = ""
        self._includes = Includes()
        # Texts and files that run, one inside the other; the failure of what ran last, and the statements it left out.
        self._text_depth = self._file_depth = 0
        self._failure = ""
        self._not_run = 0
        # What the user has answered for placeholders, by name: the defaults of the next questions.
        self._answers: dict[str, str] = {}
        self._new_answers: dict[str, str] = {}
        confirmation = ChangeConfirmation(connection, settings, self.console, self.results, self._spinner)
        connection.callbacks = Callbacks(
            approve=confirmation.approve,
            keep_value=self.results.keep_hidden,
            deliver_value=connection.callbacks.deliver_value,
            verifies=connection.callbacks.verifies,
            on_new_secret=self.results.secrets.append,
            on_failure=self.console.warn,
            on_progress=self._spinner.set_progress,
            on_rows_done=self._spinner.set_rows_done,
            on_activity=self._spinner.set_activity,
            note=self.console.note,
        )

    # ---- the loop

    def run(self, rc: Path | None = None) -> int:
        """Run the file `rc`, if it exists, then read and run until the user leaves; return the exit status."""
        try:
            self._attempt(self._print_banner)
            self._attempt(partial(self._run_rc, rc))
            self._read_and_run()
        except ExitShell:
            pass
        if self.connection.in_transaction:
            self.console.note(f"rolled back: {plural(self.connection.rollback(), 'waiting change')} not sent")
        return 0

    def _read_and_run(self) -> None:
        """Read and run until the user leaves, or until the prompt fails again and again: the terminal may be gone."""
        failures = 0
        while failures < _MOST_PROMPT_FAILURES:
            self.console.separate()
            try:
                text = self._prompt.read()
            except KeyboardInterrupt:
                continue
            except Exception as mistake:  # noqa: BLE001 (the session goes on)
                self._report(mistake)
                failures += 1
                continue
            failures = 0
            self._failure = ""
            self._attempt(partial(self.run_text, text))

    # This is the one place that keeps a session alive. Whatever a step raises, and be it a mistake of tokensh or of a library,
    # is reported with its place: the session holds values that are shown only once.
    def _attempt(self, step: Callable[[], str | None], source: Source | None = None) -> str:
        """Run a step, report what it raises, and return its outcome: `ok` if it returns none. Raises ExitShell only."""
        try:
            outcome = step() or OK
        except ExitShell:
            raise
        except KeyboardInterrupt:
            outcome = INTERRUPTED
        except Exception as error:  # noqa: BLE001 (the backstop)
            outcome = self._report(error, source)
        if outcome != OK and self._failure != INTERRUPTED:
            self._failure = outcome
        return outcome

    def _report(self, failure: Exception, source: Source | None = None) -> str:
        """Report what a step raised, and return it as an outcome."""
        error = failure if isinstance(failure, Error) else describe_mistake(failure)
        with suppress(OSError, ValueError):  # nothing can be said on a terminal that is gone
            self.console.report(error, source)
        return INTERRUPTED if isinstance(error, Interrupted) else error.message

    def _print_banner(self) -> None:
        if notice := self.connection.summarize_pending():
            self.console.note(f"note: {notice}")
        if not self.settings.quiet:
            place = f" · {self.connection.destination}" if self.connection.destination else ""
            self.console.note(rf"tokensh {__version__}{place} · \? help, \q leaves")

    def _run_rc(self, path: Path | None) -> None:
        """Run rc.sql up to its first error; the session starts all the same. Raises Error, ExitShell."""
        if path is not None and path.exists():
            self.run_text(_read_script(path), str(path), record=False)
            if self._failure == INTERRUPTED:
                self.console.note(f"{path} was interrupted")

    # ---- what is run

    def run_file(self, path: Path, name: str) -> None:
        """Run a file up to its first error; errors name it `name`. Raises InterfaceError, ExitShell, KeyboardInterrupt."""
        with self._includes.enter(name):
            self.run_text(_read_script(path), name)

    def run_if_ended(self, text: str) -> None:
        """Run a text whose last statement is ended, else put it into the next prompt."""
        match list(split_input(text, self.connection.parser))[-1:]:
            case [StatementText(ended=True)]:
                self.console.note(self.connection.redactor.clean(text))
                self.run_text(text)
            case _:
                self.prefill(text)

    def run_text(self, text: str, file: str = "", *, record: bool = True) -> None:
        """Run the statements and commands of a text; a failure stops a file and those around it, Ctrl-C everything.

        Raises ExitShell.
        """
        parts = list(split_input(bare_command(text) or text, self.connection.parser))
        # A leading blank keeps a text out of the history, as in bash (HISTCONTROL=ignorespace).
        record = record and not text.startswith(" ")
        self._text_depth += 1
        self._file_depth += bool(file)
        blocks = self.conditions.depth
        try:
            for number, part in enumerate(parts):
                if self._is_skipped(part):
                    continue
                if len(parts) > 1 and not file and isinstance(part, StatementText):
                    self.console.note(f"> {truncate(escape_unsafe(' '.join(part.text.split())), 76)}")
                outcome = self._attempt(partial(self._run_part, part, file, record=record), _locate(part, file))
                # At the prompt the statements after an error still run, as in psql.
                stops = outcome == INTERRUPTED or (outcome != OK and self._file_depth > 0)
                self._not_run += sum(map(_is_statement, parts[number + 1 :])) if stops else 0
                # The outermost text tells how many statements were left out in all files.
                if self._not_run and self._text_depth == 1:
                    count, self._not_run = self._not_run, 0
                    self.console.note(f"{plural(count, 'more statement')} {'was' if count == 1 else 'were'} not run")
                if stops:
                    return
            if file and self.conditions.depth > blocks:
                self.console.note(rf"{file} ends inside \if: \endif is missing")
        finally:
            if file:
                self.conditions.cut(blocks)
            self._text_depth -= 1
            self._file_depth -= bool(file)

    def _is_skipped(self, part: Part) -> bool:
        r"""Return whether a part is in a branch of `\if` that does not run; at the prompt this is said, and `\q` leaves."""
        if self.conditions.runs or (isinstance(part, Command) and part.name in CONDITIONAL):
            return False
        if self._file_depth:
            return True
        if isinstance(part, Command) and part.name == r"\q":
            return False
        self.console.note(r"not run: the condition of \if is false; \endif ends its block")
        return True

    def _run_part(self, part: Part, file: str, *, record: bool) -> str:
        """Run one part and return its outcome: `ok`, `interrupted` or an error that has been reported. Raises Error."""
        match part:
            case Unfinished():
                self.prefill(part.text + "\n")
            case Command():
                self._open_statement, self._open_source = part.statement, _locate(part, file)
                return self._run_command(part, record=record and not file)
            case StatementText():
                if part.error:
                    raise part.error
                return self.run_statement(part, _locate(part, file), record=record)
            case _:
                assert_never(part)
        return OK

    def _run_command(self, command: Command, *, record: bool) -> str:
        """Run a command and return the outcome of what it has run: no command has to hand it on. Raises what it raises."""
        before, self._failure = self._failure, ""
        try:
            with self._runner.recorded_command(command.name, command.argument, record=record) as outcome:
                run_command(self, command.name, command.argument)
                outcome.append(self._failure or OK)
            return self._failure or OK
        finally:
            self._failure = self._failure or before

    def run_statement(self, text: str | StatementText, source: Source | None = None, *, record: bool = True) -> str:
        """Run one statement without `;` and return its outcome. Raises PlaceholderError, KeyboardInterrupt."""
        if source is None and text == self._open_statement:
            source = self._open_source
        statement = self._fill_placeholders(text)
        _refuse_shortened_id(statement, self.results.tokens)
        self._last_statement = statement.text
        outcome = self._runner.run(statement, source, record=record)
        if outcome != INTERRUPTED:
            # The user may have declined because of an answer: it is not offered again.
            self._answers.update(self._new_answers)
        if outcome != OK and self._failure != INTERRUPTED:
            self._failure = outcome
        return outcome

    def fetch_result(self, text: str) -> Result | None:
        """Run one statement, show nothing, and return its result; None after a failure. Raises as `run_statement`."""
        with self.console.redirected(io.StringIO()):
            return self.results.last if self.run_statement(text) == OK else None

    def watch(self, text: str, seconds: float) -> None:
        """Repeat a query until Ctrl-C. Raises Error."""
        from tokensh.shell.watch import Watch  # noqa: PLC0415 (the first prompt is drawn without it)

        repaints = is_terminal(self.connection.environment.stdout) and not self.settings.plain
        watch = Watch(
            self.connection,
            lambda: self.console.options(reveal=True),
            lambda: self.console.size() if repaints else None,
            self._spinner,
        )
        self._last_statement = self._fill_placeholders(text).text
        runs = watch.run(self._last_statement, seconds)
        if watch.last is not None:
            self.results.replace_last(watch.last.columns, watch.last.rows)
        self.console.note(f"stopped after {plural(runs, 'run')}")

    def _fill_placeholders(self, text: str | StatementText) -> StatementText:
        """Return the statement with its placeholders filled; ask for those without a value. Raises KeyboardInterrupt."""
        statement = self.connection.parser.tokenize(text)
        places = placeholders.find_placeholders(statement.tokens)
        self._new_answers = {}
        if not places:
            return statement
        variables = self.connection.variables
        if self.connection.workspace:
            self._answers.setdefault("deployment_name", self.connection.workspace)
        try:
            values = dialogs.ask_values(places, variables, self._answers, self._suggest_values)
        except EOFError:  # Ctrl-D at a question cancels the statement, it does not leave the shell
            raise KeyboardInterrupt from None
        self._new_answers = {name: str(value) for name, value in values.items() if name not in variables}
        return placeholders.fill(statement, values)

    def _suggest_values(self, name: str, typed: str) -> list[Candidate]:
        """Return values for a placeholder that fit what is typed: a token is found by its id or its comment."""
        from tokensh.complete.rank import rank  # noqa: PLC0415 (the first prompt is drawn without it)
        from tokensh.complete.values import known_values  # noqa: PLC0415 (the same)

        return rank(typed, known_values(name, self._collect_facts(), (), typed))

    # ---- what commands and the prompt ask

    @property
    def history(self) -> History | None:
        """The statements that ran; None if this session cannot keep them."""
        return self._runner.history

    @property
    def open_statement(self) -> str:
        """The statement that was typed before the running command and is not ended yet; may be empty."""
        return self._open_statement

    @property
    def current_statement(self) -> str:
        """The open statement, else the last that ran; may be empty."""
        return self._open_statement or self._last_statement

    def prefill(self, text: str) -> None:
        """Put a text into the next prompt, for the user to edit."""
        self._prompt.prefill(text)

    def apply_settings(self) -> None:
        """Make the prompt follow settings that have changed."""
        self._prompt.apply_settings(self.console.options().styles)

    def _collect_facts(self) -> Facts:
        from tokensh.shell.completion_facts import collect_facts  # noqa: PLC0415 (the first prompt is drawn without it)

        return collect_facts(self, self._earlier_workspaces)

    @cached_property
    def _earlier_workspaces(self) -> tuple[str, ...]:
        from tokensh.shell.completion_facts import recent_workspaces  # noqa: PLC0415 (the same)

        return recent_workspaces(self.history, self.connection.destination)

    def _toggle_times(self) -> None:
        """Show the last result again with times as epoch milliseconds, or readable again."""
        self.settings.raw_times = not self.settings.raw_times
        last = self.results.last
        if not last.columns:
            return
        self.console.note(f"times are {'epoch milliseconds' if self.settings.raw_times else 'readable'}")
        try:
            self.console.show(RowSet(last.columns, iter(last.rows)))
        except Error as error:
            self.console.report(error)


def _refuse_shortened_id(statement: StatementText, known: Iterable[str]) -> None:
    """Raise InterfaceError for an id that was pasted as a table shows it, without its middle: it would match nothing."""
    for token in statement.tokens:
        shortened = _SHORTENED_ID.fullmatch(token.text) if token.kind == "STRING" else None
        if shortened is None:
            continue
        start, end = shortened.groups()
        whole = [each for each in known if each.startswith(start) and each.endswith(end)]
        hint = (
            f"the whole id is '{whole[0]}'"
            if len(whole) == 1
            else rf"LIKE '{start}%{end}' finds it, and \copy token_id copies whole ids"
        )
        raise InterfaceError(f"{token.text} is an id without its middle, as tables show it", hint=hint)


def _is_statement(part: Part) -> bool:
    r"""Return whether a part runs a statement, by itself or by a command such as `\g`."""
    return isinstance(part, StatementText) or (
        isinstance(part, Command) and bool(part.statement) and part.name in TAKES_STATEMENT
    )


def _locate(part: Part, file: str) -> Source | None:
    match part:
        case StatementText():
            return Source(file, part.text, part.line, part.column)
        case Command():
            return Source(file, part.statement, part.line, part.column)
        case _:
            return None


def _read_script(path: Path) -> str:
    """Return a file's text. Raises InterfaceError."""
    try:
        # A CR alone stays, as in a file that a batch reads.
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as failure:
        raise InterfaceError(f"cannot read {path}: {failure.strerror}") from None
    except UnicodeDecodeError as failure:
        raise InterfaceError(f"{path} is not valid UTF-8 (byte {failure.start})") from None
    except ValueError:  # a NUL, or half a character
        raise InterfaceError(f"invalid path: {str(path)!r}") from None
