"""Connections to a faulty server through a registry with one provider, `acme`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.engine.sessions import connect
from tests.provider.documents import Node, write_registry
from tests.resilience.client_bench import TOKEN
from tests.resilience.faulty_server import FaultyServer
from tokensh.dbapi.connection import Connection


def open_session(
    server: FaultyServer, home: Path, services: Mapping[str, Node], *, config: Node | None = None, **more: Any
) -> Connection:
    """Open a connection in the workspace `w1` whose provider has these services, and this `config`; empty the server's log."""
    server.log.clear()
    description: Node = {"config": config} if config else {}
    registry = write_registry(home / "registry", services, **description)
    options = {"endpoint": server.origin + "/w/{deployment_name}", "workspace": "w1", "yes": True, **more}
    return connect(None, home, {"DATABRICKS_TOKEN": TOKEN}, registry=registry, **options)
