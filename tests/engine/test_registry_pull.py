"""REGISTRY LIST and PULL: from a folder or an address, verified, kept in the data folder, and never unasked."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.engine.sessions import connect, run
from tests.provider.documents import MethodLine as M
from tests.provider.documents import service_document, write_registry
from tests.resilience.certificates import server_context, sign
from tests.resilience.client_bench import TOKEN
from tests.resilience.faulty_server import Exchange, FaultyServer
from tokensh import Error, NotSupportedError
from tokensh.dbapi.connection import Connection

SERVICE = service_document([M("things", "SELECT", "list", "GET /things", fields="id")])
LISTING = [("acme", "v2"), ("other", "v1")]


def pack(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The documents of a provider `acme`, whose folder is called v1."""
    source = write_registry(tmp_path_factory.mktemp("source"), {"s": SERVICE}) / "src"
    return pack({str(file.relative_to(source)): file.read_bytes() for file in sorted(source.rglob("*.json"))})


class Files:
    """What a registry's server has: content by path, below /r/dist."""

    def __init__(self, archive: bytes) -> None:
        digest = sha256(archive).hexdigest()
        index = f"providers: {{acme: {{versions: [v2, v1]}}, other: {{versions: [{{version: v1, sha256: {digest}}}]}}}}"
        self.content = {
            "providers.yaml": index.encode(),
            "acme/v1.tgz": archive,
            "acme/v1.tgz.sha256": f"{digest}  v1.tgz\n".encode(),
            "acme/v2.tgz": archive,
            "other/v1.tgz": archive,
        }

    def answer(self, exchange: Exchange) -> None:
        content = self.content.get(exchange.request.path.removeprefix("/r/dist/"))
        exchange.reply(*((404, b"{}") if content is None else (200, content)))

    def write(self, folder: Path) -> Path:
        for name, content in self.content.items():
            (folder / "dist" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "dist" / name).write_bytes(content)
        return folder


@pytest.fixture
def files(archive: bytes) -> Files:
    return Files(archive)


@pytest.fixture
def server(files: Files) -> Iterator[FaultyServer]:
    with FaultyServer(files.answer) as running:
        yield running


def open_session(place: object, home: Path, **options: Any) -> Connection:
    return connect(None, home, {"DATABRICKS_TOKEN": TOKEN}, registry=place, workspace="w1", **options)


@pytest.mark.parametrize("kind", ["address", "folder"])
def test_a_provider_is_listed_pulled_and_kept(kind: str, server: FaultyServer, files: Files, tmp_path: Path) -> None:
    place = f"{server.origin}/r" if kind == "address" else files.write(tmp_path / "registry")
    notes: list[str] = []
    with open_session(place, tmp_path) as session:
        assert server.log == []
        assert ("acme",) not in run(session, "SHOW PROVIDERS")
        assert run(session, "REGISTRY LIST") == LISTING
        assert run(session, "REGISTRY LIST acme") == [("acme", "v1, v2")]
        session.callbacks = session.callbacks.__class__(note=notes.append)
        assert run(session, "REGISTRY PULL acme v1") == []
        assert notes == ["acme provider, version 'v1' successfully installed"]
        assert run(session, "SHOW RESOURCES IN acme.s")[0][0] == "acme.s.things"
    asked = len(server.log)
    with open_session(place, tmp_path) as session:
        assert run(session, "SHOW RESOURCES IN acme.s")[0][0] == "acme.s.things"
    assert len(server.log) == asked
    assert all("authorization" not in exchange.headers for exchange in server.log)


CASES = [
    ("PULL acme", "gives no SHA-256 of dist/acme/v2.tgz"),
    ("PULL acme v3", "unknown version of acme 'v3'"),
    ("PULL acmee", "unknown provider 'acmee'"),
    ("LIST nowhere", "unknown provider 'nowhere'"),
    ("PULL", "syntax error|expected|incomplete"),
    ("LIST a b", "too many words for REGISTRY LIST"),
]


@pytest.mark.parametrize(("statement", "problem"), CASES)
def test_what_cannot_be_pulled_is_one_error(statement: str, problem: str, server: FaultyServer, tmp_path: Path) -> None:
    with open_session(f"{server.origin}/r", tmp_path) as session, pytest.raises(Error, match=problem):
        run(session, f"REGISTRY {statement}")


