"""Calls through the PDB, from Python-Fu and Script-Fu: results, error texts, recipes, refusals."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from harness import Daemon
from velatura.fields import adjustable
from velatura.recipe import RECIPES, Refine, Stylize, recipe_from_map, settled

from editors.gimp.session import Gimp

REFUSALS = {
    "nothing named": ("call('stylize', image, layer)", "No style is chosen"),
    "no layer": ("call('stylize', image, [], style='x')", "Choose a layer"),
    "one of two locked, in place": (
        "image.insert_layer(layer.copy(), None, 0), layer.set_lock_content(True),"
        " call('stylize', image, image.get_layers(), style='x', output='in-place')",
        "are locked",
    ),
    "two layers to re-style by what one carries": ("call('restyle', image, [layer, layer])", "no recipe"),
    "a selection elsewhere": (
        "image.select_rectangle(2, 0, 0, 3, 3), layer.set_offsets(20, 20),"
        " call('stylize', image, layer, style='x')",
        "does not touch",
    ),
    "a layer mask": (
        "layer.add_mask(layer.create_mask(0)), call('stylize', image, layer.get_mask(), style='x')",
        "choose a layer",
    ),
    "locked pixels": (
        "layer.set_lock_content(True), call('stylize', image, layer, style='x', output='in-place')",
        "are locked",
    ),
    "a group in place": (
        "group(), call('stylize', image, image.get_layers()[0], style='x', output='in-place')",
        "is a layer group",
    ),
    "a text layer in place": (
        "text(), call('stylize', image, image.get_layers()[0], style='x', output='in-place')",
        "is a text layer",
    ),
    "a layer of a locked group": (
        "group(), image.get_layers()[0].set_lock_content(True),"
        " call('stylize', image, image.get_layers()[0].get_children()[0], style='x', output='in-place')",
        "are locked",
    ),
    "what the engine refuses": ("call('stylize', image, layer, style='fail')", "this style always fails"),
    "in place, what the engine refuses": (
        "call('stylize', image, layer, style='fail', output='in-place')",
        "this style always fails",
    ),
    "no recipe to start from": ("call('restyle', image, layer)", "carries no recipe"),
    "a recipe that is none": ("call('restyle', image, layer, recipe='[1]')", "must be a map"),
    "a recipe out of range": (
        "call('restyle', image, layer, recipe='{\"kind\": \"stylize\", \"strength\": 7, "
        "\"styles\": [{\"name\": \"x\"}]}')",
        "recipe.strength: is 7; allowed is 0 to 1",
    ),
}  # fmt: skip

PREPARE = """
image, layer = new_image()
def group():
    made = Gimp.GroupLayer.new(image, "group")
    image.insert_layer(made, None, 0)
    image.insert_layer(layer.copy(), made, 0)
def text():
    made = Gimp.TextLayer.new(image, "Velatura", Gimp.context_get_font(), 20, Gimp.Unit.pixel())
    image.insert_layer(made, None, 0)
"""


@pytest.mark.parametrize("what", REFUSALS)
def test_refuses_in_words_and_leaves_the_image_as_it_was(gimp: Gimp, what: str) -> None:
    steps, words = REFUSALS[what]
    result, before, after = gimp.run(f"""
{PREPARE}
seen = []
plain = call
def call(*arguments, **more):  # looks at the image just before
    image.clean_all()
    seen.append(state(image))
    return plain(*arguments, **more)
result = ({steps},)[-1]
result = result[-1] if isinstance(result, tuple) else result
call = plain
value = result, seen[0], state(image)
image.delete()
""")
    assert result["status"] in ("execution-error", "calling-error")
    assert words in result["error"]
    assert before == after
    assert before[-1] is False, "the image counts as changed"


@pytest.mark.parametrize(("output", "layers"), [("new-layer", 4), ("in-place", 2)])
def test_several_layers_are_painted_one_after_another(gimp: Gimp, output: str, layers: int) -> None:
    result, count, notes, alike = gimp.run(f"""
