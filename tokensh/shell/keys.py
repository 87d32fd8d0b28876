"""Keys that the shell adds to those of prompt_toolkit."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.application.current import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import (
    Condition,
    Filter,
    completion_is_selected,
    emacs_insert_mode,
    emacs_mode,
    has_completions,
    has_focus,
    has_selection,
    vi_insert_mode,
    vi_navigation_mode,
)
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from tokensh.shell.input_buffer import is_ready
from tokensh.sql.parse import Parser


def key_bindings(
    parser: Parser,
    toggle_editing_mode: Callable[[], None],
    toggle_times: Callable[[], None],
    edit: Callable[[str], str | None],
) -> KeyBindings:
    """Return the shell's key bindings.

    Enter accepts a selected completion, runs ended statements, else begins a new line; Esc Enter always begins one. Up searches
    the history unless a completion is selected; Ctrl-P and Ctrl-N step through whole statements. F4 calls
    `toggle_editing_mode`; F6 calls `toggle_times`, which may write above the prompt. Ctrl-X Ctrl-E, and v in vi mode, call `edit`
    with the text: what it returns takes the text's place and runs if it is ended; None leaves the text as it is.
    """
    keys = KeyBindings()
    typing = has_focus(DEFAULT_BUFFER) & (emacs_insert_mode | vi_insert_mode)
    selecting = Condition(_is_completion_selected)

    @keys.add("enter", filter=typing & selecting)
    def _accept_completion(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None

    @keys.add("enter", filter=typing & ~selecting)
    def _run_or_begin_line(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        try:
            is_done = is_ready(buffer.text, parser)
        except Exception:  # noqa: BLE001 (in here prompt_toolkit would show a traceback; the session reports the mistake)
            is_done = True
        if is_done:
            buffer.validate_and_handle()
        else:
            buffer.newline(copy_margin=False)

    @keys.add("escape", "enter", filter=typing)
    def _begin_line(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    @keys.add("f4")
    def _toggle_editing_mode(_event: KeyPressEvent) -> None:
        toggle_editing_mode()

    @keys.add("f6")
    def _toggle_times(_event: KeyPressEvent) -> None:
        run_in_terminal(toggle_times)

    _add_history_keys(keys, typing)
    _add_editor_keys(keys, parser, edit)
    return keys


def _add_history_keys(keys: KeyBindings, typing: Filter) -> None:
    @keys.add("up", filter=typing & has_completions & ~completion_is_selected)
    @keys.add("c-p", filter=typing & emacs_mode)
    def _go_back(event: KeyPressEvent) -> None:
        # While typing the menu is nearly always open; as long as nothing in it is selected, Up means the history.
        event.current_buffer.complete_state = None
        if event.key_sequence[0].key == "up":
            event.current_buffer.auto_up(count=event.arg)
        else:
            event.current_buffer.history_backward(count=event.arg)

    @keys.add("c-n", filter=typing & emacs_mode)
    def _go_forward(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None
        event.current_buffer.history_forward(count=event.arg)


def _add_editor_keys(keys: KeyBindings, parser: Parser, edit: Callable[[str], str | None]) -> None:
    # prompt_toolkit's own would write what was typed into a file as it is, secrets too.
    @keys.add("c-x", "c-e", filter=emacs_mode & ~has_selection)
    @keys.add("v", filter=vi_navigation_mode)
    def _edit(event: KeyPressEvent) -> None:
        event.app.create_background_task(_edit_buffer(event.current_buffer, parser, edit))


async def _edit_buffer(buffer: Buffer, parser: Parser, edit: Callable[[str], str | None]) -> None:
    text = await run_in_terminal(lambda: edit(buffer.text))
    if text is not None:
        buffer.document = Document(text)
        if text and is_ready(text, parser):
            buffer.validate_and_handle()


def _is_completion_selected() -> bool:
    state = get_app().current_buffer.complete_state
    return state is not None and state.current_completion is not None
