"""Keys that the shell adds to prompt_toolkit's own."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.application.current import get_app
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import (
    Condition,
    completion_is_selected,
    emacs_insert_mode,
    emacs_mode,
    has_completions,
    has_focus,
    vi_insert_mode,
)
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from tokensh.shell.input_buffer import is_ready
from tokensh.sql.parse import Parser


def bindings(parser: Parser, toggle_editing_mode: Callable[[], None]) -> KeyBindings:
    """Enter takes a chosen completion, runs what is ended, else begins a line; Esc-Enter always begins a line.

    Up goes into the history unless a completion is chosen; Ctrl-P and Ctrl-N go through whole statements.
    """
    keys = KeyBindings()
    typing = has_focus(DEFAULT_BUFFER) & (emacs_insert_mode | vi_insert_mode)
    choosing = Condition(lambda: bool(_chosen()))

    @keys.add("enter", filter=typing & choosing)
    def _take(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None

    @keys.add("enter", filter=typing & ~choosing)
    def _enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_ready(buffer.text, parser):
            buffer.validate_and_handle()
        else:
            buffer.newline(copy_margin=False)

    @keys.add("escape", "enter", filter=typing)
    def _newline(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    @keys.add("up", filter=typing & has_completions & ~completion_is_selected)
    @keys.add("c-p", filter=typing & emacs_mode)
    def _older(event: KeyPressEvent) -> None:
        # A menu that nobody has gone into is in nobody's way.
        event.current_buffer.complete_state = None
        if event.key_sequence[0].key == "up":
            event.current_buffer.auto_up(count=event.arg)
        else:
            event.current_buffer.history_backward(count=event.arg)

    @keys.add("c-n", filter=typing & emacs_mode)
    def _newer(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None
        event.current_buffer.history_forward(count=event.arg)

    @keys.add("f4")
    def _mode(_event: KeyPressEvent) -> None:
        toggle_editing_mode()

    return keys


def _chosen() -> object:
    state = get_app().current_buffer.complete_state
    return state.current_completion if state else None