image, layer = new_image()
image.insert_layer(layer.copy(), None, 0)
image.get_layers()[0].set_name("second")
result = call("stylize", image, image.get_layers(), style="x", output={output!r})
made = [x for x in image.get_layers() if x.get_parasite("velatura-recipe")]
value = (result, len(image.get_layers()), len(made), get(made[0]) == get(made[1]))
image.delete()
""")
    assert result["status"] == "success", result
    assert (count, notes, alike) == (layers, 2, True)


@pytest.mark.parametrize("special", ["group", "text"])
def test_groups_and_text_get_a_new_layer_and_stay_what_they_are(gimp: Gimp, special: str) -> None:
    result, still, position = gimp.run(f"""
{PREPARE}
{special}()
chosen = image.get_layers()[0]
result = call("stylize", image, chosen, style="x")
value = (result, (chosen.is_group() or chosen.is_text_layer()) and chosen.is_valid(),
         [x.get_id() for x in image.get_layers()].index(result["layer"]))
image.delete()
""")
    assert result["status"] == "success", result
    assert still and position == 0


def test_the_recipe_comes_back_and_travels_with_the_layer_through_a_file(gimp: Gimp) -> None:
    file = gimp.folder / "kept.xcf"
    result, note = gimp.run(f"""
image, layer = new_image()
result = call("stylize", image, layer, style="x", strength=0.25, stroke_size=2.0, color="luminance")
Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path("{file}"), None)
image.delete()
again = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path("{file}"))
note = bytes(again.get_layers()[0].get_parasite("velatura-recipe").get_data()).decode().rstrip(chr(0))
value = result, note
again.delete()
""")
    recipe = recipe_from_map(result["recipe"])
    assert isinstance(recipe, Stylize)
    assert recipe.styles[0].name == "x"
    assert (recipe.strength, recipe.scale, recipe.color) == (0.25, 2.0, "luminance")
    assert recipe_from_map(json.loads(note)["recipe"]) == recipe


def test_strokes_suit_the_layer_unless_they_are_given(gimp: Gimp) -> None:
    suited, given = gimp.run("""
image, layer = new_image()
image.scale(2048, 16)
value = [call("stylize", image, layer, style="x", **more) for more in ({}, {"stroke_size": 1.0})]
""")
    assert (suited["recipe"]["scale"], given["recipe"]["scale"]) == (2, 1)


def test_restyle_runs_the_recipe_again_on_the_layer_it_was_made_from(gimp: Gimp) -> None:
    first, second, size = gimp.run("""
image, layer = new_image()
image.select_rectangle(Gimp.ChannelOps.REPLACE, 20, 10, 12, 9)
made = call("stylize", image, layer, style="x")
first = get(Gimp.Item.get_by_id(made["layer"]))
again = call("restyle", image, Gimp.Item.get_by_id(made["layer"]), output="in-place")
second = get(Gimp.Item.get_by_id(again["layer"]))
value = first, second, (len(image.get_layers()), Gimp.Item.id_is_valid(made["layer"]))
image.delete()
""")
    assert first == second
    assert size == [2, False], "the new result did not take the old one's place"


def test_a_result_copied_into_another_image_is_not_made_from_a_stranger_there(gimp: Gimp) -> None:
    """Every image counts its layers from 1: the number of the source names another layer in another image."""
    own, photo, colours = gimp.run("""
image, layer = new_image()
made = call("stylize", image, layer, style="x")
other, photo = new_image()
put(photo, bytes((9, 9, 9, 255)) * (48 * 40))
assert photo.get_tattoo() == layer.get_tattoo()
copy = Gimp.Layer.new_from_drawable(Gimp.Item.get_by_id(made["layer"]), other)
other.insert_layer(copy, None, 0)
again = call("restyle", other, copy)
value = get(copy), get(photo), get(Gimp.Item.get_by_id(again["layer"]))
image.delete()
other.delete()
""")
    was, now = (np.frombuffer(data, np.float32).reshape(-1, 4)[:, :3] for data in (own, colours))
    assert np.abs(now - (1 - was)).max() < 1e-6, "not made from the copy itself"
    assert own != photo


def test_a_result_of_version_0_1_still_knows_what_it_was_made_from(gimp: Gimp) -> None:
    first, second = gimp.run("""
