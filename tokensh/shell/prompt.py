"""The prompt: it reads statements and commands, and shows the workspace, errors and completions while the user types."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.cursor_shapes import DynamicCursorShapeConfig, ModalCursorShapeConfig
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Always
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.layout.processors import HighlightMatchingBracketProcessor, TabsProcessor
from prompt_toolkit.layout.screen import Char
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.output import ColorDepth

from tokensh.dbapi.connection import Connection
from tokensh.engine.history import History
from tokensh.errors import InterfaceError
from tokensh.render.themes import Styles
from tokensh.shell.completer import ShellCompleter
from tokensh.shell.editor import edit_text
from tokensh.shell.highlight import lexer_for, make_style
from tokensh.shell.history import StoredHistory, SuggestFromHistory
from tokensh.shell.input_buffer import BARE_COMMANDS, find_error, line_marks
from tokensh.shell.keys import key_bindings
from tokensh.shell.preload import Preload
from tokensh.shell.settings import Settings
from tokensh.text import UNSAFE_RANGES, elide_middle, escape_character, escape_unsafe, truncate, width

if TYPE_CHECKING:
    from tokensh.complete import Completer, Facts

# s without a key after which the text is parsed: parsing at every key would show errors in words that are half typed.
_PAUSE = 0.5
# Columns for typing that a long workspace name leaves free, `tokensh > ` included.
_TYPING_WIDTH = 45
_SHORTEST_PLACE = 12
_PROMPT_PIECE = re.compile(r"([^%]*)(%.|%$|$)")
# Lines that the menu may take: of a small terminal a share, or there would be none for the text.
_MENU_LINES, _MENU_SHARE = 8, 0.45
# Lines of a terminal that has a toolbar.
_TOOLBAR_LINES = 8
# vi's modes as the toolbar shows them; all others insert.
_VI_MODES = {InputMode.NAVIGATION: "normal", InputMode.REPLACE: "replace", InputMode.REPLACE_SINGLE: "replace"}
# Control characters come before it: prompt_toolkit draws those itself.
_FIRST_INVISIBLE = "\xad"


class _DisplayMappings(dict[str, str]):
    """What is drawn for characters: prompt_toolkit's own, and escapes of thousands of invisible ones, made when one is drawn."""

    def __contains__(self, character: object) -> bool:
        return super().__contains__(character) or (isinstance(character, str) and _is_invisible(character))

    def __missing__(self, character: str) -> str:
        return escape_character(character)


def _is_invisible(text: str) -> bool:
    return (
        len(text) == 1 and text >= _FIRST_INVISIBLE and any(first <= ord(text) <= last for first, last in UNSAFE_RANGES)
    )


def display_invisible_characters() -> None:
    """Make prompt_toolkit draw invisible characters of pasted text as escapes.

    prompt_toolkit offers no setting for this: it looks each character up in a class attribute, which it fills itself for
    control characters. The change is for the whole process, so only a shell that starts makes it, never an import.
    """
    Char.display_mappings = _DisplayMappings(Char.display_mappings)


