"""The jobs of recipes that are more than statements, as the command line and the shell run them: steps, consent, report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tokensh.dbapi.connection import Connection
from tokensh.engine.destinations import Destination
from tokensh.errors import Error, InterfaceError
from tokensh.recipes.library import Recipe
from tokensh.recipes.offboarding import COLUMNS, Offboarding, OwnedToken
from tokensh.recipes.rotation import Rotation, RotationRequest
from tokensh.rows import Column, Row, RowSet

_SECONDS_PER_DAY = 86_400


class Job(Protocol):
    """What a recipe does in several requests."""

    def preview(self) -> RowSet:
        """Return what `run` would do; nothing is changed. Raises Error."""

    def list_steps(self) -> list[str]:
        """Return a line for each step, to be approved; none if nothing would be changed. Raises Error."""

    def run(self) -> RowSet:
        """Do it, and return a report. Raises Error."""

    def conclude(self) -> bool:
        """Return whether the report says that everything is done, once it is written. Raises Interrupted if Ctrl-C ended it."""


def make_job(
    recipe: Recipe, values: Mapping[str, object], connection: Connection, destination: Destination | None, *, dry: bool
) -> Job:
    """Return the job of a recipe whose values are complete. Raises InterfaceError for what it lacks."""
    if recipe.job == "offboard":
        return _OffboardJob(connection, str(values["user"]), str(values["workspaces"]))
    workspace = str(values["deployment_name"]) or connection.workspace
    if not workspace:
        raise InterfaceError(
            "which workspace is not given", hint="deployment_name=NAME, or -w NAME on the command line"
        )
    if not values["comment"] and not values["token_id"]:
        raise InterfaceError("which token is not given", hint="comment=..., or token_id=...")
    if destination is None and not dry:
        raise InterfaceError(
            "where the new value goes is not given",
            hint="--deliver PROGRAM, or --deliver-file PATH; nothing was sent",
        )
    request = RotationRequest(
        workspace,
        str(values["token_id"]),
        str(values["comment"]),
        round(float(str(values["grace"])) * _SECONDS_PER_DAY * 1000),
        round(float(str(values["lifetime"])) * _SECONDS_PER_DAY) or None,
    )
    return _RotateJob(Rotation(connection, request, destination))


class _RotateJob:
    """A rotation of one token."""

    def __init__(self, rotation: Rotation) -> None:
        self._rotation = rotation

    def preview(self) -> RowSet:
        return RowSet((Column("step", "string"),), iter([(step,) for step in self._rotation.plan()]))

    def list_steps(self) -> list[str]:
        return list(self._rotation.plan())

    def run(self) -> RowSet:
        return self._rotation.run()

    def conclude(self) -> bool:
        return True


class _OffboardJob:
    """An offboarding: the tokens are listed once, and those are revoked that were approved."""

    def __init__(self, connection: Connection, owner: str, source: str) -> None:
        self._connection = connection
        self._owner = owner
        self._offboarding = Offboarding(connection, owner, source)
        self._found: tuple[list[OwnedToken], dict[str, Error]] | None = None
        self._rows: list[Row] = []

    def preview(self) -> RowSet:
        return self._report(self._offboarding.plan(*self._find()))

    def list_steps(self) -> list[str]:
        return list(self._offboarding.describe(self._find()[0]))

    def run(self) -> RowSet:
        return self._report(self._offboarding.revoke(*self._find()))

    def conclude(self) -> bool:
        if self._offboarding.interruption is not None:
            raise self._offboarding.interruption
        return not any(row[3] in ("remains", "unknown") for row in self._rows)

    def _find(self) -> tuple[list[OwnedToken], dict[str, Error]]:
        if self._found is None:
            self._found = self._offboarding.find_tokens()
        return self._found

    def _report(self, rows: list[Row]) -> RowSet:
        if not rows:
            self._connection.callbacks.note(f"{self._owner} has no tokens in the workspaces that were asked")
        self._rows = rows
        return RowSet(COLUMNS, iter(rows))