image, layer = new_image()
image.select_rectangle(Gimp.ChannelOps.REPLACE, 20, 10, 12, 9)
made = Gimp.Item.get_by_id(call("stylize", image, layer, style="x")["layer"])
note = {"recipe": {"kind": "stylize", "styles": [{"name": "x"}]}, "source": {"layer": layer.get_tattoo()}}
made.attach_parasite(Gimp.Parasite.new("velatura-recipe", 1, json.dumps(note).encode()))
first = get(made)
value = first, get(Gimp.Item.get_by_id(call("restyle", image, made, output="in-place")["layer"]))
image.delete()
""")
    assert first == second


def test_restyle_in_place_keeps_mask_opacity_and_soft_alpha(gimp: Gimp) -> None:
    before, after, looks = gimp.run("""
image, layer = new_image()
made = Gimp.Item.get_by_id(call("stylize", image, layer, style="x")["layer"])
mask = made.create_mask(Gimp.AddMaskType.WHITE)
made.add_mask(mask)
put(mask, bytes(range(240)) * 8, "Y u8")
made.set_opacity(40)
made.set_mode(Gimp.LayerMode.MULTIPLY)
before = get(made), get(mask, "Y u8")
again = Gimp.Item.get_by_id(call("restyle", image, made, output="in-place")["layer"])
value = (before, (get(again), get(again.get_mask(), "Y u8")),
         (again.get_opacity(), again.get_mode() == Gimp.LayerMode.MULTIPLY, len(image.get_layers())))
image.delete()
""")
    assert before == after
    assert looks == [pytest.approx(40, abs=0.2), True, 2]


@pytest.mark.parametrize("mode", ["rgb", "gray"])
def test_an_enlargement_is_a_picture_of_its_own_of_the_same_kind(gimp: Gimp, mode: str) -> None:
    result, small, large, kinds = gimp.run(f"""
image, layer = new_image(mode={mode!r}, precision="u16-non-linear")
image.select_rectangle(Gimp.ChannelOps.REPLACE, 10, 8, 20, 16)
image.clean_all()
before = state(image)
result = call("restyle", image, layer, recipe=json.dumps({{"kind": "upscale", "factor": 4}}))
made = Gimp.Item.get_by_id(result["layer"])
own = made.get_image()
area = Gegl.Rectangle.new(10, 8, 20, 16)
form = "R'G'B'A float"
value = (result, bytes(layer.get_buffer().get(area, 1.0, form, Gegl.AbyssPolicy.NONE)), get(made),
         [own.get_base_type() == image.get_base_type(), own.get_precision() == image.get_precision(),
          (own.get_width(), own.get_height(), len(own.get_layers())), state(image) == before])
image.delete()
own.delete()
""")
    assert result["recipe"]["kind"] == "upscale"
    assert kinds == [True, True, [80, 64, 1], True]
    was = np.frombuffer(small, np.float32).reshape(16, 20, 4)
    assert np.array_equal(np.frombuffer(large, np.float32).reshape(64, 80, 4), was.repeat(4, 0).repeat(4, 1))


def test_a_style_can_be_a_file_or_a_layer(gimp: Gimp) -> None:
    file = gimp.folder / "style.png"
    from_file, from_layer, gone, again = gimp.run(f"""
