"""Pictures in and out: the same kind, size, depth, profile and orientation; what is wrong is said."""

from __future__ import annotations

import json
import os
import re
import sys
import zlib
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import profiles
import pytest
import seeds
import tifffile
from PIL import Image, ImageCms
from PIL.JpegImagePlugin import JpegImageFile
from velatura.blob import Picture
from velatura.errors import PictureWarning, VelaturaError
from velatura.pictures import files, icc, images, png
from velatura.pictures.arrays import Most
from velatura.pictures.metadata import Metadata
from velatura.recipe import Style, Stylize

ADOBE = profiles.profile(profiles.ADOBE, profiles.gamma_curve(2.19921875))
RECIPE = Stylize(styles=(Style("great-wave"),), strength=0.25)
CFA = [(33421, 3, 2, (2, 2), True), (33422, 1, 4, b"\0\1\1\2", True)]
RNG = np.random.default_rng(5)


def random(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    if np.dtype(dtype).kind == "f":
        return RNG.random(shape).astype(dtype)
    return RNG.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def back(pixels: images.Pixels, **options):
    """What a daemon that changes nothing gives back."""
    return images.to_kind(Picture(pixels.layout, memoryview(pixels.array.tobytes())), pixels, **options)


# -- arrays and PIL images ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 2), (5, 7, 3), (5, 7, 4)])
def test_an_array_comes_back_as_it_was(shape, dtype):
    array = (
        random(shape, dtype).astype(np.float32).astype(dtype) if dtype == np.float64 else random(shape, dtype)
    )
    pixels = images.read(array)
    assert (pixels.layout.width, pixels.layout.height) == (7, 5)
    assert pixels.blob().layout.nbytes == pixels.array.nbytes
    out = back(pixels)
    assert out.dtype == array.dtype and out.shape == array.shape and np.array_equal(out, array)


def test_views_and_big_endian_arrays_are_read_right():
    array = random((6, 8, 3), np.uint16)
    for seen in (array[::2, ::-1], array.transpose(1, 0, 2), array.astype(">u2")):
        assert np.array_equal(back(images.read(seen)), seen)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16", "F"])
def test_a_pil_image_comes_back_as_it_was(mode):
    if mode in ("I;16", "F"):
        image = Image.fromarray(random((5, 7), np.uint16 if mode == "I;16" else np.float32))
    else:
        image = Image.merge(mode, [Image.fromarray(random((5, 7), np.uint8)) for _ in mode])
    out = back(images.read(image))
    assert out.mode == image.mode and np.array_equal(np.asarray(out), np.asarray(image))


@pytest.mark.parametrize(
    ("mode", "becomes"),
    [
        ("1", "L"),
        ("P", "RGB"),
        ("CMYK", "RGB"),
        ("YCbCr", "RGB"),
        ("HSV", "RGB"),
        ("LAB", "RGB"),
        ("RGBa", "RGBA"),
    ],
)
def test_other_modes_become_the_nearest_plain_one(mode, becomes):
    image = Image.fromarray(random((5, 7, 3), np.uint8))
    image = image.convert("RGBA").convert("RGBa") if mode == "RGBa" else images_in(mode, image)
    assert image.mode == mode
    out = back(images.read(image))
    assert out.mode == becomes and out.size == image.size
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
        assert image is not None
        assert np.abs(np.asarray(out, int) - np.asarray(image, int)).mean() < 2, "but for what 8 bits clip"
    else:
        assert np.array_equal(np.asarray(out), np.asarray(image.convert(becomes)))


def images_in(mode: str, image: Image.Image) -> Image.Image:
    if mode != "LAB":
        return image.convert(mode)
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    out = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
    assert out is not None
    return out


def test_a_palette_s_transparent_colour_becomes_alpha():
    image = Image.new("P", (2, 1), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 0), 1)
    image.info["transparency"] = 1
    assert images.read(image).array[0].tolist() == [[255, 0, 0, 255], [0, 255, 0, 0]]


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((0, 5, 3), np.uint8), "is 5 x 0 pixels"),
        (np.zeros((5, 5, 5), np.uint8), "shape (5, 5, 5)"),
        (np.zeros((5,), np.uint8), "shape (5,)"),
        (np.zeros((5, 5), np.int64), "dtype int64; allowed are uint8"),
        (np.zeros((1, 70000), np.uint8), "at most 65536 a side"),
        (
            np.array([[1.0, np.nan]], np.float32),
            "1 pixels that are not finite numbers, the first at x 1, y 0",
        ),
        (np.array([[np.inf, 1.0]], np.float16), "the first at x 0, y 0"),
        (5, "is a int; give a PIL image, a numpy array or a path"),
    ],
)
def test_what_cannot_be_used_is_said(image, words):
    with pytest.raises(VelaturaError) as caught:
        images.read(image)
    assert words in str(caught.value) and str(caught.value).startswith("image: ")


