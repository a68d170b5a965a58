"""Every kind of picture into every format at strength 0, opened again by libraries that did not write it.

`python tests/protocol/test_file_table.py` writes what is kept into docs/files.md.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
import seeds
from velatura.blob import Picture
from velatura.errors import PictureWarning
from velatura.pictures import files, formats, icc, images
from velatura.pictures.arrays import Pixels
from velatura.pictures.metadata import Metadata

PAGE = Path(__file__).parents[2] / "docs" / "files.md"
SUFFIXES = (".png", ".tif", ".jpg", ".webp", ".bmp")
BEGIN, END = "<!-- table: made by tests/protocol/test_file_table.py -->", "<!-- end of table -->"
NEAR = {"jpeg": 3, "jpeg gray": 3, "jpeg cmyk": 6, "avif": 4, "tiff jpeg": 6, "tiff ycbcr": 6, "tiff lab": 3}
"""How far a kind's own coding is from the seeds' numbers, in steps of 8 bits; others hold them exactly."""


def read(kind: str) -> Pixels:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return files.decode(seeds.SEEDS[kind](), kind, seeds.SUFFIX.get(kind, ""))


def written(kind: str, target: Path) -> Path:
    """What a daemon that changes nothing gives back, as a file."""
    pixels = read(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        same = Picture(pixels.layout, memoryview(pixels.array.tobytes()))
        return images.to_kind(same, pixels, out=target)


def opened(path: Path) -> np.ndarray:
    """H x W x C as another library than the writer sees it; Pillow must open it too, where it can."""
    if path.suffix == ".tif":
        array = tifffile.imread(path)
        if array.dtype == np.uint8 or array.ndim == 2:
            with Image.open(path) as image:
                assert np.array_equal(np.asarray(image), array)
    elif path.suffix == ".png":
        array = imagecodecs.imread(path)
        with Image.open(path) as image:
            image.load()
            assert image.size == array.shape[1::-1]
    else:
        with Image.open(path) as image:
            array = np.asarray(image)
        assert array.shape[:2] == imagecodecs.imread(path).shape[:2]
    return array if array.ndim == 3 else array[:, :, None]


def unit(array: np.ndarray) -> np.ndarray:
    return array.astype(float) / (1 if array.dtype.kind == "f" else np.iinfo(array.dtype).max)


def truth(kind: str, channels: int) -> np.ndarray:
    """What the file shows, 0..1, in its own profile; with as many channels."""
    if "fax" in kind:
        return (np.asarray(Image.fromarray(seeds.gray()).convert("1")) * 1.0)[:, :, None]
    colour = seeds.rgb()
    if channels < 3:
        colour = seeds.gray()[:, :, None]
    elif any(word in kind for word in ("palette", "gif")) and "frames" not in kind:
        colour = np.repeat(seeds.gray()[:, :, None], 3, 2)
    whole = colour / 255
    return np.dstack([whole, seeds.alpha() / 255]) if channels in (2, 4) else whole


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", seeds.SEEDS)
def test_every_kind_is_the_same_picture_in_every_format(tmp_path: Path, kind: str, suffix: str) -> None:
    array = opened(written(kind, tmp_path / f"a{suffix}"))
    found, expected = unit(array), truth(kind, read(kind).array.shape[2])
    hard = "fax" in kind or expected.shape[2] in (2, 4)  # edges that JPEG blurs
    if expected.shape[2] in (2, 4):
        alpha = expected[:, :, -1:]
        if found.shape[2] not in (2, 4):
            expected = expected[:, :, :-1] * alpha + 1 - alpha
        else:  # colour behind what is clear is nobody's
            found, expected = np.where(alpha > 0, found, 0), np.where(alpha > 0, expected, 0)
    if found.shape[2] > expected.shape[2]:
        expected = np.repeat(expected, 3, 2)
    if "gif frames" in kind:
        return  # 256 colours of a gradient: opened above, and its pixels are the palette's
    steps = NEAR.get(kind, 0) + {".jpg": 16 if hard else 4}.get(suffix, 0.51) + ("associated" in kind)
    assert np.abs(found - expected).max() * 255 <= steps


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_a_file_says_of_itself_goes_with_it(tmp_path: Path, suffix: str) -> None:
    """Profile, the whole of EXIF, rights and resolution, as far as the format has a place for each."""
    path = written("jpeg", tmp_path / f"a{suffix}")
    kind = formats.of_suffix(suffix)
    assert kind is not None
    with Image.open(path) as image:
        image.load()
        assert (image.info.get("icc_profile") == seeds.ADOBE) == ("profile" in kind.keeps)
        assert ("dpi" in image.info) == ("dpi" in kind.keeps)
        if "dpi" in kind.keeps:
            assert np.allclose([float(v) for v in image.info["dpi"]], 300, atol=0.5)
        exif = image.getexif()
        if "exif" in kind.keeps:
            assert (exif[0x010F], exif[0x8298]) == ("Velatura", "Mine")
            inner, place = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
            assert float(inner[0x829A]) == 0.01 and inner[0x9003] == "2026:01:02 03:04:05"
            assert inner[0x927C] == b"maker's note" and place[1] == "N"
            assert (inner[0xA002], inner[0xA003]) == (seeds.WIDTH, seeds.HEIGHT)
        xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
        xmp = xmp.encode() if isinstance(xmp, str) else xmp
        assert (b"<dc:rights>Mine</dc:rights>" in xmp) == ("xmp" in kind.keeps)
        assert b'tiff:Orientation="6"' not in xmp, "it has been applied"


def test_sizes_in_exif_are_those_of_the_picture_that_is_written(tmp_path: Path) -> None:
    pixels = read("jpeg")
    large = np.repeat(np.repeat(pixels.array, 4, 0), 4, 1)
    picture = Picture(images.from_array(large).layout, memoryview(large.tobytes()))
    with Image.open(images.to_kind(picture, pixels, out=tmp_path / "a.jpg")) as image:
        inner = image.getexif().get_ifd(0x8769)
        assert (inner[0xA002], inner[0xA003]) == image.size == (4 * seeds.WIDTH, 4 * seeds.HEIGHT)


def test_tags_that_say_how_a_tiff_stores_its_pixels_stay_behind(tmp_path: Path) -> None:
    for kind in ("tiff cmyk", "tiff palette", "tiff lab", "tiff tiles", "tiff ycbcr"):
        with tifffile.TiffFile(written(kind, tmp_path / "a.tif")) as tiff:
            tags = tiff.pages[0].tags
            assert not {320, 322, 330, 332, 529, 530, 34675} & set(tags.keys()), kind


def test_exif_and_rights_behind_a_png_s_pixels_are_found() -> None:
    png = seeds.SEEDS["png"]()
    text = b"XML:com.adobe.xmp\0\0\0\0\0" + seeds.XMP
    behind = b"".join(
        seeds.with_chunk(bytes(33), kind, body)[33:]
        for kind, body in ((b"eXIf", seeds.exif()[6:]), (b"iTXt", text))
    )
    about = files.decode(png[:-12] + behind + png[-12:]).about
    assert b"Velatura" in about.exif and b"<dc:rights>Mine" in about.xmp


def test_a_gray_picture_keeps_its_look_where_the_format_has_no_gray(tmp_path: Path) -> None:
    """A linear gray profile fits gray formats; WebP gets the numbers of sRGB and no profile."""
    linear = icc.of_primaries((0.3457, 0.3585), (), 1.0)
    files.save(tmp_path / "a.png", seeds.gray()[:, :, None], Metadata(icc_profile=linear))
    pixels = files.load(tmp_path / "a.png")
    light = seeds.gray() / 255
    srgb = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(pixels.array[:, :, 0] / 65535 - srgb).max() < 1e-3
    same = Picture(pixels.layout, memoryview(pixels.array.tobytes()))
    for suffix in (".png", ".tif", ".jpg", ".webp"):
        again = files.load(images.to_kind(same, pixels, out=tmp_path / f"b{suffix}"))
        assert bool(again.about.icc_profile) == (suffix != ".webp")
        assert np.abs(icc.to_unit(again.array)[:, :, 0] - srgb).max() < 0.03


def test_a_profile_for_other_channels_is_left_out_and_that_is_said() -> None:
    image = Image.fromarray(seeds.gray())
    image.info["icc_profile"] = seeds.ADOBE
    with pytest.warns(PictureWarning, match="its colour profile is for rgb and left out"):
        assert images.read(image).about.icc_profile == b""
    image = Image.fromarray(seeds.rgb())
    image.info["icc_profile"] = icc.lab()
    with pytest.warns(PictureWarning, match="its colour profile is for lab and left out"):
        assert images.read(image).about.icc_profile == b""


def test_a_profile_that_cannot_be_used_stays_and_that_is_said() -> None:
    image = Image.fromarray(seeds.rgb())
    image.info["icc_profile"] = seeds.ADOBE[:200]
    with pytest.warns(PictureWarning, match="cannot be used: its numbers are taken as sRGB's"):
        read = images.read(image)
    assert read.about.icc_profile == seeds.ADOBE[:200] and (read.array == seeds.rgb()).all()


def table() -> str:
    """What becomes of every kind, in Markdown."""
    rows = ["| file | read as | " + " | ".join(f"`{s}`" for s in SUFFIXES) + " |", "|---" * 7 + "|"]
    with tempfile.TemporaryDirectory() as folder:
        for kind in seeds.SEEDS:
            pixels = read(kind)
            shown = pixels.array if pixels.original is None else pixels.original
            cells = [words(shown), *(words(opened(written(kind, Path(folder) / f"a{s}"))) for s in SUFFIXES)]
            rows.append(f"| {kind} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def words(array: np.ndarray) -> str:
    bits = {"u1": "8", "u2": "16", "f2": "half", "f4": "float"}[array.dtype.str[1:]]
    return bits + {1: " gray", 2: " gray, alpha", 3: "", 4: ", alpha"}[array.shape[2]]


def test_the_page_says_what_becomes_of_every_kind() -> None:
    text = PAGE.read_text("utf-8")
    assert text.split(BEGIN)[1].split(END)[0].strip() == table(), f"run: python {__file__}"


if __name__ == "__main__":
    before, rest = PAGE.read_text("utf-8").split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}", "utf-8")
