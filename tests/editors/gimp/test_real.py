"""With the real engine: what GIMP shows is what any other client gets for the same recipe and picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import velatura
from harness import REAL, Daemon
from velatura.blob import Blob
from velatura.editor.geometry import Rect, context_area
from velatura.jobstate import State
from velatura.pictures import icc as profiles
from velatura.pictures.arrays import from_array, upright
from velatura.pictures.metadata import Metadata
from velatura.pixels import Layout
from velatura.recipe import recipe_from_map

from editors.gimp.session import Gimp


@pytest.fixture(scope="module")
def daemon(folder: Path) -> Iterator[Daemon]:
    """A daemon with the real networks, in the dtype that does not depend on how fast the machine is today."""
    with Daemon(REAL, folder / "home", dtype="float32") as daemon:
        yield daemon


@pytest.mark.parametrize(
    "arguments",
    [
        "style='mosaic', method='adain-skip'",
        "style='mosaic', method='multi'",
        "style='mosaic', second_style='woodcut', method='multi'",
    ],
)
def test_stylizes_like_any_other_client(gimp: Gimp, daemon: Daemon, arguments: str) -> None:
    before, result, after = gimp.run(f"""
image, layer = new_image(96, 80)
before = get(layer, "R'G'B'A u8")
result = call("stylize", image, layer, {arguments}, quality="fast", output="in-place")
value = before, result, get(layer, "R'G'B'A u8")
image.delete()
""")
    assert result["status"] == "success", result
    assert result["recipe"]["method"] == ("multi" if "multi" in arguments else "adain-skip")
    with daemon.connect() as talk:
        job = talk.run(recipe_from_map(result["recipe"]), Blob(Layout(96, 80, "RGBA", "u8"), before))
    assert job.state is State.DONE and job.picture is not None
    mine, theirs = (np.frombuffer(data, np.uint8).reshape(80, 96, 4) for data in (after, job.picture.data))
    assert np.abs(mine.astype(int) - theirs.astype(int)).max() <= 1
    was = np.frombuffer(before, np.uint8).reshape(80, 96, 4)
    assert np.array_equal(mine[..., 3], was[..., 3]), "alpha is kept"
    assert np.abs(mine.astype(int) - was.astype(int))[..., :3].mean() > 5, "nothing happened"


def file(name: str) -> str:
    """One of the profiles that come with Krita."""
    return f"Gimp.ColorProfile.new_from_file(Gio.File.new_for_path('/usr/share/color/icc/krita/{name}.icc'))"


KINDS = {
    "rgb": ("rgb", "u8-non-linear", "None"),
    "gray": ("gray", "u8-non-linear", "None"),
    "rgb, 16 bits": ("rgb", "u16-non-linear", "None"),
    "gray, 16 bits": ("gray", "u16-non-linear", "None"),
    "sRGB said by a profile": ("rgb", "u8-non-linear", "Gimp.ColorProfile.new_rgb_srgb()"),
    "Adobe RGB": ("rgb", "u8-non-linear", "Gimp.ColorProfile.new_rgb_adobe()"),
    "Adobe RGB, 16 bits": ("rgb", "u16-non-linear", "Gimp.ColorProfile.new_rgb_adobe()"),
    "gray L*": ("gray", "u8-non-linear", "Gimp.ColorProfile.new_d50_gray_lab_trc()"),
    "gray L*, 16 bits": ("gray", "u16-non-linear", "Gimp.ColorProfile.new_d50_gray_lab_trc()"),
    "ProPhoto, 16 bits": ("rgb", "u16-non-linear", file("LargeRGB-elle-V2-g22")),
    "gray gamma 2.2": ("gray", "u8-non-linear", file("Gray-D50-elle-V2-g22")),
    "gray gamma 2.2, 16 bits": ("gray", "u16-non-linear", file("Gray-D50-elle-V2-g22")),
    "gray with sRGB's curve": ("gray", "u8-non-linear", "Gimp.ColorProfile.new_d65_gray_srgb_trc()"),
}

BY_TABLE = ("gray L*, 16 bits", "gray gamma 2.2, 16 bits")
"""Where a selection costs some of 65,535: GIMP applies masks by way of linear light, and curves by tables."""

VIVID = """
image, layer = new_image(400, 300, mode={mode!r}, precision={precision!r})
image.set_color_profile({profile})
channels = 2 if layer.is_gray() else 4
sample = layer.get_bpp() // channels  # a call to GIMP
stored = bytearray()
for y in range(300):  # ramps, and colours that sRGB cannot show
    for x in range(400):
        alpha = 20 + x if x < 195 and y < 140 else 255
        pixel = (x * 255 // 399, 255 * (y // 25 % 2), (y * 255 // 299 + 9 * (x % 7)) % 256, alpha)
        for value in pixel[2:] if channels == 2 else pixel:
            stored += bytes((value * (x + y) % 256, value))[-sample:]
buffer = layer.get_buffer()
form = ("Y'A" if channels == 2 else "R'G'B'A") + (" u16" if sample > 1 else " u8")
if image.get_color_profile() is not None:
    gi.require_version("Babl", "0.1")
    from gi.repository import Babl
    space = image.get_color_profile().get_space(Gimp.ColorRenderingIntent.RELATIVE_COLORIMETRIC)
    form = Babl.get_name(Babl.format_with_space(form, space))
buffer.set(rectangle(layer), form, bytes(stored))
buffer.flush()
layer.update(0, 0, 400, 300)
del buffer
"""


@pytest.mark.parametrize(
    ("kind", "selected"), [*((kind, True) for kind in KINDS), *((kind, False) for kind in BY_TABLE)]
)
def test_pixels_profile_and_selection_mean_the_same_as_to_any_other_client(
    gimp: Gimp, daemon: Daemon, kind: str, selected: bool
) -> None:
    where = Rect(180, 130, 40, 30) if selected else Rect(0, 0, 400, 300)
    mode, precision, profile = KINDS[kind]
    stored, icc, result, made, place = gimp.run(f"""
{VIVID.format(mode=mode, precision=precision, profile=profile)}
if {selected}:
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 180, 130, 40, 30)
profile = image.get_color_profile()
result = call("stylize", image, layer, style="mosaic", quality="fast")
fresh = Gimp.Item.get_by_id(result["layer"])
place = *tuple(fresh.get_offsets())[1:], fresh.get_width(), fresh.get_height()
icc = bytes(profile.get_icc_profile()) if profile else b""
value = get(layer, None), icc, result, get(fresh, None), place
image.delete()
""")
    assert result["status"] == "success", result
    assert place == [where.x, where.y, where.width, where.height]
    dtype = np.uint16 if precision.startswith("u16") else np.uint8
    whole = np.frombuffer(stored, dtype).reshape(300, 400, -1)
    crop = context_area(Rect(0, 0, 400, 300), where)
    content = np.ascontiguousarray(whole[crop.y : crop.bottom, crop.x : crop.right])
    sent = upright(from_array(content), Metadata(icc_profile=icc), "pil", "content")
    with velatura.connect(start=False, home=daemon.home) as client:
        # as an array: a gray file would get the style's colours, which a gray image has no room for
        theirs = client.stylize(sent.array, "mosaic")
    if sent.profile is not None and sent.original is not None:
        theirs = profiles.from_srgb(theirs, sent.array, sent.original, sent.profile)
    rows, columns = slice(where.y, where.bottom), slice(where.x, where.right)
    theirs = theirs[where.y - crop.y :, where.x - crop.x :][: where.height, : where.width].astype(int)
    mine = np.frombuffer(made, dtype).reshape(theirs.shape)
    assert np.abs(mine.astype(int) - whole[rows, columns]).max() > 20, "nothing happened"
    assert np.abs(mine - theirs).max() <= (16 if selected and kind in BY_TABLE else 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("output", ["new-layer", "in-place"])
def test_strength_0_keeps_every_byte_also_of_colours_that_srgb_cannot_show(
    gimp: Gimp, kind: str, output: str
) -> None:
    mode, precision, profile = KINDS[kind]
    before, after = gimp.run(f"""
{VIVID.format(mode=mode, precision=precision, profile=profile)}
before = get(layer, None)
made = call("stylize", image, layer, style="mosaic", strength=0.0, output={output!r})
assert made["status"] == "success", made
value = before, get(Gimp.Item.get_by_id(made["layer"]), None)
image.delete()
""")
    assert before == after


@pytest.mark.parametrize("output", ["new-layer", "in-place"])
def test_a_style_that_the_network_does_not_know_comes_back_as_an_error_with_text(
    gimp: Gimp, output: str
) -> None:
    result, kind, unchanged = gimp.run(f"""
image, layer = new_image(96, 80)
before = state(image)
procedure = Gimp.get_pdb().lookup_procedure("plug-in-velatura-stylize")
config = procedure.create_config()
config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
config.set_property("image", image)
config.set_core_object_array("drawables", [layer])
config.set_property("style-drawable", layer)
config.set_property("method", "multi")
config.set_property("output", {output!r})
values = procedure.run(config)
value = values.index(0).value_nick, str(values.index(1)), state(image) == before
image.delete()
""")
    assert result == "execution-error" and unchanged
    assert "no network of this method paints in" in kind
    assert "apples-and-grapes" in kind and "any style" in kind, "which there are, and what to do"


def test_a_style_that_nobody_knows_comes_back_as_an_error_with_text(gimp: Gimp) -> None:
    result = gimp.run("""
image, layer = new_image(96, 80)
value = call("stylize", image, layer, style="mozaik", method="multi")
image.delete()
""")
    assert result["status"] == "execution-error"
    assert "mozaik" in result["error"] and "mosaic" in result["error"], result["error"]