# -- masks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mask", "depth", "value"),
    [
        (np.ones((5, 7), bool), "u8", b"\xff"),
        (np.full((5, 7), 300, np.uint16), "u16", b"\x2c\x01"),
        (np.full((5, 7), 1, np.float32), "f32", b"\x00\x00\x80\x3f"),
        (Image.new("L", (7, 5), 9), "u8", b"\x09"),
        (Image.new("RGB", (7, 5), "white"), "u8", b"\xff"),
        (Image.new("RGBA", (7, 5), (255, 255, 255, 100)), "u8", b"\x64"),
    ],
)
def test_a_mask_of_any_kind_becomes_gray(mask, depth, value):
    blob = images.read_mask(mask, 7, 5)
    assert (blob.layout.channels, blob.layout.depth) == ("GRAY", depth)
    assert bytes(blob.read(0, blob.layout.nbytes)) == value * 35


def test_a_mask_of_another_size_is_refused_with_both_sizes():
    with pytest.raises(VelaturaError, match="mask: is 3 x 2 pixels; the picture is 7 x 5"):
        images.read_mask(np.ones((2, 3)), 7, 5)


# -- files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [(".png", np.uint8), (".png", np.uint16), (".tif", np.uint8), (".tiff", np.uint16), (".tif", np.float32)],
)
def test_files_keep_every_bit(tmp_path, suffix, dtype, channels):
    array = random((9, 12, channels), dtype)
    path = tmp_path / f"a{suffix}"
    files.save(path, array)
    pixels = images.read(path)
    assert pixels.array.dtype == dtype and np.array_equal(pixels.array, array)
    out = back(pixels)
    assert out == tmp_path / f"a-velatura{suffix}"
    assert np.array_equal(images.read(out).array, array)


def test_a_result_never_replaces_a_file_unasked(tmp_path):
    source = tmp_path / "photo.jpg"
    Image.new("RGB", (8, 8), "red").save(source)
    names = [back(images.read(str(source))).name for _ in range(3)]
    assert names == ["photo-velatura.jpg", "photo-velatura-2.jpg", "photo-velatura-3.jpg"]
    assert files.new_name(tmp_path / "animation.gif").name == "animation-velatura.png"


def test_the_recipe_travels_in_a_png(tmp_path):
    for dtype in (np.uint8, np.uint16):
        path = tmp_path / f"{np.dtype(dtype).name}.png"
        files.save(path, random((4, 4, 3), dtype), recipe=RECIPE)
        assert files.recipe_of(path) == RECIPE
        with Image.open(path) as image:
            assert json.loads(image.text["velatura-recipe"])["kind"] == "stylize"
    files.save(tmp_path / "plain.png", random((4, 4, 3), np.uint8))
    with pytest.raises(VelaturaError, match="holds no recipe"):
        files.recipe_of(tmp_path / "plain.png")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"\1\0\0\0" + zlib.compress(bytes(png.LONGEST_RECIPE + 1)), "more than 1048576 bytes"),
        (b"\1\0\0\0" + b"no deflate", "incorrect header"),
        (b"\0\0\0\0" + b"[" * 100_000, "recursion"),
    ],
    ids=["bomb", "damaged", "deep"],
)
def test_a_recipe_that_means_harm_is_refused(tmp_path, text: bytes, words: str):
    body = b"iTXt" + png.RECIPE_KEY.encode() + b"\0" + text
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    files.save(tmp_path / "plain.png", random((4, 4, 3), np.uint8))
    plain = (tmp_path / "plain.png").read_bytes()
    (tmp_path / "bad.png").write_bytes(plain[:33] + chunk + plain[33:])
    with pytest.raises(VelaturaError, match=words):
        files.recipe_of(tmp_path / "bad.png")


