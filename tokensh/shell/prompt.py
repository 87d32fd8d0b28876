"""The prompt: what stands before, below and behind what is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import merge_key_bindings
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.output import ColorDepth

from tokensh.complete import Completer, Facts
from tokensh.shell.commands import COMMANDS
from tokensh.shell.completer import ShellCompleter
from tokensh.shell.facts import facts
from tokensh.shell.highlight import STYLE, lexer_for
from tokensh.shell.history import ArrowKeys
from tokensh.shell.keys import bindings
from tokensh.shell.reading import state
from tokensh.shell.resultkeys import result_keys
from tokensh.text import elide_middle, visible, width

if TYPE_CHECKING:
    from tokensh.shell.session import Session

_TYPED = 45
"""Columns that the prompt leaves, `tokensh > ` among them."""
_SHORTEST_PLACE = 12
_COMMAND_HELP = {name: one.help for name, one in COMMANDS.items()}


class Prompt:
    """Reads what a person types, for one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connection = session.connection
        self.next_text = ""
        """What the next prompt begins with."""
        self._prompt = self._made()

    def _made(self) -> PromptSession[str]:
        session, connection = self._session, self._connection
        parser = connection.parser
        plain = session.settings.plain
        return PromptSession(
            self._message,
            multiline=True,
            prompt_continuation=self._continuation,
            lexer=PygmentsLexer(lexer_for(parser.table)),
            style=STYLE,
            color_depth=None if session.options().colour else ColorDepth.DEPTH_1_BIT,
            completer=ShellCompleter(lambda: Completer(parser, connection.catalog), self.facts),
            complete_while_typing=not plain,
            history=ArrowKeys(session.history, connection.redactor.clean),
            auto_suggest=None if plain else AutoSuggestFromHistory(),
            key_bindings=merge_key_bindings([bindings(parser, self._toggle_editing_mode), result_keys(session)]),
            bottom_toolbar=None if plain else self._toolbar,
            enable_open_in_editor=True,
            tempfile_suffix=".sql",
            search_ignore_case=True,
            vi_mode=session.settings.vi,
        )

    def read(self) -> str:
        r"""What was typed or pasted; `\q` at the end of the input. Raises KeyboardInterrupt."""
        text, self.next_text = self.next_text, ""
        try:
            return self._prompt.prompt(default=text)
        except EOFError:
            return r"\q"

    def facts(self) -> Facts:
        """What completion may know of the session."""
        return facts(self._connection, self._session.seen, _COMMAND_HELP)

    def _message(self) -> StyleAndTextTuples:
        workspace = self._connection.workspace or ""
        place = visible("/".join(filter(None, (self._connection.place, workspace))))
        # What is typed needs room: a narrow terminal is shown the workspace alone, or its ends.
        room = max(self._prompt.output.get_size().columns - _TYPED, _SHORTEST_PLACE)
        if width(place) > room:
            place = elide_middle(visible(workspace) or place, room)
        named: StyleAndTextTuples = [("class:workspace", f" {place}")] if place else []
        return [("class:prompt", "tokensh"), *named, ("class:prompt", "> ")]

    def _continuation(self, columns: int, line_number: int, wrapped: int) -> StyleAndTextTuples:
        if wrapped:
            return [("", " " * columns)]
        before = "".join(self._prompt.default_buffer.text.splitlines(keepends=True)[:line_number])
        mark = f"{state(before, self._connection.parser)}> "
        return [("class:continuation", (mark if mark != "> " else "-> ").rjust(columns))]

    def _toolbar(self) -> StyleAndTextTuples:
        text = self._prompt.default_buffer.text
        if text.strip() and state(text, self._connection.parser) == "--":
            return [("", "the ; is inside a comment: Enter on an empty line runs the statement")]
        shown = [self._connection.workspace or "no workspace", self._session.settings.format]
        shown += ["vi"] if self._prompt.editing_mode == EditingMode.VI else []
        return [("", visible(" · ".join((*shown, r"\? help"))))]

    def _toggle_editing_mode(self) -> None:
        vi = self._prompt.editing_mode == EditingMode.VI
        self._prompt.editing_mode = EditingMode.EMACS if vi else EditingMode.VI
