"""Parsed documents are kept as JSON by the digest of their text, where only the user can put something."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokensh.provider.catalog import Catalog

PROVIDER = """\
id: acme
name: acme
version: v1
providerServices:
  s: {id: 's:v1', name: s, title: Things, version: v1, service: {$ref: acme/v1/services/s.yaml}}
"""


def write(root: Path, more: str = "") -> Path:
    folder = root / "src" / "acme" / "v1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "provider.yaml").write_text(PROVIDER + more)
    return root


def read_title(root: Path, cache: Path) -> str:
    (service,) = Catalog.load(root, cache).services("acme")
    return service.title


def replace_title(cache: Path) -> list[Path]:
    """Change the title in what is kept, so that it shows whether that is read."""
    kept = [*cache.rglob("*.json")]
    for path in kept:
        path.write_text(path.read_text().replace("Things", "Kept things"))
    return kept


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "tokensh"


def test_a_document_is_parsed_once(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "r")
    assert read_title(root, cache) == "Things"
    assert [path.stat().st_mode & 0o777 for path in replace_title(cache)] == [0o600]
    assert read_title(root, cache) == "Kept things"
    assert read_title(write(tmp_path / "r", "# another text\n"), cache) == "Things"


@pytest.mark.parametrize("spoil", ["folder", "content"])
def test_what_is_kept_is_not_trusted_blindly(spoil: str, tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "r")
    read_title(root, cache)
    (kept,) = replace_title(cache)
    if spoil == "folder":
        cache.chmod(0o777)
    else:
        kept.write_text("{")
    assert read_title(root, cache) == "Things"


def test_a_document_that_json_cannot_hold_is_not_kept(tmp_path: Path, cache: Path) -> None:
    assert read_title(write(tmp_path / "r", "statuses: {200: ok}\n"), cache) == "Things"
    assert [*cache.rglob("*.json")] == []


def test_the_oldest_documents_make_room(tmp_path: Path, cache: Path) -> None:
    for number in range(3):
        read_title(write(tmp_path / "r", f"# {number}\n"), cache)
    folder = cache / "documents"
    for number in range(500):
        (folder / f"{number}.json").touch()
    read_title(write(tmp_path / "r", "# new\n"), cache)
    assert len([*folder.iterdir()]) < 450


def test_few_documents_stay_in_memory(tmp_path: Path) -> None:
    services = "".join(
        f"  s{n}: {{id: 's{n}:v1', name: s{n}, title: t, version: v1, service: {{$ref: acme/v1/s{n}.yaml}}}}\n"
        for n in range(9)
    )
    root = write(tmp_path / "r", services)
    for n in range(9):
        (root / "src/acme/v1" / f"s{n}.yaml").write_text("components: {x-stackQL-resources: {r: {}}}\n")
    catalog = Catalog.load(root)
    for _ in range(2):
        assert [catalog.resources("acme", f"s{n}")[0].name for n in range(9)] == ["r"] * 9
    assert len(catalog._documents) <= 4