def test_a_style_with_too_many_pixels_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    files.save(tmp_path / "large.tif", np.zeros((64, 64, 3), np.float32))
    monkeypatch.setattr(images, "MAX_STYLE_PIXELS", 4000)
    monkeypatch.setattr(tifffile.TiffPage, "asarray", lambda *_: pytest.fail("decoded"))
    with pytest.raises(VelaturaError, match=r"at most .* 4000 pixels") as error:
        images.read_style(tmp_path / "large.tif")
    assert error.value.code == "too_large"


@pytest.mark.parametrize("name", ["8.png", "8.tif", "8.jpg", "16.png", "16.tif", "float.tif", "double.tif"])
def test_a_file_that_would_be_too_many_bytes_is_refused_before_it_is_decoded(tmp_path, monkeypatch, name):
    """By what is sent: the double of a TIFF travels as a float."""
    kind = {"8": np.uint8, "16": np.uint16, "float": np.float32, "double": np.float64}[name.split(".")[0]]
    array = np.zeros((40, 60, 3), kind)
    if kind == np.float64:
        tifffile.imwrite(tmp_path / name, array, photometric="rgb")
    else:
        files.save(tmp_path / name, array)
    nbytes = files.load(tmp_path / name).layout.nbytes
    assert files.load(tmp_path / name, most=Most(nbytes=nbytes)).layout.nbytes == nbytes
    for owner, decoder in (
        (tifffile.TiffPage, "asarray"), (imagecodecs, "png_decode"), (JpegImageFile, "load"),
    ):  # fmt: skip
        monkeypatch.setattr(owner, decoder, lambda *_: pytest.fail("decoded"))
    with pytest.raises(
        VelaturaError, match=f"60 x 40 .* {nbytes} in all; the daemon takes {nbytes - 1},"
    ) as error:
        files.load(tmp_path / name, most=Most(nbytes=nbytes - 1))
    assert error.value.code == "too_large"


@pytest.mark.parametrize("kind", seeds.SEEDS)
def test_no_kind_of_file_is_refused_that_takes_what_there_is_room_for(kind):
    data, suffix = seeds.SEEDS[kind](), seeds.SUFFIX.get(kind, "")
    nbytes = files.decode(data, suffix=suffix).layout.nbytes
    files.decode(data, suffix=suffix, most=Most(nbytes=nbytes))


