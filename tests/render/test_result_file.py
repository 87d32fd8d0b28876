"""A file for results keeps its earlier content until a run has succeeded, and is its owner's alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tokensh.errors import InterfaceError, OutputError
from tokensh.render.result_file import ResultFile, open_result_file


def open_file(path: Path) -> ResultFile:
    file = open_result_file(str(path))
    assert isinstance(file, ResultFile)
    return file


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("mode", [0o644, 0o666, 0o600])
def test_a_file_that_others_could_read_is_the_owners_alone_before_anything_is_written(
    tmp_path: Path, mode: int
) -> None:
    path = tmp_path / "out"
    path.write_text("earlier")
    path.chmod(mode)
    file = open_file(path)
    assert stat.S_IMODE(file.part.stat().st_mode) == 0o600
    file.write("new")
    assert path.read_text() == "earlier"
    file.publish()
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode), names(tmp_path)) == ("new", 0o600, {"out"})
    file.write(" and more")
    assert file.abandon() is None
    assert path.read_text() == "new and more"


def test_a_failure_before_the_first_result_leaves_everything_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("earlier")
    assert open_file(path).abandon() is None
    assert open_file(tmp_path / "new").abandon() is None
    assert (path.read_text(), names(tmp_path)) == ("earlier", {"out"})


def test_results_before_a_failure_are_kept_beside_an_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("earlier")
    for name in ("out.part", "out.part2"):
        file = open_file(path)
        file.write(f"a token's value in {name}")
        assert file.abandon() == tmp_path / name
    assert path.read_text() == "earlier"
    assert (tmp_path / "out.part").read_text() == "a token's value in out.part"
    assert (tmp_path / "out.part2").read_text() == "a token's value in out.part2"


def test_results_before_a_failure_are_in_the_file_if_there_was_none(tmp_path: Path) -> None:
    file = open_file(tmp_path / "out")
    file.write("a token's value")
    assert file.abandon() is None
    assert ((tmp_path / "out").read_text(), names(tmp_path)) == ("a token's value", {"out"})


def test_a_link_is_replaced_and_what_it_names_stays(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("not ours")
    link.symlink_to(target)
    file = open_file(link)
    file.write("x")
    file.publish()
    file.close()
    assert (target.read_text(), link.read_text(), link.is_symlink()) == ("not ours", "x", False)


def test_a_device_and_a_pipe_are_written_directly(tmp_path: Path) -> None:
    with open_result_file("/dev/null") as null:
        null.write("x")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with open_result_file(str(pipe)) as writer:
        writer.write("x")
    assert os.read(reader, 10) == b"x"
    os.close(reader)
    assert names(tmp_path) == {"pipe"}


@pytest.mark.parametrize("name", ["no/such/folder", "folder", "a\0b", "\ud800"])
def test_a_file_that_cannot_be_written_is_one_clear_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InterfaceError, match=r"^cannot write "):
        open_result_file(f"{tmp_path}/{name}")


def test_a_name_that_cannot_be_given_says_where_the_result_is(tmp_path: Path) -> None:
    file = open_file(tmp_path / "out")
    file.write("x")
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputError) as caught:
        file.publish()
    assert "out.part" in (caught.value.hint or "")
    assert file.abandon() == tmp_path / "out.part"
