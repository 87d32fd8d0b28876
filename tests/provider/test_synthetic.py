"""Every SELECT method of a registry's documents gives the rows that its answer means."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.provider.documents import MethodLine as M
from tests.provider.documents import service_document, write_registry
from tests.provider.synthetic import check_calls, read_calls

# What tokensh does not offer, and documents that contradict themselves.
REFUSALS = ("NotSupportedError: not offered: ", "ReplyError: unknown reply to ")


def find_problems(folder: Path, home: Path) -> list[str]:
    calls = list(read_calls(folder))
    assert calls
    outcomes = [outcome for branch in (0, -1) for outcome in check_calls(calls, home, folder, branch)]
    return [f"{o.call.label}: {o.kind} {o.detail}" for o in outcomes if o.kind and not o.kind.startswith(REFUSALS)]


def test_every_method_of_a_given_registry_gives_its_rows(tmp_path: Path) -> None:
    folder = os.environ.get("TOKENSH_REGISTRY")
    if not folder:
        pytest.skip("TOKENSH_REGISTRY names no folder of provider documents")
    assert find_problems(Path(folder), tmp_path) == []


def test_every_method_of_a_small_document_gives_its_rows(tmp_path: Path) -> None:
    document = service_document([
        M("jobs", "SELECT", "get", "GET /jobs/{id}", fields="id:integer tags:object ok:boolean"),
        M("jobs", "SELECT", "list", "GET /jobs", query="owner*", fields="id:integer owner", object_key="$.jobs[*]"),
        M("names", "SELECT", "list", "GET /names", fields="id", object_key="$.deep.names"),
    ])  # fmt: skip
    folder = write_registry(tmp_path / "registry", {"s": document})
    for file in folder.glob("src/*/*/provider.json"):
        file.with_suffix(".yaml").write_text(json.dumps(json.loads(file.read_text())))
        file.unlink()
    assert find_problems(folder, tmp_path) == []
