"""The shell: a prompt, what is typed there, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TextIO

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.output import ColorDepth

from tokensh import __version__
from tokensh.complete import Completer, Facts
from tokensh.dbapi import Connection, Listeners
from tokensh.engine.history import History
from tokensh.environment import ctrl_c
from tokensh.errors import Error, InterfaceError, Interrupted, OperationalError
from tokensh.plan.nodes import ChangePlan, ExecPlan
from tokensh.render import RENDERERS, Options
from tokensh.render.deliver import deliver
from tokensh.render.errors import Source, format_error
from tokensh.rows import RowSet, Value
from tokensh.shell import ask
from tokensh.shell.commands import COMMANDS, Leave, run
from tokensh.shell.completer import ShellCompleter
from tokensh.shell.facts import facts
from tokensh.shell.highlight import STYLE, lexer_for
from tokensh.shell.history import ArrowKeys
from tokensh.shell.keys import bindings
from tokensh.shell.progress import Spinner
from tokensh.shell.reading import Command, bare_command, parts, state
from tokensh.shell.seen import Seen
from tokensh.sql import placeholders
from tokensh.sql.script import Piece
from tokensh.text import elide_middle, truncate, visible

_ASKED = 10
"""Rows that a question before a change shows."""
_COMMAND_HELP = {name: one.help for name, one in COMMANDS.items()}


@dataclass(slots=True)
class Settings:
    """What a person may change while the shell runs."""

    format: str = "table"
    header: bool = True
    quiet: bool = False
    colour: str = "auto"
    expanded: bool | Literal["auto"] = "auto"
    timing: bool = True
    confirm: bool = True
    raw_times: bool = False
    vi: bool = False

    def take(self, given: Mapping[str, Any]) -> None:
        """Settings of config.toml. Raises InterfaceError for a value that is none."""
        for name, value in given.items():
            if name == "expanded":
                if value not in _SWITCHES:
                    raise InterfaceError(f"shell.expanded in config.toml is {value!r}, and should be on, off or auto")
                self.expanded = _SWITCHES[value]
            elif name == "format" and value not in RENDERERS:
                raise InterfaceError(f"shell.format in config.toml is {value!r}: no output format")
            else:
                setattr(self, name, value)


_SWITCHES: dict[str, bool | Literal["auto"]] = {"on": True, "off": False, "auto": "auto"}


class Session:
    """One shell, from its banner to Ctrl-D."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self.connection = connection
        self.environment = connection.environment
        self.settings = settings
        self.seen = Seen()
        self.warned_of_hidden = False
        self.last = ""
        """The statement that ran last."""
        self.next_text = ""
        """What the next prompt begins with."""
        self.outfile: TextIO | None = None
        self.history = self._history()
        self._answers: dict[str, str] = {}
        self._spinner = Spinner(self.environment.stderr, self.environment.monotonic)
        connection.listeners = Listeners(
            approve=self._approve, failed=self._warn, progress=self._spinner.progress, note=self.note
        )
        self._prompt = self._make_prompt()

    def _history(self) -> History | None:
        try:
            return self.connection.history
        except OperationalError as error:
            self._warn(error)
            return None

    def _make_prompt(self) -> PromptSession[str]:
        parser = self.connection.parser
        colour = self._options().colour
        return PromptSession(
            self._message,
            multiline=True,
            prompt_continuation=self._continuation,
            lexer=PygmentsLexer(lexer_for(parser.table)),
            style=STYLE,
            color_depth=None if colour else ColorDepth.DEPTH_1_BIT,
            completer=ShellCompleter(lambda: Completer(parser, self.connection.catalog), self._facts),
            complete_while_typing=True,
            history=ArrowKeys(self.history, self.connection.redactor.clean),
            auto_suggest=AutoSuggestFromHistory(),
            key_bindings=bindings(parser, self._toggle_editing_mode),
            bottom_toolbar=self._toolbar,
            enable_open_in_editor=True,
            tempfile_suffix=".sql",
            search_ignore_case=True,
            vi_mode=self.settings.vi,
        )

    # ---- what is said

    def say(self, text: str) -> None:
        """A line of an answer."""
        self.environment.stdout.write(text + "\n")
        self.environment.stdout.flush()

    def note(self, text: str) -> None:
        """A line that is no answer."""
        self.environment.stderr.write(text + "\n")
        self.environment.stderr.flush()

    def tell(self, error: Error, source: Source | None = None) -> None:
        """What went wrong."""
        for line in format_error(error, source, redact=self.connection.redactor.clean):
            self.note(line)

    def _warn(self, error: Error) -> None:
        first, *more = format_error(error, redact=self.connection.redactor.clean)
        for line in (first.replace("error:", "warning:", 1), *more):
            self.note(line)

    def _options(self, *, reveal: bool = False) -> Options:
        settings = self.settings
        stream = self.outfile or self.environment.stdout
        return Options.fitting(self.environment, stream, settings.colour).but(
            header=settings.header,
            expanded=settings.expanded,
            mask=not reveal,
            times="raw" if settings.raw_times else "readable",
        )

    def show(self, result: RowSet, *, reveal: bool = False) -> int:
        """Write a result where results go; the number of rows. Raises Error."""
        stream = self.outfile or self.environment.stdout
        return deliver(self.settings.format, result, stream, self._options(reveal=reveal))

    # ---- the prompt

    def _message(self) -> StyleAndTextTuples:
        place = "/".join(filter(None, (self.connection.place, self.connection.workspace)))
        named: StyleAndTextTuples = [("class:workspace", visible(f" {place}"))] if place else []
        return [("class:prompt", "tokensh"), *named, ("class:prompt", "> ")]

    def _continuation(self, width: int, line_number: int, wrapped: int) -> StyleAndTextTuples:
        if wrapped:
            return [("", " " * width)]
        before = "".join(self._prompt.default_buffer.text.splitlines(keepends=True)[:line_number])
        mark = f"{state(before, self.connection.parser)}> "
        return [("class:continuation", (mark if mark != "> " else "-> ").rjust(width))]

    def _toolbar(self) -> StyleAndTextTuples:
        text = self._prompt.default_buffer.text
        if text.strip() and state(text, self.connection.parser) == "--":
            return [("", "the ; is inside a comment: Enter on an empty line runs the statement")]
        shown = [self.connection.workspace or "no workspace", self.settings.format]
        shown += ["vi"] if self._prompt.editing_mode == EditingMode.VI else []
        return [("", visible(" · ".join((*shown, r"\? help"))))]

    def _toggle_editing_mode(self) -> None:
        vi = self._prompt.editing_mode == EditingMode.VI
        self._prompt.editing_mode = EditingMode.EMACS if vi else EditingMode.VI

    def _facts(self) -> Facts:
        return facts(self.connection, self.seen, _COMMAND_HELP)

    # ---- the loop

    def run(self) -> int:
        """Read and run until the person leaves; the exit status."""
        self._banner()
        while True:
            try:
                self.run_text(self._read())
            except KeyboardInterrupt:
                continue
            except Leave:
                return self._left()

    def _left(self) -> int:
        if self.connection.in_transaction:
            self.note(f"rolled back: {self.connection.rollback()} waiting changes were not sent")
        return 0

    def _banner(self) -> None:
        if self.settings.quiet:
            return
        where = f" · {self.connection.place}" if self.connection.place else ""
        self.note(rf"tokensh {__version__}{where} · \? help, \q leaves")

    def _read(self) -> str:
        text, self.next_text = self.next_text, ""
        try:
            return self._prompt.prompt(default=text)
        except EOFError:
            return r"\q"

    def run_text(self, text: str) -> None:
        """Run what was typed, pasted or read from a file. Raises Leave."""
        found = list(parts(bare_command(text) or text, self.connection.parser))
        kept = not text.startswith(" ")
        for part in found:
            if len(found) > 1 and isinstance(part, Piece):
                self.note(f"> {truncate(visible(' '.join(part.text.split())), 76)}")
            try:
                self._run_part(part, kept=kept)
            except Error as error:
                self.tell(error, Source("", part.text) if isinstance(part, Piece) else None)

    def _run_part(self, part: Command | Piece, *, kept: bool) -> None:
        if isinstance(part, Command):
            run(self, part.name, part.argument)
            return
        if part.error:
            raise part.error
        text = self._filled(part.text)
        self._run_statement(text, kept=kept)

    def _filled(self, text: str) -> str:
        """The statement with its placeholders filled, asked for where they are not set. Raises KeyboardInterrupt."""
        places = placeholders.find(self.connection.parser.table, text)
        if not places:
            return text
        if self.connection.workspace:
            self._answers.setdefault("deployment_name", self.connection.workspace)
        try:
            values = ask.values(places, self.connection.variables, self._answers, self._candidates)
        except EOFError:
            raise KeyboardInterrupt from None
        return placeholders.fill(text, places, values)

    def _candidates(self, name: str) -> Iterator[tuple[str, str]]:
        """What a placeholder may be filled with, and a note."""
        if name == "deployment_name":
            yield from ((one, "workspace") for one in self._facts().workspaces)
        if name == "token_id":
            yield from ((one.token_id, visible(one.comment)) for one in self.seen.tokens.values())

    def _run_statement(self, text: str, *, kept: bool) -> None:
        self.last = text
        connection = self.connection
        number = self._remember(text) if kept else None
        begun = self.environment.monotonic()
        count: int | None = None
        outcome = "ok"
        remembered: int | None = None
        hidden = len(self.seen.hidden)
        try:
            with ctrl_c(connection.cancellation):
                self._spinner.start()
                for result in connection.results(text):
                    count = self._shown(result)
                    remembered = connection.objects.remember(result.columns, self.seen.rows) if result.columns else None
        except KeyboardInterrupt:
            outcome = "interrupted"
            self.note("cancelled")
        except Error as error:
            outcome = "interrupted" if isinstance(error, Interrupted) else f"{type(error).__name__}: {error.message}"
            self._spinner.stop()
            self.tell(error, Source("", text))
        finally:
            self._spinner.stop()
        seconds = self.environment.monotonic() - begun
        if number is not None and self.history:
            self.history.finish(number, seconds, count, outcome)
        if count is not None:
            self._footer(count, seconds, remembered)
        if len(self.seen.hidden) > hidden:
            self._after_secret()

    def _after_secret(self) -> None:
        """Say where a masked value is; a machine format has shown it already."""
        if self.settings.format in ("table", "line"):
            self.warned_of_hidden = False
            self.note(r"the value is hidden: \reveal shows it once; nobody can show it after this session")
        else:
            self.seen.hidden.pop()

    def _remember(self, text: str) -> int | None:
        if self.history is None:
            return None
        return self.history.add(text, self.environment.now(), self.connection.workspace)

    def _footer(self, count: int, seconds: float, remembered: int | None) -> None:
        if self.settings.quiet:
            return
        many = f"{count} row{'' if count == 1 else 's'}" if remembered or count else "done"
        took = f", {seconds:.2f} s" if self.settings.timing else ""
        self.note(f"({many}{took}){f' _{remembered}' if remembered else ''}")

    def _shown(self, result: RowSet) -> int:
        """Show a result, and look at it on the way."""
        watched = self.seen.watch(result, self.connection.workspace, arrived=self._spinner.stop)
        return self.show(watched)

    # ---- questions

    def _approve(self, plan: ChangePlan | ExecPlan, rows: Sequence[Mapping[str, Value]]) -> None:
        """Ask before tokens are revoked, or rows changed that had to be listed. Raises Interrupted if the answer is no."""
        listed = isinstance(plan, ChangePlan) and plan.filtered
        if not self.settings.confirm and not listed:
            return
        self._spinner.stop()
        verb = plan.verb.lower() if isinstance(plan, ChangePlan) else "revoke"
        verb = "revoke" if verb == "delete" and "token_id" in rows[0] else verb
        if len(rows) == 1:
            question = f"{verb} {self._described(plan, rows[0])}?"
        else:
            for row in rows[:_ASKED]:
                self.note(f"  {self._described(plan, row)}")
            if len(rows) > _ASKED:
                self.note(f"  and {len(rows) - _ASKED} more")
            question = f"{verb} these {len(rows)} rows of {plan.resource.name}?"
        if not ask.yes(question):
            raise Interrupted("not confirmed, nothing was sent")

    def _described(self, plan: ChangePlan | ExecPlan, row: Mapping[str, Value]) -> str:
        token_id, where = row.get("token_id"), row.get("deployment_name")
        if not isinstance(token_id, str):
            return visible(" ".join(f"{name}={value!s}" for name, value in row.items()))
        comment = row.get("comment", self._comment(plan, token_id, where))
        named = f' "{truncate(visible(str(comment)), 40)}"' if comment is not None else " (not in the list)"
        return f"token {elide_middle(visible(token_id), 15)}{named} on {visible(str(where))}"

    def _comment(self, plan: ChangePlan | ExecPlan, token_id: str, where: Value) -> str | None:
        """A token's comment: as the last listing had it, else asked for. None: there is no such token, or no answer."""
        known = self.seen.tokens.get(token_id)
        if known is not None and known.workspace == where:
            return known.comment
        sql = f"SELECT comment FROM {plan.resource.id} WHERE deployment_name = ? AND token_id = ?"  # noqa: S608 (names of the catalog)
        try:
            rows = list(self.connection.run(sql, (where, token_id)).rows)
        except Error:
            return None
        return str(rows[0][0] or "") if rows else None
