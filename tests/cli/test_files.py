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


def test_what_is_left_out_of_a_folder_is_named(tree: Path, capsys: pytest.CaptureFixture) -> None:
    for name in ("IMG_1.HEIC", "b.exr", "c.dng"):
        (tree / "in" / name).write_bytes(b"x")
    (tree / "in" / "gone.png").symlink_to("nowhere.png")
    assert len(planned("in", out="to")) == 3
    said = capsys.readouterr().err
    assert "in: a file is left out, as no file or a link to nothing: gone.png" in said
    left = ("IMG_1.HEIC", "b.exr", "c.dng", "notes.txt")
    assert "in: 4 files are left out" in said and all(name in said for name in left)


def test_outputs_inside_the_inputs_are_not_painted_again(tree: Path) -> None:
    (tree / "in" / "painted").mkdir()
    (tree / "in" / "painted" / "b.jpg").write_bytes(b"x")
    assert set(planned("in", out="in/painted", force=True)) == {"in/b.jpg", "in/deep/c.PNG", "in/d.gif"}


def test_a_slash_or_several_pictures_mean_a_folder(tree: Path) -> None:
    pairs = plan(["a.png"], "renders.v2/", False, READ, WRITE)
    assert pairs == [(Path("a.png"), Path("renders.v2/a.png"))]
    assert planned("a.png", "in/b.jpg", out="renders.v3") == {
        "a.png": "renders.v3/a.png",
        "in/b.jpg": "renders.v3/b.jpg",
    }


def test_a_converted_picture_makes_way_for_one_that_has_its_name(tree: Path) -> None:
    (tree / "in" / "d.png").write_bytes(b"x")
    made = planned("in", out="to")
    assert made["in/d.png"] == "to/d.png" and made["in/d.gif"] == "to/d.gif.png"


def test_a_batch_goes_on_where_it_stopped(tree: Path, capsys: pytest.CaptureFixture) -> None:
    (tree / "to").mkdir()
    (tree / "to" / "b.jpg").write_bytes(b"done")
    pairs = plan(["in"], Path("to"), False, READ, WRITE, skip=True)
    assert [str(target) for _, target in pairs] == ["to/d.png", "to/deep/c.PNG"]
    assert "1 of 3 exist already" in capsys.readouterr().err
