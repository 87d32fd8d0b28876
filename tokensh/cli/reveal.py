"""`tokensh reveal`: list the values of new tokens that wait for their user, or show one at a terminal."""

from __future__ import annotations

from tokensh.engine.kept_values import KeptValues
from tokensh.environment import Environment, is_terminal
from tokensh.errors import InterfaceError
from tokensh.text import make_inert


def reveal_value(token_id: str | None, environment: Environment, *, forgets: bool) -> None:
    """List the values without `token_id`, else show its value and ask whether to delete it. Raises InterfaceError."""
    kept = KeptValues(environment)
    out = environment.stdout
    if token_id is None:
        for path in kept.list_files():
            workspace, _, name = path.name.partition(".")
            out.write(f"{make_inert(workspace)}  {make_inert(name)}\n")
        return
    path = kept.find_file(token_id)
    if not forgets:
        if not (is_terminal(environment.stdin) and is_terminal(out)):
            raise InterfaceError("a value is shown only at a terminal", hint=f"programs can read the file {path}")
        out.write(make_inert(path.read_text(encoding="utf-8")) + "\n")
        out.write("forget it here? [y/N] ")
        out.flush()
        forgets = environment.stdin.readline().strip().lower() in ("y", "yes")
    if forgets:
        path.unlink()
