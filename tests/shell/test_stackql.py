"""`tokensh shell`, as StackQL spells it, starts the shell."""

from __future__ import annotations

from tests.shell.terminal import Start


def test_shell_is_the_shell(start: Start) -> None:
    terminal = start("shell", "--sandbox", "--approot", "/nowhere")
    terminal.run("SELECT comment FROM user_tokens WHERE expiry_time = -1;")
    terminal.see("terraform ci")