image, layer = new_image()
Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path("{file}"), None)
from_file = call("stylize", image, layer, style_picture=Gio.File.new_for_path("{file}"))
from_layer = call("stylize", image, layer, style_drawable=layer)
gone = call("stylize", image, layer, style="x", style_source="layer")
again = [call("restyle", image, Gimp.Item.get_by_id(made["layer"])) for made in (from_file, from_layer)]
value = from_file, from_layer, gone, again
image.delete()
""")
    assert [found["recipe"]["styles"] for found in again] == [from_file["recipe"]["styles"]] * 2
    digests = [r["recipe"]["styles"][0]["digest"] for r in (from_file, from_layer)]
    assert len(digests[0]) == 32 and digests[0] == digests[1], "the same pixels, the same style"
    assert "is gone" in gone["error"]


@pytest.mark.parametrize("what", ["layer", "channel"])
def test_a_style_is_painted_where_a_layer_or_channel_is_white(gimp: Gimp, what: str) -> None:
    """Half of it is white, a strip of that transparent; Re-style knows where it was, also by the dialog's
    values."""
    file = gimp.folder / f"{what}.xcf"
    before, after, again, gone = gimp.run(f"""
image, layer = new_image()
if {what!r} == "layer":
    white = Gimp.Layer.new(image, "white", 24, 40, Gimp.ImageType.RGBA_IMAGE, 100, Gimp.LayerMode.NORMAL)
    white.set_offsets(24, 0)
    image.insert_layer(white, None, 1)
    put(white, (bytes((255, 255, 255, 255)) * 12 + bytes((255, 255, 255, 0)) * 12) * 40)
else:
    white = Gimp.Channel.new(image, "white", 48, 40, 100, Gegl.Color.new("black"))
    image.insert_channel(white, None, 0)
    put(white, (bytes(24) + bytes([255]) * 12 + bytes(12)) * 40, "Y u8")
made = call("stylize", image, layer, style="x", style_mask=white)
assert made["status"] == "success", made
Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path("{file}"), None)
before, after = get(layer, None), get(Gimp.Item.get_by_id(made["layer"]), None)
image.delete()
image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path("{file}"))
result = image.get_layers()[0]
again = get(Gimp.Item.get_by_id(call("restyle", image, result)["layer"]), None)
(image.remove_channel if image.get_channels() else image.remove_layer)(
    (image.get_channels() or image.get_layers()[-1:])[0])
value = before, after, again, call("restyle", image, result)
image.delete()
""")
    old, new = (np.frombuffer(data, np.uint8).reshape(40, 48, 4)[..., :3] for data in (before, after))
    assert np.array_equal(new[:, 24:36], 255 - old[:, 24:36])
    assert np.array_equal(new[:, :24], old[:, :24]) and np.array_equal(new[:, 36:], old[:, 36:])
    assert again == after
    assert "where a style is painted is gone" in gone["error"]


def test_two_styles_are_mixed_in_the_given_shares(gimp: Gimp) -> None:
    result = gimp.run("""
image, layer = new_image()
value = call("refine", image, layer, style="a", second_style="b", mix=0.25, iterations=3, seed=7)
image.delete()
""")
    styles = [(s["name"], s["weight"]) for s in result["recipe"]["styles"]]
    assert styles == [("a", 0.75), ("b", 0.25)]
    assert [result["recipe"][key] for key in ("kind", "iterations", "seed")] == ["refine", 3, 7]


def test_last_values_are_used_again(gimp: Gimp) -> None:
    """GIMP remembers what was run from its menus; without such a run the defaults count."""
    result = gimp.run("""
image, layer = new_image()
value = call("stylize", image, layer, Gimp.RunMode.WITH_LAST_VALS)
image.delete()
""")
    assert "No style is chosen" in result["error"]


def test_what_the_daemon_notes_of_a_result_is_told_to_a_person(gimp: Gimp) -> None:
    said = []
    for mode in ("NONINTERACTIVE", "WITH_LAST_VALS"):
        gimp.run(f"""
image, layer = new_image()
assert call("stylize", image, layer, Gimp.RunMode.{mode}, style="noted")["status"] == "success"
image.delete()
""")
        said.append(gimp.log.read_text().count("It is inverted."))
    assert said == [0, 1], "a script has no use for it"


def test_gimp_replaces_numbers_out_of_range_by_the_default(gimp: Gimp) -> None:
    result = gimp.run("""