@pytest.mark.parametrize("turn", range(1, 9))
def test_every_orientation_is_applied_at_every_depth(tmp_path, turn):
    """Pillow's own exif_transpose is the reference."""
    from PIL import ImageOps

    small = random((4, 6, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = turn
    eight = tmp_path / "8.png"
    Image.fromarray(small).save(eight, exif=exif)
    with Image.open(eight) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    deep = tmp_path / "16.png"
    files.save(deep, small.astype(np.uint16) * 257, Metadata(exif=exif.tobytes()[6:]))
    assert np.array_equal(images.read(eight).array, upright)
    found = images.read(deep)
    assert np.array_equal(found.array, upright.astype(np.uint16) * 257)
    again = images.read(back(found))
    assert np.array_equal(again.array, found.array), "the orientation is not applied twice"


@pytest.mark.parametrize(("suffix", "dtype"), [(".png", np.uint8), (".png", np.uint16), (".tif", np.uint16)])
def test_a_profile_is_kept_and_the_pixels_sent_are_srgb(tmp_path, suffix, dtype):
    array = random((6, 5, 3), dtype)
    path = tmp_path / f"a{suffix}"
    files.save(path, array, Metadata(icc_profile=ADOBE))
    pixels = images.read(path)
    profile = icc.parse(ADOBE)
    assert profile is not None and np.array_equal(pixels.array, icc.to_srgb(array, profile))
    out = back(pixels)
    again = images.read(out)
    assert again.about.icc_profile == ADOBE
    assert again.original is not None and again.original.dtype == dtype
    assert np.array_equal(again.original, array), "nothing was changed, so nothing is lost"


def test_a_preview_of_another_size_is_shown_in_the_profile():
    image = Image.fromarray(random((8, 8, 3), np.uint8))
    image.info["icc_profile"] = ADOBE
    pixels = images.read(image)
    half = pixels.array[::2, ::2].copy()
    small = Picture(images.from_array(half).layout, memoryview(half.tobytes()))
    out = images.result_array(small, pixels)
    assert out.dtype == np.uint8 and out.shape == (4, 4, 3)


def test_a_pil_image_keeps_its_profile():
    image = Image.fromarray(random((3, 3, 3), np.uint8))
    image.info["icc_profile"] = ADOBE
    out = back(images.read(image))
    assert out.info["icc_profile"] == ADOBE and np.array_equal(np.asarray(out), np.asarray(image))


def test_jpeg_loses_alpha_over_white_and_keeps_what_jpeg_can(tmp_path):
    array = np.zeros((16, 16, 4), np.uint8)
    array[:8] = (200, 30, 30, 255)
    files.save(tmp_path / "a.jpg", array, Metadata(icc_profile=ADOBE))
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.mode == "RGB" and image.info["icc_profile"] == ADOBE
        assert image.getpixel((8, 15)) == (255, 255, 255)


def test_wrong_files_are_refused_in_words(tmp_path):
    good = tmp_path / "good.png"
    files.save(good, random((64, 64, 3), np.uint8))
    deep = tmp_path / "deep.png"
    files.save(deep, random((64, 64, 3), np.uint16))
    tiff = tmp_path / "deep.tif"
    files.save(tiff, random((64, 64, 3), np.uint16))
    floats = tmp_path / "nan.tif"
    files.save(floats, np.full((3, 3, 3), np.nan, np.float32))
    cases = {
        "no.png": None,
        "empty.png": b"",
        "text.jpg": b"hello, I am no picture at all, not even a small one",
        "cut.png": good.read_bytes()[:2000],
        "cut16.png": deep.read_bytes()[:2000],
        "cut.tif": tiff.read_bytes()[:2000],
        "cut_head.png": good.read_bytes()[:20],
        "nan.tif": floats.read_bytes(),
    }
    for name, data in cases.items():
        path = tmp_path / f"x-{name}"
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(VelaturaError) as caught:
            images.read(path)
        assert caught.value.code == "bad_image", name
        assert str(path) in str(caught.value), name
    with pytest.raises(VelaturaError, match="cannot be read"):
        images.read(tmp_path)
    os.mkfifo(tmp_path / "pipe.png")
    for endless in (tmp_path / "pipe.png", Path("/dev/zero")):
        with pytest.raises(VelaturaError, match="is a pipe or a device, not a file"):
            images.read(endless)


def test_a_size_that_a_format_does_not_have_is_said(tmp_path):
    with pytest.raises(VelaturaError, match="17000 x 2 cannot be written as WEBP"):
        files.save(tmp_path / "a.webp", np.zeros((2, 17000, 3), np.uint8))
    assert not list(tmp_path.iterdir())


def test_exif_data_too_long_for_a_jpeg_is_left_out(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "x" * 70_000
    files.save(tmp_path / "a.jpg", np.zeros((8, 8, 3), np.uint8), Metadata(exif=exif.tobytes()[6:]))
    assert images.read(tmp_path / "a.jpg").array.shape == (8, 8, 3)


def test_nothing_half_written_is_left(tmp_path):
    with pytest.raises(VelaturaError, match=r"use \.png"):
        files.save(tmp_path / "a.xyz", random((4, 4, 3), np.uint8))
    with pytest.raises(VelaturaError, match="cannot be written"):
        files.save(tmp_path / "none" / "a.png", random((4, 4, 3), np.uint8))
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(VelaturaError, match="cannot be written"):
        files.save(tmp_path / "taken.png", random((4, 4, 3), np.uint8))
    assert [p.name for p in tmp_path.iterdir()] == ["taken.png"]


def test_without_the_codecs_a_deep_file_is_refused_with_the_remedy(tmp_path, monkeypatch):
    files.save(tmp_path / "a.png", random((4, 4, 3), np.uint16))
    monkeypatch.setitem(__import__("sys").modules, "imagecodecs", None)
    with pytest.raises(VelaturaError, match=r"velatura\[daemon\]"):
        images.read(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        ("a.gif", (8, 8), "cannot write '.gif'"),
        ("a.webp", (16384, 8), "16384 x 8 cannot be written as WEBP, which has sides up to 16383"),
        ("a.jpg", (8, 65536), "cannot be written as JPEG"),
        ("夏" * 90 + ".png", (8, 8), "File name too long"),
        ("folder.png", (8, 8), "is a folder"),
        ("photo.png/a.png", (8, 8), "is no folder to write into"),
        ("photo.png", (8, 8), "is the picture itself"),
    ],
)
def test_what_a_result_cannot_become_is_said_before_the_work(tmp_path, name, size: tuple[int, int], words):
    (tmp_path / "folder.png").mkdir()
    files.save(tmp_path / "photo.png", random((8, 8, 3), np.uint8))
    with pytest.raises(VelaturaError) as caught:
        files.check_target(tmp_path / name, *size, tmp_path / "photo.png")
    assert words in str(caught.value)
    files.check_target(tmp_path / "new" / "a.webp", 16383, 8, tmp_path / "photo.png")


def test_the_longest_name_that_a_folder_takes_can_be_written(tmp_path):
    path = tmp_path / ("夏" * 83 + "12.png")  # 255 bytes
    files.save(path, random((4, 4, 3), np.uint8))
    assert images.read(path).array.shape == (4, 4, 3)


def test_what_is_not_seen_is_said():
    clear = np.zeros((40, 40, 4), np.uint8)
    with pytest.raises(VelaturaError, match="style: is transparent everywhere: there is no picture in it"):
        images.read_style(clear)
    with pytest.warns(PictureWarning, match="mask: is 0 .* everywhere, so nothing is painted"):
        images.read_mask(clear, 40, 40)
    with pytest.warns(PictureWarning, match="most of it is above 1, which is white"):
        images.read(np.full((4, 4), 200, np.float32))


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "is HEIC, which is not read; save it as PNG"),
        (b"v/1\x01", "is OpenEXR"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "is PostScript, which is not read; it holds a program"),
        (b"\xc5\xd0\xd3\xc6", "is PostScript"),
        (b"II*\0\x10\0\0\0CR\2\0", "is camera raw; develop it first"),
        (b"FUJIFILMCCD-RAW", "is camera raw"),
        (b"<svg xmlns", "is SVG"),
        (b"\xef\xbb\xbf<svg", "is SVG"),
        (b"<!DOCTYPE html>", "is a web page, which is not read; download the picture itself"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\4CgBI", "is a PNG made for iPhone programs"),
        (b"P7\n", "is PAM"),
        (b"\x1f\x8b\x08", "is compressed by gzip"),
        (b"\x1aE\xdf\xa3", "is a video"),
        (b"#?RGBE", "is Radiance HDR"),
        (b"hello", "is not a picture, or of a kind that is not known"),
    ],
)
def test_formats_that_are_not_read_are_named_whatever_the_file_is_called(tmp_path, head, words):
    path = tmp_path / "a.png"
    path.write_bytes(head + bytes(64))
    with pytest.raises(VelaturaError, match=re.escape(words)):
        images.read(path)