class Prompt:
    """Reads what the user types in one session.

    In the setting `prompt`, `%n` stands for `sandbox`, the profile or the workspace, `%w` for the workspace alone, `%/` for it and
    where requests go, `%x` for a `*` while changes wait for COMMIT, `%%` for a percent sign.

    Args:
        connection: its parser, catalog and workspace.
        settings: editing mode and format, shown and changed.
        history: the statements that Up, Ctrl-R and suggestions reach.
        collect_facts: returns what completion may use, as it is now.
        toggle_times: called for F6.
        colour: whether the terminal shows colours.
        styles: of what is typed and of what is around it.
    """

    def __init__(  # noqa: PLR0913 (what the prompt shows and calls)
        self,
        connection: Connection,
        settings: Settings,
        history: History | None,
        *,
        collect_facts: Callable[[], Facts],
        toggle_times: Callable[[], None],
        colour: bool,
        styles: Styles,
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._prefilled = ""
        # A text and the marks of its lines.
        self._marks: tuple[str, list[str]] = ("", [""])
        # The error in the text, once nothing has been typed for a while.
        self._error = ""
        self._error_check: asyncio.Task[None] | None = None
        completer = ShellCompleter(self._create_completer, collect_facts)
        self._prompt: PromptSession[str] = PromptSession(
            self._format_message,
            multiline=True,
            prompt_continuation=self._format_continuation,
            lexer=PygmentsLexer(lexer_for(connection.parser.table)),
            style=make_style(styles),
            # None lets prompt_toolkit find out; with one bit it sends bold and italic, and no colour.
            color_depth=None if colour else ColorDepth.DEPTH_1_BIT,
            completer=completer,
            # A screen reader would read a menu, a suggestion or a toolbar at every key.
            complete_while_typing=not settings.plain,
            history=StoredHistory(history, connection.redactor.clean),
            auto_suggest=None if settings.plain else SuggestFromHistory(),
            key_bindings=key_bindings(connection.parser, self._toggle_editing_mode, toggle_times, self._edit_text),
            input_processors=[HighlightMatchingBracketProcessor(), TabsProcessor(char1=" ", char2=" ")],
            enable_suspend=True,
            search_ignore_case=True,
            vi_mode=settings.vi,
            # In emacs mode the cursor stays as the terminal's user has set it.
            cursor=DynamicCursorShapeConfig(lambda: ModalCursorShapeConfig() if settings.vi else None),
        )
        # At each redraw: the terminal may have become smaller.
        self._prompt.app.before_render += lambda _: self._fit_screen()

        # The client's modules are loaded in the thread too.
        def import_transport() -> None:
            connection.client.import_in_background()

        self._prompt.app.after_render += Preload(import_transport, completer.warm, styled=colour)
        buffer = self._prompt.default_buffer
        # Up searches for statements that begin as the text does; the constructor's option for it would end completion.
        buffer.enable_history_search = Always()
        buffer.on_text_changed += self._schedule_error_check

    def read(self) -> str:
        r"""Return what was typed or pasted; `\q` at the end of the input. Raises KeyboardInterrupt."""
        text, self._prefilled = self._prefilled, ""
        try:
            return self._prompt.prompt(default=text)
        except EOFError:
            return r"\q"

    def _fit_screen(self) -> None:
        """Leave room for the text: on a small terminal the menu gets a part of the lines, and the toolbar none."""
        lines = self._prompt.output.get_size().rows
        self._prompt.reserve_space_for_menu = min(_MENU_LINES, int(lines * _MENU_SHARE))
        has_toolbar = lines >= _TOOLBAR_LINES and not self._settings.plain
        self._prompt.bottom_toolbar = self._format_toolbar if has_toolbar else None

    def prefill(self, text: str) -> None:
        """Begin the next prompt with a text."""
        self._prefilled = text

    def apply_settings(self, styles: Styles) -> None:
        """Switch to the editing mode of the settings, and to other styles."""
        self._prompt.style = make_style(styles)
        self._apply_editing_mode()

    def _apply_editing_mode(self) -> None:
        self._prompt.editing_mode = EditingMode.VI if self._settings.vi else EditingMode.EMACS
        if not self._settings.vi:
            self._prompt.output.reset_cursor_shape()

    def _toggle_editing_mode(self) -> None:
        self._settings.vi = not self._settings.vi
        self._apply_editing_mode()

    def _edit_text(self, text: str) -> str | None:
        try:
            return edit_text(text, self._connection)
        except InterfaceError as error:
            self._error = error.message
            return None

    def _create_completer(self) -> Completer:
        from tokensh.complete import Completer  # noqa: PLC0415 (the first prompt is drawn without it)

        return Completer(self._connection.parser, self._connection.catalog)

    # ---- around the text

    def _format_message(self) -> StyleAndTextTuples:
        pieces: StyleAndTextTuples = []
        for literal, sign in _PROMPT_PIECE.findall(self._settings.prompt):
            pieces.append(("class:prompt", escape_unsafe(literal)))
            text, style = self._expand_sign(sign)
            if sign and not text and literal.endswith(" "):  # `tokensh %/> ` without a workspace
                pieces[-1] = ("class:prompt", escape_unsafe(literal.rstrip()))
            pieces.append((style, text))
        return pieces

    def _expand_sign(self, sign: str) -> tuple[str, str]:
        """Return what a %-sign of the prompt stands for, and its style."""
        connection = self._connection
        workspace = connection.workspace or ""
        match sign:
            case "%/":
                place = "/".join(filter(None, (connection.destination, workspace)))
                return self._shorten_place(place, workspace), "class:workspace"
            case "%w":
                return escape_unsafe(workspace), "class:workspace"
            case "%n":
                profile = next((name for name, leads_to in connection.profiles.items() if leads_to == workspace), "")
                # The sandbox is one place; an endpoint is a detour to the workspace that is meant.
                parts = (
                    ("sandbox",)
                    if connection.destination == "sandbox"
                    else (connection.destination, profile or workspace)
                )
                name = "/".join(filter(None, parts)) or "tokensh"
                return self._shorten_place(name, profile or workspace), "class:workspace"
            case "%x":
                return "*" if connection.in_transaction else "", "class:transaction"
            case _:
                return sign.removeprefix("%"), "class:prompt"

    def _shorten_place(self, place: str, workspace: str) -> str:
        """Return where the session is; on a narrow terminal the workspace alone, or only its ends, so that typing has room."""
        place = escape_unsafe(place)
        room = max(self._prompt.output.get_size().columns - _TYPING_WIDTH, _SHORTEST_PLACE)
        return place if width(place) <= room else elide_middle(escape_unsafe(workspace) or place, room)

    def _format_continuation(self, columns: int, line_number: int, wrapped: int) -> StyleAndTextTuples:
        if wrapped:
            return [("", " " * columns)]
        marks = self._line_marks()
        # During Ctrl-R the screen shows another text than the buffer holds, maybe with more lines.
        mark = marks[line_number] if line_number < len(marks) else ""
        return [("class:continuation", (f"{mark}> " if mark else "-> ").rjust(columns))]

    def _line_marks(self) -> list[str]:
        """Return the marks of the text's lines, computed once for each text: every line's prompt asks for them."""
        text = self._prompt.default_buffer.text
        if text != self._marks[0]:
            self._marks = text, line_marks(text + "\n", self._connection.parser)
        return self._marks[1]

    def _format_toolbar(self) -> StyleAndTextTuples:
        text = self._prompt.default_buffer.text
        above, newline, last = text.rstrip("\n").rpartition("\n")
        if newline and above.strip() and last.strip().rstrip(";").lower() in BARE_COMMANDS:
            return [("", r"\q leaves, Ctrl-C drops the open statement")]
        if text.strip() and self._line_marks()[-1] == "--":
            return [("", "the ; is inside a comment: write one below it; a query also runs at an empty line")]
        if text.strip() and text.endswith("\n\n"):
            return [("", "an empty line runs only a complete query: end the statement with ;")]
        if self._error:
            return [("class:trouble", truncate(escape_unsafe(self._error), get_app().output.get_size().columns))]
        facts = [self._connection.workspace or "no workspace", self._settings.format]
        facts += ["BEGIN is open"] if self._connection.in_transaction else []
        facts += [f"vi {_VI_MODES.get(get_app().vi_state.input_mode, 'insert')}"] if self._settings.vi else []
        return [("", escape_unsafe(" · ".join((*facts, r"\? help"))))]

    # ---- errors while typing

    def _schedule_error_check(self, _: Buffer) -> None:
        self._error = ""
        if self._error_check is not None:
            self._error_check.cancel()
        if get_app().is_running:
            self._error_check = get_app().create_background_task(self._check_after_pause())

    async def _check_after_pause(self) -> None:
        await asyncio.sleep(_PAUSE)
        with suppress(Exception):  # prompt_toolkit would show a traceback over the prompt
            self._error = find_error(self._prompt.default_buffer.text, self._connection.parser)
        if self._error:
            get_app().invalidate()
