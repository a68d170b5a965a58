"""The library: what is added is there at once and whole, what is damaged harms nothing else."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from protocol.profiles import ADOBE, SRGB, gamma_curve, profile
from velatura.errors import FieldError, PictureWarning, VelaturaError
from velatura.names import LONGEST_NAME, style_name
from velatura_daemon.styles import reading as style_pictures
from velatura_daemon.styles.catalogue import catalog
from velatura_daemon.styles.library import Library, check_name
from velatura_models.store.cards import card_path


def noise_image(width: int = 64, height: int = 48, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def file_of(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.fixture
def library(tmp_path) -> Library:
    return Library(tmp_path / "styles", tmp_path / "cache")


def test_the_library_needs_no_torch():
    code = "import sys, velatura_daemon.styles.library; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_built_in_styles_are_there_before_anything_is_added(library):
    entries = library.list()
    assert [e.name for e in entries] == sorted(catalog()) and all(not e.error for e in entries)
    assert library.get("great-wave").artist == "Katsushika Hokusai"
    assert library.get("great-wave").picture is None and "slim" in library.get("great-wave").cards
    assert library.get("marbling").picture.is_file()
    assert not library.user_dir.exists()


def test_an_added_style_is_kept_byte_for_byte_and_listed_in_its_place(library, tmp_path):
    path = tmp_path / "My Painting.jpg"
    path.write_bytes(file_of(noise_image(), "JPEG"))
    added = library.add("my-painting", path, title="Ma Peinture", artist="Élodie", year="2024", rights="mine")
    assert (
        added == library.get("my-painting") == Library(library.user_dir, library.cache_dir).get("my-painting")
    )
    assert (added.title, added.artist, added.year, added.rights) == ("Ma Peinture", "Élodie", "2024", "mine")
    assert added.kind == "user" and not added.builtin and added.digest
    assert added.picture.read_bytes() == path.read_bytes()
    names = [e.name for e in library.list()]
    assert "my-painting" in names and names == sorted(names)
    with Image.open(added.thumbnail) as thumbnail:
        assert thumbnail.size == (256, 256)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF"])
def test_pictures_of_every_usual_format_are_taken(library, kind):
    entry = library.add(f"a-{kind.lower()}", file_of(noise_image(), kind))
    assert library.read(entry).size == (64, 48)


def test_images_and_arrays_are_kept_without_loss(library):
    image = noise_image()
    first = library.add("image", image)
    second = library.add("array", np.asarray(image))
    for entry in (first, second):
        assert np.array_equal(np.asarray(library.read(entry)), np.asarray(image))
    assert first.digest == second.digest


def test_reading_turns_a_picture_upright_and_reduces_it(library):
    tilted = Image.Exif()
    tilted[0x0112] = 6  # to be turned a quarter clockwise
    entry = library.add("tilted", file_of(noise_image(64, 48), "JPEG", exif=tilted))
    assert library.read(entry).size == (48, 64)
    assert library.read(entry, longest=32).size == (24, 32)


def test_reading_converts_to_srgb(library):
    """An Adobe RGB picture comes out in the sRGB numbers of the same colour."""
    image = Image.new("RGB", (40, 40), (180, 120, 90))
    wide = library.add("wide", file_of(image, "PNG", icc_profile=profile(ADOBE, gamma_curve(2.2))))
    linear = np.linalg.solve(np.array(SRGB), np.array(ADOBE) @ (np.array((180, 120, 90)) / 255) ** 2.2)
    expected = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(expected - (180, 120, 90)).max() > 10
    assert np.abs(np.asarray(library.read(wide), float) - expected).max() < 2


def test_a_damaged_colour_profile_costs_the_profile_and_says_so(library):
    data = file_of(noise_image(), "PNG", icc_profile=b"no profile at all" * 20)
    with pytest.warns(PictureWarning, match="colour profile is damaged and left out"):
        entry = library.add("broken-profile", data)
        assert np.array_equal(np.asarray(library.read(entry)), np.asarray(noise_image()))


def test_transparent_parts_stay_transparent_and_16_bits_become_8(library):
    """Only what is seen is a style: as for a picture that is sent, networks never see what lies behind."""
    half = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    half.paste((0, 0, 255, 255), (0, 0, 40, 20))
    sprite = library.add("sprite", file_of(half))
    assert np.array_equal(np.asarray(library.read(sprite)), np.asarray(half))
    assert np.array_equal(np.asarray(library.read(library.add("memory", half))), np.asarray(half))
    with Image.open(sprite.thumbnail) as thumbnail:
        assert min(thumbnail.getpixel((128, 250))) > 250, "what a list shows lies on white"
    with pytest.raises(VelaturaError, match="transparent everywhere: there is no picture in it"):
        library.add("clear", file_of(Image.new("RGBA", (40, 40), (255, 0, 0, 0))))
    deep = Image.fromarray(np.full((40, 40), 32768, np.uint16))
    assert int(np.asarray(library.read(library.add("deep", file_of(deep, "PNG")))).max()) in (127, 128)


def test_a_thumbnail_comes_as_pixels_ready_to_be_sent(library):
    library.add("mine", noise_image())
    for name in ("mine", "great-wave", "mosaic"):
        layout, data = library.thumbnail(name, 64)
        assert (layout.width, layout.height, layout.channels, layout.depth) == (64, 64, "RGB", "u8")
        assert len(data) == layout.nbytes and len(set(data)) > 20


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("My Painting", "my-painting"),
        ("", ""),
        ("../evil", "evil"),
        ("a--b", "a-b"),
        ("-a", "a"),
        (".hidden", "hidden"),
        ("x" * 65, "x" * 64),
        ("naïve", "naive"),
        ("a\n", "a"),
    ],
)
def test_names_that_break_the_rules_are_refused_with_one_that_does_not(library, name, hint):
    with pytest.raises(FieldError) as error:
        library.add(name, noise_image())
    assert error.value.field == "name"
    assert hint == "" or f"try {hint!r}" in error.value.message
    assert not library.user_dir.exists()


@given(st.text(max_size=200))
def test_style_name_gives_a_valid_name_or_none(text):
    made = style_name(text)
    assert made == "" or check_name(made) == made
    assert len(made) <= LONGEST_NAME and style_name(made) == made


def test_a_name_is_given_only_once(library):
    library.add("mine", noise_image())
    for taken in ("mine", "great-wave"):
        with pytest.raises(FieldError, match="choose another name"):
            library.add(taken, noise_image(seed=1))
    assert np.array_equal(np.asarray(library.read(library.get("mine"))), np.asarray(noise_image()))


def test_the_same_picture_again_is_the_style_that_is_there(library):
    mine = library.add("mine", file_of(noise_image(), "TIFF"), title="Mine", artist="Me")
    assert library.add("mine", noise_image()) == library.add("mine", noise_image(), title="Mine") == mine
    with pytest.raises(FieldError, match="artist: is 'You', but this picture is here as 'mine' with 'Me'"):
        library.add("mine", noise_image(), artist="You")


def test_of_many_that_add_the_same_name_at_once_exactly_one_succeeds(library):
    start = threading.Barrier(8)

    def add(seed: int) -> str:
        start.wait()
        try:
            return library.add("contested", noise_image(seed=seed)).digest
        except FieldError:
            return ""

    with ThreadPoolExecutor(8) as pool:
        digests = [d for d in pool.map(add, range(8)) if d]
    assert len(digests) == 1 and library.get("contested").digest == digests[0]
    assert [path.name for path in library.user_dir.iterdir()] == ["contested"]


@pytest.mark.parametrize(
    ("picture", "code"),
    [
        (b"no picture", "bad_image"),
        (b"", "bad_image"),
        (file_of(noise_image(), "PNG")[:-900], "bad_image"),
        (file_of(noise_image(640, 480), "JPEG")[:3000], "bad_image"),
        (file_of(noise_image(31, 400)), "bad_image"),
        (np.zeros((64, 64), np.uint8), "bad_image"),
        (np.zeros((64, 64, 3), np.float32), "bad_image"),
        (Image.new("F", (64, 64)), "bad_image"),
        (file_of(noise_image(), "ICO"), "bad_image"),
        (Image.new("1", (30000, 3000)), "too_large"),
    ],
    ids=[
        "text",
        "empty",
        "cut-png",
        "cut-jpeg",
        "narrow",
        "flat-array",
        "float-array",
        "float",
        "icon",
        "huge",
    ],
)
def test_pictures_that_cannot_serve_are_refused_and_leave_nothing(library, picture, code):
    with pytest.raises(VelaturaError) as error:
        library.add("mine", picture)
    assert error.value.code == code
    assert not library.user_dir.exists() and "mine" not in [e.name for e in library.list()]


def test_files_over_the_limit_or_absent_are_refused(library, tmp_path, monkeypatch):
    path = tmp_path / "big.png"
    path.write_bytes(file_of(noise_image()))
    monkeypatch.setattr("velatura_daemon.styles.reading.MAX_BYTES", 1000)
    with pytest.raises(VelaturaError, match="at most 1000") as error:
        library.add("mine", path)
    assert error.value.code == "too_large"
    with pytest.raises(VelaturaError, match="absent") as error:
        library.add("mine", tmp_path / "absent.png")
    assert error.value.code == "bad_image"


def test_a_picture_with_more_pixels_than_allowed_is_refused_before_it_is_decoded(library, monkeypatch):
    monkeypatch.setattr(style_pictures, "MAX_PIXELS", 3000)
    monkeypatch.setattr("imagecodecs.png_decode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(VelaturaError, match="64 x 48") as error:
        library.add("mine", file_of(noise_image()))
    assert error.value.code == "too_large"


def test_texts_that_are_too_long_are_refused(library):
    with pytest.raises(FieldError) as error:
        library.add("mine", noise_image(), artist="x" * 201)
    assert error.value.field == "artist"


def test_an_unknown_name_is_answered_with_close_ones(library):
    library.add("my-sunset", noise_image())
    for wrong, near in (
        ("great wave", "great-wave"),
        ("Starry_Night", "starry-night"),
        ("my-sunst", "my-sunset"),
    ):
        with pytest.raises(VelaturaError, match=f"did you mean.*{near}") as error:
            library.get(wrong)
        assert error.value.code == "unknown_style"
    with pytest.raises(VelaturaError, match=r"did you mean '[a-z-]+' or '[a-z-]+' or '[a-z-]+'\?$"):
        library.get("qqqqqqqq")


def test_removed_styles_are_gone_and_built_in_ones_stay(library):
    library.add("mine", noise_image())
    library.remove("mine")
    assert list(library.user_dir.iterdir()) == []
    with pytest.raises(VelaturaError) as error:
        library.remove("mine")
    assert error.value.code == "unknown_style"
    with pytest.raises(FieldError, match="built in"):
        library.remove("great-wave")
    library.add("mine", noise_image(seed=1))


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "style.json").write_text("{"),
        lambda folder: (folder / "style.json").write_text("[]"),
        lambda folder: (folder / "style.json").write_bytes(b"\xff\xfe\x00"),
        lambda folder: (folder / "style.json").unlink(),
        lambda folder: (folder / "picture.png").unlink(),
        lambda folder: (folder / "picture.png").write_bytes(b"half"),
        lambda folder: _rewrite(folder, sha256="short"),
        lambda folder: _rewrite(folder, title=7),
        lambda folder: _rewrite(folder, picture=None),
    ],
)
def test_a_damaged_style_is_listed_with_its_error_and_harms_no_other(library, damage):
    library.add("broken", noise_image())
    library.add("sound", noise_image(seed=1))
    damage(library.user_dir / "broken")
    by_name = {entry.name: entry for entry in library.list()}
    assert by_name["broken"].error and not by_name["sound"].error
    assert len(by_name) == len(catalog()) + 2
    assert by_name["broken"].to_map()["error"] == by_name["broken"].error
    with pytest.raises(VelaturaError, match="remove it and add it again") as error:
        library.get("broken")
    assert error.value.code == "bad_image"
    library.remove("broken")
    library.add("broken", noise_image())
    assert not library.get("broken").error


def _rewrite(folder, **changes) -> None:
    path = folder / "style.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_style_file_cannot_point_outside_its_folder(library, tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(file_of(noise_image()))
    library.add("mine", noise_image())
    _rewrite(library.user_dir / "mine", picture=str(secret), size=secret.stat().st_size)
    entry = next(e for e in library.list() if e.name == "mine")
    assert entry.picture is None and "missing" in entry.error


def test_stray_files_in_the_folder_are_no_styles_and_old_leftovers_are_swept(library):
    library.add("mine", noise_image())
    (library.user_dir / "notes.txt").write_text("hello")
    (library.user_dir / "Not A Style").mkdir()
    left, fresh = library.user_dir / ".gone.1234.adding", library.user_dir / ".new.1234.adding"
    left.mkdir()
    fresh.mkdir()
    os.utime(left, (0, 0))
    assert {e.name for e in library.list()} == {*catalog(), "mine"}
    library.add("other", noise_image(seed=1))
    assert not left.exists() and fresh.exists()


def test_an_add_that_fails_half_way_leaves_nothing(library, monkeypatch):
    def full_disk(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("velatura_daemon.styles.folder.write_through", full_disk)
    with pytest.raises(VelaturaError, match="No space left on device; make room") as caught:
        library.add("mine", noise_image())
    assert caught.value.code == "out_of_memory"  # and not a defect to report
    assert list(library.user_dir.iterdir()) == []


def test_cards_of_one_picture_lie_apart_by_backbone_and_weights(library):
    entry = library.add("mine", noise_image())
    paths = {
        card_path(library.cache_dir, digest, backbone, weights)
        for digest in (entry.digest, "ab12")
        for backbone in ("slim", "vgg19")
        for weights in ("1" * 64, "2" * 64)
    }
    assert len(paths) == 8 and all(p.is_relative_to(library.cache_dir) for p in paths)
    for bad in ("../x", "a/b", "", ".x"):
        with pytest.raises(ValueError, match="file name"):
            card_path(library.cache_dir, bad, "slim", "1")


def test_an_entry_travels_as_plain_values(library):
    entry = library.add("mine", noise_image()).to_map()
    assert json.loads(json.dumps(entry)) == entry
    assert str(library.user_dir) not in json.dumps(entry)