image, layer = new_image()
value = call("stylize", image, layer, style="x", strength=7.0)
image.delete()
""")
    assert result["recipe"]["strength"] == 1.0


def test_script_fu_calls_it_with_named_arguments(gimp: Gimp) -> None:
    layers, failed = gimp.run("""
image, layer = new_image()
fu = Gimp.get_pdb().lookup_procedure("plug-in-script-fu-eval")
def script(code):
    config = fu.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("script", code)
    values = fu.run(config)
    return values.index(0).value_nick, Gimp.get_pdb().get_last_error()
call_it = ('(plug-in-velatura-stylize #:run-mode RUN-NONINTERACTIVE #:image %d #:drawables (vector %d)'
           ' #:style "%s")')
good = script(call_it % (image.get_id(), layer.get_id(), "x"))
layers = len(image.get_layers())
bad = script(call_it % (image.get_id(), layer.get_id(), "fail"))
value = (good, layers), bad
image.delete()
""")
    assert layers[1] == 2, layers
    assert failed[0] != "success" and "this style always fails" in failed[1]


def test_every_argument_is_documented_and_has_the_recipe_s_range_and_default(gimp: Gimp) -> None:
    kinds = [*(name for name, cls in RECIPES.items() if "gimp" in cls.FACTS.editors), "restyle"]
    found = gimp.run(f"""
value = {{}}
for kind in {kinds!r}:
    procedure = Gimp.get_pdb().lookup_procedure("plug-in-velatura-" + kind)
    arguments = [(a.name, a.nick, a.blurb, a.default_value if hasattr(a, "maximum") else None,
                  getattr(a, "maximum", None)) for a in procedure.get_arguments()]
    value[kind] = arguments, procedure.get_blurb(), procedure.get_help()
""")
    for kind, (arguments, blurb, help_words) in found.items():
        assert blurb and help_words
        assert all(nick and words for _, nick, words, *_ in arguments)
        numbers = {name: (default, most) for name, _, _, default, most in arguments if most is not None}
        for field in adjustable(RECIPES[kind]) if kind in RECIPES else ():
            if field.sort in ("number", "whole"):
                stated = 0 if field.shown.fits or field.shown.suits else field.default
                assert numbers[field.argument] == (pytest.approx(stated), field.high)


def test_a_refinement_takes_the_recipe_s_defaults(gimp: Gimp) -> None:
    result = gimp.run("""
image, layer = new_image()
value = call("refine", image, layer, style="a", iterations=2, smoothness=30.0)
image.delete()
""")
    ran = settled(recipe_from_map(result["recipe"]))  # what is left out is the objective's
    assert isinstance(ran, Refine) and (ran.optimizer, ran.tv_weight) == ("lbfgs", 30.0)


def test_an_enlargement_has_a_procedure(gimp: Gimp) -> None:
    result, size = gimp.run("""
image, layer = new_image()
result = call("upscale", image, layer, factor="4", strength=0.5)
made = Gimp.Item.get_by_id(result["layer"])
value = result, (made.get_width() / layer.get_width(), made.get_image().get_id() != image.get_id())
made.get_image().delete()
image.delete()
""")
    assert result["recipe"] == {"kind": "upscale", "factor": 4, "strength": 0.5, "networks": []}
    assert size == [4.0, True]


def test_kill_9_during_a_refine_frees_the_daemon_within_two_seconds(gimp: Gimp, daemon: Daemon) -> None:
    gimp.run("image, layer = new_image()")
    gimp.start("value = call('refine', image, layer, style='x', iterations=5000)")
    with daemon.connect() as talk:
        talk.until(lambda: [j for j in talk.ask("jobs") if j["state"] == "running"], "the refinement runs")
        gimp.kill_plugin()
        killed = time.monotonic()
        talk.until(lambda: not talk.ask("jobs"), "its job is gone")
        took = time.monotonic() - killed
    result = gimp.finish()
    gimp.run("image.delete()")
    assert took < 2.0
    assert result["status"] != "success"
