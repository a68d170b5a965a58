"""Folders in, folders out, and every refusal before any work."""

from __future__ import annotations

from pathlib import Path

import pytest
from velatura_daemon.cli.exits import EXISTS, FILES, CommandError
from velatura_daemon.cli.files import plan

READ = {".png", ".jpg", ".gif"}
WRITE = {".png", ".jpg"}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "in/b.jpg", "in/deep/c.PNG", "in/d.gif", "in/notes.txt", "in/.hidden.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


def planned(*inputs: str, out: str, force: bool = False) -> dict[str, str]:
    return {str(a): str(b) for a, b in plan(inputs, Path(out), force, READ, WRITE)}


def refused(code: int, *inputs: str, out: str, force: bool = False) -> str:
    with pytest.raises(CommandError) as caught:
        plan(inputs, Path(out), force, READ, WRITE)
    assert caught.value.exit_code == code
    return str(caught.value)


def test_one_picture_becomes_one_file(tree: Path) -> None:
    assert planned("a.png", out="out.jpg") == {"a.png": "out.jpg"}


def test_one_picture_goes_into_a_folder_under_its_name(tree: Path) -> None:
    assert planned("a.png", out="somewhere") == {"a.png": "somewhere/a.png"}


def test_folders_keep_their_shape_and_leave_other_files_alone(tree: Path) -> None:
    assert planned("in", out="to") == {
        "in/b.jpg": "to/b.jpg",
        "in/d.gif": "to/d.png",
        "in/deep/c.PNG": "to/deep/c.PNG",
    }


def test_globs_are_understood_where_the_shell_leaves_them(tree: Path) -> None:
    assert planned("in/**/*.[pP][nN][gG]", "a.png", out="to") == {
        "in/deep/c.PNG": "to/c.PNG",
        "a.png": "to/a.png",
    }


def test_a_picture_named_twice_is_done_once(tree: Path) -> None:
    assert planned("a.png", "./a.png", out="to") == {"a.png": "to/a.png"}


def test_a_file_named_outright_is_taken_whatever_its_suffix(tree: Path) -> None:
    assert planned("in/notes.txt", out="to.png") == {"in/notes.txt": "to.png"}


def test_what_is_not_there_is_named(tree: Path) -> None:
    assert "gone.png: no such file" in refused(FILES, "gone.png", out="to.png")
    assert "*.bmp: no" in refused(FILES, "*.bmp", out="to")


def test_an_existing_output_needs_force(tree: Path) -> None:
    (tree / "out.png").write_bytes(b"kept")
    assert "--force" in refused(EXISTS, "a.png", out="out.png")
    assert planned("a.png", out="out.png", force=True) == {"a.png": "out.png"}


def test_an_input_is_never_its_own_output(tree: Path) -> None:
    assert "the input itself" in refused(EXISTS, "a.png", out="a.png", force=True)


def test_several_pictures_do_not_fit_into_one_file(tree: Path) -> None:
    assert "name a folder" in refused(FILES, "in", out="one.png")


def test_two_pictures_of_one_name_are_told_apart(tree: Path) -> None:
    (tree / "in" / "a.png").write_bytes(b"y")
    assert "would both become" in refused(FILES, "a.png", "in/a.png", out="to")


def test_a_format_that_cannot_be_written_lists_those_that_can(tree: Path) -> None:
    assert ".jpg, .png" in refused(FILES, "a.png", out="out.xyz")
