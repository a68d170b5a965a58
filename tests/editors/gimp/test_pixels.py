"""Pixels in, pixels out, for every precision and mode: only the selection changes, and it changes exactly.

The engine here inverts colours, so the right result is known from the picture itself.
"""

from __future__ import annotations

import numpy as np
import pytest

from editors.gimp.session import Gimp

PRECISIONS = [
    f"{depth}-{transfer}"
    for depth in ("u8", "u16", "u32", "half", "float", "double")
    for transfer in ("linear", "non-linear", "perceptual")
]
IMAGES = [(p, "rgb") for p in PRECISIONS] + [
    (p, "gray") for p in ("u8-non-linear", "u16-linear", "float-linear", "double-perceptual")
]


def blended(old: np.ndarray, new: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """What GIMP makes of a soft selection, as it does for its own filters: a mix in linear light."""

    def light(v: np.ndarray) -> np.ndarray:  # IEC 61966-2-1
        return np.where(v <= 0.04045, v / 12.92, ((np.maximum(v, 0.04045) + 0.055) / 1.055) ** 2.4)

    mix = light(old) + weight[..., None] * (light(new) - light(old))
    return np.where(mix <= 0.0031308, mix * 12.92, 1.055 * np.maximum(mix, 0.0031308) ** (1 / 2.4) - 0.055)


def picture(data: bytes, height: int, width: int) -> np.ndarray:
    return np.frombuffer(data, np.float32).reshape(height, width, 4)


@pytest.mark.parametrize(("precision", "mode"), IMAGES)
def test_in_place_changes_the_selection_and_nothing_else(gimp: Gimp, precision: str, mode: str) -> None:
    before, stored, mask, result, after, kept = gimp.run(f"""
image, layer = new_image(precision={precision!r}, mode={mode!r})
soft_ellipse(image, 10, 8, 28, 22)
before, stored = get(layer), get(layer, None)
result = call("stylize", image, layer, style="x", output="in-place")
value = before, stored, selection(image, "Y float"), result, get(layer), get(layer, None)
image.delete()
""")
    assert result["status"] == "success", result
    old, new = picture(before, 40, 48), picture(after, 40, 48)
    weight = np.frombuffer(mask, np.float32).reshape(40, 48)
    outside = weight == 0
    assert outside.any() and (weight > 0.9).any()
    pixel = len(stored) // (40 * 48)
    if precision.startswith(("u8", "u16", "half")):
        as_stored = [np.frombuffer(data, np.uint8).reshape(40, 48, pixel) for data in (stored, kept)]
        assert np.array_equal(as_stored[0][outside], as_stored[1][outside])
    else:  # GIMP's own merging, the only one with undo, computes linear light in single precision
        assert np.abs(new[outside] - old[outside]).max() <= 1e-6
    expected = blended(old[..., :3], 1 - old[..., :3], weight)
    tolerance = {"u8-linear": 0.026, "u16-linear": 2e-4}.get(precision, 1.01 / 255)  # half a step in the dark
    assert np.abs(new[..., :3] - expected).max() <= tolerance
    assert np.abs(new[..., 3] - old[..., 3]).max() < 1e-6


def test_an_indexed_image_gets_the_nearest_colours_of_its_palette(gimp: Gimp) -> None:
    before, mask, result, after = gimp.run("""
image, layer = new_image(mode="indexed")
soft_ellipse(image, 10, 8, 28, 22)
before = get(layer)
result = call("stylize", image, layer, style="x", output="in-place")
value = before, selection(image), result, get(layer)
image.delete()
""")
    assert result["status"] == "success", result
    old, new = picture(before, 40, 48), picture(after, 40, 48)
    outside = np.frombuffer(mask, np.uint8).reshape(40, 48) == 0
    palette = np.unique(old[..., :3].reshape(-1, 3), axis=0)
    assert np.array_equal(new[outside], old[outside])
    inside = np.frombuffer(mask, np.uint8).reshape(40, 48) == 255
    wanted = 1 - old[inside][:, :3]
    best = np.abs(wanted[:, None] - palette[None]).sum(-1).min(1)
    got = np.abs(wanted - new[inside][:, :3]).sum(-1)
    assert np.median(got - best) < 0.1, "not near the nearest palette colours"  # babl's own sense of near


@pytest.mark.parametrize("mode", ["rgb", "gray", "indexed"])
def test_a_new_layer_leaves_the_old_one_alone_and_is_cut_to_the_selection(gimp: Gimp, mode: str) -> None:
    same, result, offsets, pixels, mask, size = gimp.run(f"""
image, layer = new_image(mode={mode!r})
image.select_rectangle(Gimp.ChannelOps.REPLACE, 20, 10, 12, 9)
old = get(layer, None)
result = call("stylize", image, layer, style="x")
fresh = image.get_layers()[0]
value = (old == get(layer, None), result, tuple(fresh.get_offsets())[1:], get(fresh), selection(image),
         (fresh.get_width(), fresh.get_height(), len(image.get_layers()), fresh.get_id()))
image.delete()
""")
    assert result["status"] == "success", result
    width, height, layers, own = size
    assert (same, layers, result["layer"]) == (True, 2, own)
    x, y = offsets
    alpha = picture(pixels, height, width)[..., 3]
    selected = np.frombuffer(mask, np.uint8).reshape(40, 48)[y : y + height, x : x + width] > 0
    assert selected.sum() == 12 * 9
    assert np.array_equal(alpha > 0, selected)


def test_a_new_layer_can_have_the_selection_as_its_mask(gimp: Gimp) -> None:
    selected, mask, colours, old = gimp.run("""
image, layer = new_image()
soft_ellipse(image, 10, 8, 28, 22)
assert call("stylize", image, layer, style="x", output="new-layer-masked")["status"] == "success"
fresh = image.get_layers()[0]
__, x, y = fresh.get_offsets()
box = Gegl.Rectangle.new(x, y, fresh.get_width(), fresh.get_height())
value = (bytes(image.get_selection().get_buffer().get(box, 1.0, "Y u8", Gegl.AbyssPolicy.NONE)),
         get(fresh.get_mask(), "Y u8"), get(fresh),
         bytes(layer.get_buffer().get(box, 1.0, "R'G'B'A float", Gegl.AbyssPolicy.CLAMP)))
image.delete()
""")
    assert mask == selected and len(set(mask)) > 10
    new, was = np.frombuffer(colours, np.float32), np.frombuffer(old, np.float32)
    new, was = new.reshape(-1, 4), was.reshape(-1, 4)
    assert np.abs(new[:, :3] - (1 - was[:, :3])).max() < 1e-6, "the mask was applied twice"


@pytest.mark.parametrize("precision", ["u8-non-linear", "u16-non-linear", "float-linear"])
@pytest.mark.parametrize("mode", ["rgb", "gray"])
def test_all_outputs_blend_the_feather_alike(gimp: Gimp, precision: str, mode: str) -> None:
    seen = gimp.run(f"""
value = []
for output in ("in-place", "new-layer", "new-layer-masked"):
    image, layer = new_image(precision={precision!r}, mode={mode!r})
    layer.flatten()
    soft_ellipse(image, 10, 8, 28, 22)
    assert call("stylize", image, layer, style="x", output=output)["status"] == "success"
    value.append(get(image.flatten()))
    image.delete()
""")
    inside, *others = (picture(data, 40, 48) for data in seen)
    step = {"u8-non-linear": 1.01 / 255, "u16-non-linear": 3 / 65535, "float-linear": 2e-4}[
        precision
    ]  # 16 bits of a mask
    assert all(np.abs(inside - other).max() <= step for other in others)


def test_a_selection_of_16_bits_limits_with_16_bits(gimp: Gimp) -> None:
    mask, alpha = gimp.run("""
image, layer = new_image(precision="u16-non-linear")
layer.flatten()
soft_ellipse(image, 0, 0, 48, 40, 20)
made = Gimp.Item.get_by_id(call("stylize", image, layer, style="x")["layer"])
__, x, y = made.get_offsets()
box = Gegl.Rectangle.new(x, y, made.get_width(), made.get_height())
value = (bytes(image.get_selection().get_buffer().get(box, 1.0, "Y u16", Gegl.AbyssPolicy.NONE)),
         get(made, "Y'A u16"))
image.delete()
""")
    wanted, got = np.frombuffer(mask, np.uint16), np.frombuffer(alpha, np.uint16)[1::2]
    assert np.abs(wanted.astype(int) - got).max() <= 1
    assert len(set(wanted.tolist())) > 256, "the test's selection has 8 bits only"


def test_a_cut_out_stays_cut_out_in_a_new_layer(gimp: Gimp) -> None:
    """A new layer is what a copy of the layer with the filter on it would be: with its mask and looks."""
    for output in ("new-layer", "new-layer-masked"):
        source, made, looks, selected = gimp.run(f"""
image, layer = new_image()
mask = layer.create_mask(Gimp.AddMaskType.WHITE)
layer.add_mask(mask)
put(mask, bytes(range(240)) * 8, "Y u8")
layer.set_opacity(40)
layer.set_mode(Gimp.LayerMode.MULTIPLY)
image.select_rectangle(Gimp.ChannelOps.REPLACE, 8, 6, 20, 17)
fresh = Gimp.Item.get_by_id(call("stylize", image, layer, style="x", output={output!r})["layer"])
__, x, y = fresh.get_offsets()
box = Gegl.Rectangle.new(x, y, fresh.get_width(), fresh.get_height())
value = (bytes(mask.get_buffer().get(box, 1.0, "Y u8", Gegl.AbyssPolicy.NONE)), get(fresh.get_mask(), "Y u8"),
         (fresh.get_opacity(), fresh.get_mode() == Gimp.LayerMode.MULTIPLY), (x, y, box.width, box.height))
image.delete()
""")
        assert source == made and len(set(made)) > 10
        assert looks == [pytest.approx(40, abs=0.2), True]
        assert selected == [8, 6, 20, 17]


def test_layer_offsets_and_layers_larger_than_the_canvas(gimp: Gimp) -> None:
    before, after, result = gimp.run("""
image, layer = new_image(48, 40, layer=(80, 70), offset=(-9, -13))
image.select_rectangle(Gimp.ChannelOps.REPLACE, 5, 6, 10, 8)
before = get(layer)
result = call("stylize", image, layer, style="x", output="in-place")
value = before, get(layer), result
image.delete()
""")
    assert result["status"] == "success", result
    old, new = picture(before, 70, 80), picture(after, 70, 80)
    changed = np.abs(old - new).max(-1) > 0
    assert changed[19 : 19 + 8, 14 : 14 + 10].mean() > 0.95  # some colours are their own opposite
    changed[19 : 19 + 8, 14 : 14 + 10] = False
    assert not changed.any()


def test_an_empty_selection_means_everything_beyond_the_canvas_too(gimp: Gimp) -> None:
    before, after = gimp.run("""
image, layer = new_image(48, 40, layer=(60, 50), offset=(-5, 20))
before = get(layer)
assert call("stylize", image, layer, style="x", output="in-place")["status"] == "success"
value = before, get(layer)
image.delete()
""")
    old, new = picture(before, 50, 60), picture(after, 50, 60)
    assert np.abs(new[..., :3] - (1 - old[..., :3])).max() < 1e-6


def test_a_floating_selection_is_changed_in_place(gimp: Gimp) -> None:
    before, after, refused = gimp.run("""
image, layer = new_image()
image.select_rectangle(Gimp.ChannelOps.REPLACE, 6, 6, 20, 10)
floating = Gimp.Selection.float(image, [layer], 3, 4)
before = get(floating)
refused = call("stylize", image, floating, style="x")
assert call("stylize", image, floating, style="x", output="in-place")["status"] == "success"
value = before, get(floating), refused
image.delete()
""")
    old, new = picture(before, 10, 20), picture(after, 10, 20)
    assert np.abs(new[..., :3] - (1 - old[..., :3])).max() < 1e-6
    assert "anchor it first" in refused["error"]


def test_filters_on_a_layer_are_seen_by_a_new_layer(gimp: Gimp) -> None:
    old, new, still = gimp.run("""
image, layer = new_image()
layer.append_filter(Gimp.DrawableFilter.new(layer, "gegl:invert-gamma", "inverted"))
assert call("stylize", image, layer, style="x")["status"] == "success"
value = get(layer), get(image.get_layers()[0]), len(layer.get_filters())
image.delete()
""")
    seen_then_inverted = picture(new, 40, 48)[..., :3]
    assert np.abs(seen_then_inverted - picture(old, 40, 48)[..., :3]).max() < 0.01
    assert still == 1


def test_a_texture_has_the_size_asked_for_or_fills_the_selection(gimp: Gimp) -> None:
    asked, filled = gimp.run("""
image, layer = new_image()
first = call("texture", image, layer, style="x", width=33, height=21, iterations=2)
image.select_rectangle(Gimp.ChannelOps.REPLACE, 8, 6, 20, 17)
second = call("texture", image, layer, style="x", iterations=2)
def size(result):
    made = Gimp.Item.get_by_id(result["layer"])
    return made.get_width(), made.get_height(), *tuple(made.get_offsets())[1:]
value = size(first), size(second)
image.delete()
""")
    assert asked == [33, 21, 0, 0]
    assert filled == [20, 17, 8, 6]


@pytest.mark.parametrize("kind", ["RGB_IMAGE", "GRAY_IMAGE"])
@pytest.mark.parametrize("output", ["in-place", "new-layer"])
def test_a_layer_without_alpha_as_photographs_have(gimp: Gimp, kind: str, output: str) -> None:
    before, mask, result, after, alpha = gimp.run(f"""
image = Gimp.Image.new(48, 40, Gimp.ImageBaseType.{kind.removesuffix("_IMAGE")})
layer = Gimp.Layer.new(image, "photo", 48, 40, Gimp.ImageType.{kind}, 100, Gimp.LayerMode.NORMAL)
image.insert_layer(layer, None, 0)
put(layer, picture(48, 40))
soft_ellipse(image, 10, 8, 28, 22)
before = get(layer)
result = call("stylize", image, layer, style="x", output={output!r})
flat = image.duplicate().flatten()
value = before, selection(image), result, get(flat), layer.has_alpha()
flat.get_image().delete()
image.delete()
""")
    assert result["status"] == "success", result
    old, new = picture(before, 40, 48), picture(after, 40, 48)
    weight = np.frombuffer(mask, np.uint8).reshape(40, 48) / 255.0
    assert np.abs(new[..., :3] - blended(old, 1 - old, weight)[..., :3]).max() <= 1.6 / 255
    assert np.array_equal(new[weight == 0], old[weight == 0])
    assert alpha is False, "the photograph has become another kind of layer"


def test_an_image_with_a_colour_profile_is_changed_in_what_is_seen(gimp: Gimp) -> None:
    """The engine inverts sRGB values; the layer holds Adobe RGB and keeps it."""
    before, stored, mask, result, after, kept, profile = gimp.run("""
image, layer = new_image()
image.set_color_profile(Gimp.ColorProfile.new_rgb_adobe())
put(layer, bytes(255 if i % 4 == 3 else 64 + v // 2 for i, v in enumerate(picture(48, 40))))
soft_ellipse(image, 10, 8, 28, 22)
before, stored = get(layer), get(layer, None)
result = call("stylize", image, layer, style="x", output="in-place")
profile = image.get_color_profile().get_label()
value = before, stored, selection(image), result, get(layer), get(layer, None), profile
image.delete()
""")
    assert result["status"] == "success", result
    old, new = picture(before, 40, 48), picture(after, 40, 48)
    weight = np.frombuffer(mask, np.uint8).reshape(40, 48) / 255.0
    raw, raw_now = (np.frombuffer(data, np.uint8).reshape(40, 48, 4) for data in (stored, kept))
    assert np.array_equal(raw[weight == 0], raw_now[weight == 0])
    error = np.abs(new[..., :3] - blended(old[..., :3], 1 - old[..., :3], weight))
    assert error.max() <= 2 / 255, "one step of Adobe RGB is up to two of sRGB"
    assert "Adobe" in profile or "compatible" in profile.lower(), profile


@pytest.mark.parametrize("special", ["LinkLayer", "VectorLayer"])
def test_link_and_vector_layers_get_a_new_layer_only(gimp: Gimp, special: str) -> None:
    """GIMP 3.2 has them; before, there is nothing that could be destroyed."""
    if not gimp.value(f"hasattr(Gimp, {special!r})"):
        assert gimp.value("(Gimp.MAJOR_VERSION, Gimp.MINOR_VERSION)") == [3, 0]
        return
    file = gimp.folder / "linked.png"
    refused, made, same, still = gimp.run(f"""
image, layer = new_image()
if {special!r} == "LinkLayer":
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path("{file}"), None)
    special = Gimp.LinkLayer.new(image, Gio.File.new_for_path("{file}"))
else:
    path = Gimp.Path.new(image, "shape")
    image.insert_path(path, None, 0)
    path.bezier_stroke_new_ellipse(20, 20, 12, 9, 0)
    special = Gimp.VectorLayer.new(image, path)
image.insert_layer(special, None, 0)
if {special!r} == "VectorLayer":
    special.refresh()
old = get(special, None)
refused = call("stylize", image, special, style="x", output="in-place")
made = call("stylize", image, special, style="x")
value = refused, made, get(special, None) == old, type(special).__name__
image.delete()
""")
    assert "would destroy that" in refused["error"]
    assert made["status"] == "success", made
    assert same and still == special