def test_pngs_of_8_bits_need_pillow_alone(monkeypatch):
    for name in ("png", "png gray", "png alpha", "png palette"):
        monkeypatch.setitem(sys.modules, "imagecodecs", imagecodecs)
        wanted = images.read(Image.open(BytesIO(seeds.SEEDS[name]()))).array
        monkeypatch.setitem(sys.modules, "imagecodecs", None)
        assert np.array_equal(files.decode(seeds.SEEDS[name]()).array, wanted)
        assert np.array_equal(files.decode(png.write(wanted, Metadata())).array, wanted)
    with pytest.raises(VelaturaError, match="imagecodecs, which is not installed"):
        files.decode(seeds.SEEDS["png 16"]())


def test_of_a_burst_in_a_jpeg_the_first_is_used_and_said(tmp_path):
    frames = [Image.fromarray(random((8, 8, 3), np.uint8)) for _ in range(3)]
    frames[0].save(tmp_path / "burst.jpg", "MPO", save_all=True, append_images=frames[1:])
    with pytest.warns(PictureWarning, match="first of 3 frames"):
        images.read(tmp_path / "burst.jpg")


@pytest.mark.parametrize("colours, words", [((9, 16, 0, 1), "HDR"), ((1, 13, 0, 0), "narrow range")])
def test_a_png_of_numbers_that_are_no_screen_s_is_refused(colours, words):
    with pytest.raises(VelaturaError, match=words):
        files.decode(seeds.with_chunk(seeds.SEEDS["png"](), b"cICP", bytes(colours)))


