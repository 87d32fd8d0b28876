"""The values of new tokens that wait in private files until their user asks for them: `tokensh reveal`."""

from __future__ import annotations

from pathlib import Path

from tokensh.engine.destinations import FileDestination, NewSecret
from tokensh.environment import Environment, check_private_folder, make_private_folder
from tokensh.errors import InterfaceError


class KeptValues:
    """A folder with a file (0600) for each value, called by its token's workspace and id; a `Destination`.

    Args:
        environment: knows the state folder.
    """

    def __init__(self, environment: Environment) -> None:
        self.folder = environment.state_folder / "values"
        escaped = str(self.folder).replace("{", "{{").replace("}", "}}")
        self._file = FileDestination(f"{escaped}/{{deployment_name}}.{{token_id}}", environment)

    def check(self) -> None:
        """Make the folder. Raises InterfaceError if it cannot be written to, or is not the user's alone."""
        try:
            make_private_folder(self.folder)
        except OSError as failure:
            raise InterfaceError(f"cannot keep values in {self.folder}: {failure}") from None
        self._file.check()

    def deliver(self, secret: NewSecret) -> str:
        """Keep a value, and say how the user gets it. Raises OutputError."""
        self._file.deliver(secret)
        return f"a private file; the user sees it with `tokensh reveal {secret.token_id}` at a terminal"

    def list_files(self) -> list[Path]:
        """Return the files of the values that are kept, oldest first. Raises InterfaceError."""
        try:
            check_private_folder(self.folder)
            files = [path for path in self.folder.iterdir() if not path.name.startswith(".")]
            return sorted(files, key=lambda path: path.stat().st_mtime)
        except FileNotFoundError:
            return []
        except OSError as failure:
            raise InterfaceError(f"cannot read {self.folder}: {failure}") from None

    def find_file(self, token_id: str) -> Path:
        """Return the file of a token's value; the start of an id is enough. Raises InterfaceError."""
        found = [path for path in self.list_files() if path.name.partition(".")[2].startswith(token_id)]
        if len(found) != 1:
            reason = "several values are" if found else "no value is"
            raise InterfaceError(f"{reason} kept for {token_id!r}", hint="`tokensh reveal` lists them")
        return found[0]
