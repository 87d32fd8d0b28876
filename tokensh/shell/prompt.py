"""The prompt: what stands before, below and behind what is typed."""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Always
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import merge_key_bindings
from prompt_toolkit.layout.processors import HighlightMatchingBracketProcessor
from prompt_toolkit.layout.screen import Char
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.output import ColorDepth

from tokensh.shell.commands import COMMANDS
from tokensh.shell.completer import ShellCompleter
from tokensh.shell.highlight import STYLE, lexer_for
from tokensh.shell.history import ArrowKeys, Suggest
from tokensh.shell.input_buffer import BARE_COMMANDS, marks, trouble
from tokensh.shell.keys import bindings
from tokensh.shell.preload import Preload
from tokensh.shell.resultkeys import result_keys
from tokensh.text import elide_middle, escape_unsafe, width

if TYPE_CHECKING:
    from tokensh.complete import Completer, Facts
    from tokensh.shell.session import Session

_REST = 0.5
"""s without a key after which the text is parsed."""
_TYPED = 45
"""Columns that the prompt leaves, `tokensh > ` among them."""
_SHORTEST_PLACE = 12
_HIDING = (0xAD, 0x61C, 0x180E, 0x200B, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF)
"""Characters that show as nothing or turn the text around, in what is pasted: they are shown as escapes."""
Char.display_mappings.update({chr(code): escape_unsafe(chr(code)) for code in _HIDING})


class Prompt:
    """Reads what a person types, for one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connection = session.connection
        self.next_text = ""
        """What the next prompt begins with."""
        self._prompt = self._made()
        buffer = self._prompt.default_buffer
        buffer.enable_history_search = Always()
        buffer.on_text_changed += self._changed
        self._marks: tuple[str, list[str]] = ("", [""])
        self._trouble = ""
        """What is wrong in the text, once nothing has been typed for a while."""
        self._looking: asyncio.Task[None] | None = None

    def _made(self) -> PromptSession[str]:
        session, connection = self._session, self._connection
        parser = connection.parser
        plain = session.settings.plain
        colour = session.options().colour
        completer = ShellCompleter(self._completer, self.facts)
        made: PromptSession[str] = PromptSession(
            self._message,
            multiline=True,
            prompt_continuation=self._continuation,
            lexer=PygmentsLexer(lexer_for(parser.table)),
            style=STYLE,
            color_depth=None if colour else ColorDepth.DEPTH_1_BIT,
            completer=completer,
            complete_while_typing=not plain,
            history=ArrowKeys(session.history, connection.redactor.clean),
            auto_suggest=None if plain else Suggest(),
            key_bindings=merge_key_bindings([bindings(parser, self._toggle_editing_mode), result_keys(session)]),
            bottom_toolbar=None if plain else self._toolbar,
            input_processors=[HighlightMatchingBracketProcessor()],
            enable_open_in_editor=True,
            tempfile_suffix=".sql",
            search_ignore_case=True,
            vi_mode=session.settings.vi,
        )
        made.app.after_render += Preload(connection.client, completer.warm, styled=colour)
        return made

    def read(self) -> str:
        r"""What was typed or pasted; `\q` at the end of the input. Raises KeyboardInterrupt."""
        text, self.next_text = self.next_text, ""
        try:
            return self._prompt.prompt(default=text)
        except EOFError:
            return r"\q"

    def _completer(self) -> Completer:
        from tokensh.complete import Completer  # noqa: PLC0415 (as below)

        return Completer(self._connection.parser, self._connection.catalog)

    def facts(self) -> Facts:
        """What completion may know of the session."""
        from tokensh.shell.completion_facts import facts  # noqa: PLC0415 (the first prompt does without completion)

        return facts(self._session, COMMANDS, self._used)

    @cached_property
    def _used(self) -> tuple[str, ...]:
        from tokensh.shell.completion_facts import used_before  # noqa: PLC0415 (the same)

        return used_before(self._session.history)

    def _message(self) -> StyleAndTextTuples:
        workspace = self._connection.workspace or ""
        place = escape_unsafe("/".join(filter(None, (self._connection.destination, workspace))))
        # What is typed needs room: a narrow terminal is shown the workspace alone, or its ends.
        room = max(self._prompt.output.get_size().columns - _TYPED, _SHORTEST_PLACE)
        if width(place) > room:
            place = elide_middle(escape_unsafe(workspace) or place, room)
        named: StyleAndTextTuples = [("class:workspace", f" {place}")] if place else []
        return [("class:prompt", "tokensh"), *named, ("class:prompt", "> ")]

    def _continuation(self, columns: int, line_number: int, wrapped: int) -> StyleAndTextTuples:
        if wrapped:
            return [("", " " * columns)]
        found = self._line_marks()
        # What Ctrl-R shows is another text than the one that is typed.
        mark = found[line_number] if line_number < len(found) else ""
        return [("class:continuation", (f"{mark}> " if mark else "-> ").rjust(columns))]

    def _line_marks(self) -> list[str]:
        """What each line of the text goes on with, worked out once for a text."""
        text = self._prompt.default_buffer.text
        if text != self._marks[0]:
            self._marks = text, marks(text + "\n", self._connection.parser)
        return self._marks[1]

    def _toolbar(self) -> StyleAndTextTuples:
        text = self._prompt.default_buffer.text
        above, newline, last = text.rstrip("\n").rpartition("\n")
        if newline and above.strip() and last.strip().rstrip(";").lower() in BARE_COMMANDS:
            return [("", r"\q leaves, Ctrl-C drops the statement that is open")]
        if text.strip() and self._line_marks()[-1] == "--":
            return [("", "the ; is inside a comment: Enter on an empty line runs the statement")]
        if self._trouble:
            return [("class:trouble", escape_unsafe(self._trouble))]
        shown = [self._connection.workspace or "no workspace", self._session.settings.format]
        shown += ["vi"] if self._prompt.editing_mode == EditingMode.VI else []
        return [("", escape_unsafe(" · ".join((*shown, r"\? help"))))]

    def _changed(self, _: Buffer) -> None:
        self._trouble = ""
        if self._looking is not None:
            self._looking.cancel()
        if get_app().is_running:
            self._looking = get_app().create_background_task(self._look())

    async def _look(self) -> None:
        await asyncio.sleep(_REST)
        self._trouble = trouble(self._prompt.default_buffer.text, self._connection.parser)
        if self._trouble:
            get_app().invalidate()

    def heed(self) -> None:
        """Take what the settings say of editing."""
        self._prompt.editing_mode = EditingMode.VI if self._session.settings.vi else EditingMode.EMACS

    def _toggle_editing_mode(self) -> None:
        self._session.settings.vi = not self._session.settings.vi
        self.heed()