BAD_ARCHIVES = [
    (b"not an archive", "is not a gzipped tar archive"),
    (gzip.compress(b"x" * 2000), "is not a gzipped tar archive"),
    (pack({"acme/v1/readme.json": b"{}"}), "holds no provider document"),
    (pack({"../provider.json": b"{}"}), "a path that leads out of it"),
    (pack({"/etc/provider.json": b"{}"}), "a path that leads out of it"),
]


@pytest.mark.parametrize(("content", "problem"), BAD_ARCHIVES, ids=range(len(BAD_ARCHIVES)))
def test_a_bad_archive_changes_nothing(
    content: bytes, problem: str, server: FaultyServer, files: Files, tmp_path: Path
) -> None:
    with open_session(f"{server.origin}/r", tmp_path) as session:
        run(session, "REGISTRY PULL acme v1")
        files.content["acme/v1.tgz"] = content
        with pytest.raises(Error, match="its SHA-256 is another"):
            run(session, "REGISTRY PULL acme v1")
        files.content["acme/v1.tgz.sha256"] = sha256(content).hexdigest().encode()
        with pytest.raises(Error, match=problem):
            run(session, "REGISTRY PULL acme v1")
        assert run(session, "SHOW RESOURCES IN acme.s")[0][0] == "acme.s.things"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a self-signed certificate for 127.0.0.1."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    folder = tmp_path_factory.mktemp("certificates")
    sign(folder, "good", "IP:127.0.0.1")
    return folder


def test_a_registry_over_tls_is_read_only_with_a_trusted_certificate(
    files: Files, certificates: Path, tmp_path: Path
) -> None:
    with FaultyServer(files.answer, tls=server_context(certificates, "good")) as secure:
        options: dict[str, Any] = {"registry": f"{secure.origin}/r", "workspace": "w1"}
        with connect(None, tmp_path, **options) as session, pytest.raises(Error, match="is not trusted: self-signed"):
            run(session, "REGISTRY LIST")
        assert secure.log == []
        trusting = {"REQUESTS_CA_BUNDLE": str(certificates / "good.pem")}
        with connect(None, tmp_path, trusting, **options) as session:
            assert run(session, "REGISTRY LIST") == LISTING
            files.content["acme/v1.tgz"] += b"x"
            with pytest.raises(Error, match="its SHA-256 is another"):
                run(session, "REGISTRY PULL acme v1")
            with pytest.raises(Error, match="unknown provider 'acme'"):
                run(session, "SHOW SERVICES IN acme")
            files.content["acme/v1.tgz"] = files.content["acme/v2.tgz"]
            run(session, "REGISTRY PULL acme v1")
            assert run(session, "SHOW RESOURCES IN acme.s")[0][0] == "acme.s.things"


@pytest.mark.parametrize("file", ["providers.yaml", "acme/v1.tgz", "acme/v1.tgz.sha256"])
def test_a_redirect_of_a_registry_is_never_followed(file: str, files: Files, tmp_path: Path) -> None:
    with FaultyServer(files.answer) as elsewhere:

        def redirect(exchange: Exchange) -> None:
            if exchange.request.path != f"/r/dist/{file}":
                return files.answer(exchange)
            return exchange.reply(302, b"", Location=f"{elsewhere.origin}{exchange.request.path}")

        with (
            FaultyServer(redirect) as server,
            open_session(f"{server.origin}/r", tmp_path) as session,
            pytest.raises(Error, match="redirect"),
        ):
            run(session, "REGISTRY PULL acme v1")
        assert elsewhere.log == []


def test_no_address_is_contacted_unasked(tmp_path: Path) -> None:
    with open_session(None, tmp_path) as session, pytest.raises(NotSupportedError, match="none is contacted unasked"):
        run(session, "REGISTRY LIST")
    with pytest.raises(Error, match="is not a plain https URL"):
        open_session("http://registry.example.com", tmp_path)


def test_a_folder_of_documents_is_read_where_it_is(tmp_path: Path) -> None:
    registry = write_registry(tmp_path / "registry", {"s": SERVICE})
    with open_session(registry, tmp_path) as session:
        assert run(session, "REGISTRY LIST") == [("acme", "v1")]
        run(session, "REGISTRY PULL acme")
        assert run(session, "SHOW RESOURCES IN acme.s")[0][0] == "acme.s.things"
