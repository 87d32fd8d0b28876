"""A session of the shell without a terminal: texts are run as if they had been typed, and what it says can be read."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import DummyInput
from prompt_toolkit.output import DummyOutput

import tokensh
from tests.engine.sessions import A
from tests.environments import make_environment
from tokensh.sandbox import Sandbox
from tokensh.shell.session import Session
from tokensh.shell.settings import Settings


class InProcessShell:
    """A session, and the texts that it has written since the last call of `run`."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @property
    def home(self) -> Path:
        return self.session.connection.environment.home

    def run(self, text: str) -> str:
        """Run a text as if it had been typed, and return what it wrote, results before messages."""
        environment = self.session.connection.environment
        streams = [cast("io.StringIO", stream) for stream in (environment.stdout, environment.stderr)]
        for stream in streams:
            stream.seek(0)
            stream.truncate()
        self.session._failure = ""
        self.session._attempt(lambda: self.session.run_text(text))
        return "".join(stream.getvalue() for stream in streams)

    def write(self, name: str, *lines: str) -> None:
        """Write a file in the home folder."""
        (self.home / name).write_text("\n".join(lines) + "\n")


@contextmanager
def open_shell(
    site: Sandbox, home: Path, variables: dict[str, str] | None = None, *, in_sandbox: bool = False, **more: Any
) -> Iterator[InProcessShell]:
    """Yield a session on a sandbox, as `--endpoint` or as `--sandbox` opens it.

    Whatever it asks is answered with the end of the input, which means no.
    """
    place: dict[str, Any] = {"sandbox": site} if in_sandbox else {"endpoint": site.endpoint}
    given = {"DATABRICKS_TOKEN": site.token, **(variables or {})}
    environment = make_environment(home, variables=given, **more)
    with (
        create_app_session(input=DummyInput(), output=DummyOutput()),
        tokensh.connect(environment=environment, workspace=A, **place) as connection,
    ):
        yield InProcessShell(Session(connection, Settings(pager=False)))