def test_what_stands_beside_a_png_s_pixels_is_not_unpacked_by_its_decoder(tmp_path, monkeypatch):
    """A profile of 200 MB in 200 KB costs seconds there; the profile is read elsewhere, with a bound."""
    file = tmp_path / "a.png"
    image = Image.new("P", (5, 4), 1)
    image.putpalette([0, 0, 0, 9, 8, 7])
    image.save(file, icc_profile=bytes(1 << 20), transparency=0, dpi=(300, 300))
    given = []
    real = imagecodecs.png_decode
    monkeypatch.setattr(imagecodecs, "png_decode", lambda data: given.append(data) or real(data))
    with pytest.warns(PictureWarning, match="profile"):
        pixels = files.load(file)
    assert b"iCCP" not in given[0] and b"tRNS" in given[0] and b"PLTE" in given[0]
    assert pixels.array.reshape(-1, pixels.array.shape[2])[0].tolist() == [9, 8, 7, 255]


def test_a_cut_file_is_named_with_its_format_and_the_remedy(tmp_path):
    for name, length in (("a.jpg", 900), ("a.webp", 200), ("a.bmp", 900), ("b.jpg", 4)):
        files.save(tmp_path / name, random((64, 64, 3), np.uint8))
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:length])
        with pytest.raises(
            VelaturaError, match=r"damaged or unusual (JPEG|WEBP|BMP) file.*; save it"
        ) as caught:
            images.read(tmp_path / name)
        assert "object at" not in str(caught.value)


def test_a_thumbnail_before_the_picture_of_a_tiff_is_not_taken_for_it(tmp_path):
    whole, path = random((16, 24, 3), np.uint8), tmp_path / "a.tif"
    turned = [(274, 3, 1, 3, True), (0x8298, 2, 4, "Ann", True)]
    with tifffile.TiffWriter(path) as writer:
        writer.write(whole[::8, ::8], photometric="rgb", subfiletype=1, metadata=None)
        writer.write(whole, photometric="rgb", metadata=None, extratags=turned)
    pixels = images.read(path)
    assert (pixels.array == whole[::-1, ::-1]).all() and b"Ann" in pixels.about.exif


@pytest.mark.parametrize(
    "says", ['{"shape": [3, 8, 8]}', "ImageJ=1.53\nimages=3\n", "<?xml?><OME/>", "a boat"]
)
def test_a_description_of_how_numbers_lie_does_not_travel(tmp_path, says):
    tifffile.imwrite(
        tmp_path / "a.tif", random((8, 8, 3), np.uint8), photometric="rgb", metadata=None, description=says
    )
    pixels = images.read(tmp_path / "a.tif")
    files.save(tmp_path / "b.tif", np.zeros((32, 32, 3), np.uint8), pixels.about)
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        assert tiff.pages[0].description == ("a boat" if says == "a boat" else "")
        assert tiff.asarray().shape == (32, 32, 3)


def test_a_raw_file_is_refused_rather_than_its_thumbnail_painted(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", random((8, 8, 3), np.uint8), extratags=[(50706, 1, 4, b"\1\4\0\0", True)]
    )
    with tifffile.TiffWriter(tmp_path / "nef.tif") as writer:  # the raw within, its thumbnail the first page
        writer.write(random((8, 8, 3), np.uint8), photometric="rgb", subifds=1, metadata=None)
        writer.write(random((64, 64), np.uint16), photometric=32803, metadata=None, extratags=CFA)
    for name in ("a.tif", "nef.tif"):
        with pytest.raises(VelaturaError, match="is camera raw"):
            images.read(tmp_path / name)
