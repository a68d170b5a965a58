"""The whole program under Xvfb: the dialog, repeating, one undo step, and the Cancel button."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from harness import Daemon, until
from PIL import Image

from editors.gimp.session import Gimp
from editors.roots import Root, Screen

WINDOW = "Untitled"
SAID = "words(dialog()._bar._words)"
"""What stands above everything."""


@pytest.fixture(scope="module")
def gimp(root: Root, folder: Path, daemon: Daemon, screen: Screen) -> Iterator[Gimp]:
    """GIMP with an image in a window."""
    with Gimp(root, folder, daemon.home, screen) as gimp:
        gimp.run("image, layer = new_image(400, 300); display = Gimp.Display.new(image); image.clean_all()")
        yield gimp


@pytest.fixture(autouse=True)
def fresh(gimp: Gimp) -> None:
    """One layer, no selection, nothing to undo, and no plug-in of the test before at work."""
    until(lambda: not gimp.plugins(), "the plug-in ends")
    gimp.run("""
for extra in image.get_layers()[:-1]:
    image.remove_layer(extra)
image.set_selected_layers([layer])
Gimp.Selection.none(image)
put(layer, picture(400, 300))
image.clean_all()
""")


def finished(daemon: Daemon) -> int:
    """How many jobs the daemon has finished."""
    return daemon.log().count(": done")


def open_dialog(gimp: Gimp, kind: str, shown: str = "full_size") -> None:
    """Opens a dialog, and waits for the library and its preview."""
    gimp.choose(WINDOW, kind)
    until(lambda: gimp.inside(f"dialog() and dialog().preview.{shown}"), "a preview was made")


@pytest.mark.parametrize("output", ["new-layer", "new-layer-masked", "in-place"])
def test_one_undo_takes_it_all_back(gimp: Gimp, output: str) -> None:
    gimp.run("""
soft_ellipse(image, 50, 50, 200, 200, 30)
image.clean_all()
before = state(image)
""")
    result = gimp.value(f"call('stylize', image, layer, style='x', output={output!r})")
    assert result["status"] == "success", result
    assert gimp.value("image.is_dirty() and state(image) != before")
    gimp.press(WINDOW, "ctrl+z")
    until(lambda: not gimp.value("image.is_dirty()"), "one undo makes the image clean")
    assert gimp.value("state(image) == before")


def test_the_cancel_button_frees_the_daemon(gimp: Gimp, daemon: Daemon) -> None:
    gimp.run("before = state(image)")
    before = finished(daemon)
    gimp.start("value = call('refine', image, layer, style='x', iterations=5000)")
    assert gimp.screen is not None
    window = gimp.screen.windows(WINDOW)[0]
    place = gimp.screen.xdotool("getwindowgeometry", "--shell", window)
    height = int(place.partition("HEIGHT=")[2].split()[0])
    with daemon.connect() as talk:
        talk.until(lambda: [j for j in talk.ask("jobs") if j["state"] == "running"], "the refinement runs")
        for x in range(560, 640, 10):  # the button is at the right end of the status bar
            gimp.screen.xdotool("mousemove", "--window", window, x, height - 18, "click", 1)
            if not gimp.plugins():
                break
        talk.until(lambda: not talk.ask("jobs"), "its job is gone")
    assert gimp.finish()["status"] == "cancel"
    assert finished(daemon) == before, "it ran to its end"
    assert gimp.value("state(image) == before")


def test_a_job_ends_with_the_view_it_was_started_from(gimp: Gimp, daemon: Daemon) -> None:
    """GIMP itself keeps a closed image for as long as a procedure works on it."""
    gimp.run("other, there = new_image(300, 200); window = Gimp.Display.new(other); other.clean_all()")
    open_dialog(gimp, "refine", "shown")
    gimp.inside("dialog().config.set_property('iterations', 5000)")
    gimp.press("Velatura: Refine, for experts", "alt+o")
    with daemon.connect() as talk:
        until(lambda: gimp.inside("dialog()._doing.task and dialog()._doing.task.can_stop"), "it is at work")
        before = finished(daemon)
        gimp.press(WINDOW, "ctrl+w")
        talk.until(lambda: not talk.ask("jobs"), "its job is gone")
    until(lambda: not gimp.plugins(), "the plug-in ends")
    assert finished(daemon) == before, "it ran to its end"
    assert gimp.value("(other.is_valid(), image.is_valid())") == [False, True]


def test_a_selection_that_changes_meanwhile_does_not_change_the_result(gimp: Gimp, daemon: Daemon) -> None:
    """What was selected when the job began counts, and what is selected in the end stays selected."""
    wanted = gimp.run("""
soft_ellipse(image, 50, 50, 200, 200, 30)
assert call("stylize", image, layer, style="x", output="in-place")["status"] == "success"
value = get(layer, None)
put(layer, picture(400, 300))
""")
    gimp.start("value = call('stylize', image, layer, style='wait', output='in-place')")
    with daemon.connect() as talk:
        talk.until(lambda: [j for j in talk.ask("jobs") if j["state"] == "running"], "the job waits")
        gimp.press(WINDOW, "ctrl+shift+a")
        empty = "from gi.repository import Gimp; Gimp.Selection.is_empty(Gimp.get_images()[0])"
        until(lambda: gimp.inside(empty), "GIMP has taken the key")
        (daemon.home / "open").touch()
    assert gimp.finish()["status"] == "success"
    got, empty, channels = gimp.value(
        "(get(layer, None), Gimp.Selection.is_empty(image), len(image.get_channels()))"
    )
    (daemon.home / "open").unlink()
    assert got == wanted
    assert empty and not channels and gimp.value("len(image.get_layers())") == 1


def test_the_dialog_previews_and_runs_and_repeats(gimp: Gimp, daemon: Daemon) -> None:
    open_dialog(gimp, "stylize")
    shown = gimp.inside("colours(dialog().view._image)")
    x, y = gimp.inside("at(dialog().view._image)")
    gimp.screen.xdotool("mousemove", x, y, "mousedown", 1)
    held = until(lambda: (now := gimp.inside("colours(dialog().view._image)")) != shown and now, "it is held")
    gimp.screen.xdotool("mouseup", 1, "mousemove", 5, 5)
    until(lambda: gimp.inside("colours(dialog().view._image)") == shown, "the preview is shown again")
    assert np.abs(np.add(held, shown) - 255).max() < 16, "the engine inverts, and held the original is shown"
    assert np.abs(np.subtract(held, shown)).max() > 60
    assert gimp.inside("dialog().config.get_property('stroke-size')") == 1, (
        "what suits the layer, as a number"
    )
    gimp.press("Velatura: Stylize", "alt+o")
    until(lambda: gimp.value("len(image.get_layers())") == 2, "the result is a new layer")
    recipe = note(gimp)["recipe"]
    assert recipe["kind"] == "stylize" and recipe["styles"][0]["name"], "the first style of the library"
    gimp.press(WINDOW, "ctrl+f")
    until(lambda: gimp.value("len(image.get_layers())") == 3, "Repeat makes another")
    assert note(gimp)["recipe"] == recipe
    assert gimp.value("get(image.get_layers()[0]) == get(image.get_layers()[1])"), "a style on a style"


def test_several_layers_are_painted_with_one_progress(gimp: Gimp, daemon: Daemon) -> None:
    gimp.run("""
image.insert_layer(layer.copy(), None, 0)
originals = image.get_layers()
""")
    gimp.start("value = call('stylize', image, originals, style='wait')")
    with daemon.connect() as talk:
        talk.until(lambda: [j for j in talk.ask("jobs") if j["state"] == "running"], "the first waits")
        assert len(talk.ask("jobs")) == 1, "one after another"
        (daemon.home / "open").touch()
    assert gimp.finish()["status"] == "success"
    (daemon.home / "open").unlink()
    assert gimp.value("len(image.get_layers())") == 4
    gimp.run("image.set_selected_layers(originals)")
    open_dialog(gimp, "stylize")
    gimp.press("Velatura: Stylize", "alt+o")
    until(lambda: gimp.value("len(image.get_layers())") == 6, "each has a new layer")
    until(lambda: not gimp.plugins(), "the plug-in ends")


def test_ok_after_a_failure_paints_only_the_layers_that_are_left(gimp: Gimp, daemon: Daemon) -> None:
    gimp.run("""
narrow = layer.copy()
image.insert_layer(narrow, None, 0)
narrow.scale(100, 80, False)
image.set_selected_layers([layer, narrow])
""")
    (daemon.home / "wide").touch()
    gimp.choose(WINDOW, "stylize")
    until(lambda: "this style always fails" in daemon.log(), "the preview is of the narrow one")
    gimp.press("Velatura: Stylize", "alt+o")
    until(lambda: gimp.value("len(image.get_layers())") == 3, "one has a new layer")
    until(lambda: "always fails" in gimp.inside(SAID), "and it is said why the other has none")
    (daemon.home / "wide").unlink()
    gimp.press("Velatura: Stylize", "alt+o")
    until(lambda: not gimp.plugins(), "the plug-in ends")
    assert gimp.value("sorted(x.get_width() for x in image.get_layers())") == [100, 100, 400, 400]


def test_what_was_tried_is_remembered_and_taken_again(gimp: Gimp, daemon: Daemon) -> None:
    """In the image, until it is closed; also after its layer was deleted."""
    made = gimp.value("call('stylize', image, layer, Gimp.RunMode.WITH_LAST_VALS, style='mosaic')")
    assert made["status"] == "success", made
    gimp.run(f"""
tried = image.get_parasite("velatura-tried")
entries = json.loads(bytes(tried.get_data()))
image.remove_layer(Gimp.Item.get_by_id({made["layer"]}))
image.set_selected_layers([layer])
""")
    assert gimp.value("tried.is_persistent(), entries[-1]['made']['recipe']") == [False, made["recipe"]]
    small = Image.open(io.BytesIO(base64.b64decode(gimp.value("entries[-1]['image']"))))
    colours = [high - low for low, high in small.convert("RGB").getextrema()]
    assert max(small.size) == 96 and min(colours) > 150, "it shows what was made"
    gimp.run("""
entries[-1]["made"]["recipe"] |= {"strength": 0.25, "styles": [{"name": "mosaic", "weight": 1.0}]}
data = json.dumps(entries[-1:]).encode()
image.attach_parasite(Gimp.Parasite.new("velatura-tried", 0, data))
""")
    open_dialog(gimp, "stylize")
    gimp.click("button('Results')")
    gimp.click("button('Mosaic of Fans, 25 %')")
    until(lambda: gimp.inside("dialog().look.strength == 0.25 and dialog().preview.full_size"), "it is taken")
    gimp.press("Velatura: Stylize", "alt+o")
    until(lambda: not gimp.plugins(), "the plug-in ends")
    recipe = note(gimp)["recipe"]
    assert (recipe["styles"][0]["name"], recipe["strength"]) == ("mosaic", 0.25)


def test_a_layer_becomes_a_style_of_the_library_and_goes_again(gimp: Gimp, daemon: Daemon) -> None:
    """Pages that are only looked at leave the style as it is."""
    now = "[dialog().config.get_property(name) for name in ('style-source', 'style')]"
    open_dialog(gimp, "stylize")
    first = gimp.inside(now)
    gimp.click("button('Layer')")
    until(lambda: gimp.inside("button('Add to the library')"), "the page is there")
    assert gimp.inside(now) == first
    gimp.inside("""
from gi.repository import Gimp
dialog().config.set_property("style-drawable", Gimp.get_images()[0].get_layers()[0])
""")
    until(lambda: gimp.inside(now)[0] == "layer", "it is the style")
    gimp.click("button('Add to the library')")
    until(lambda: gimp.inside(now) == ["library", "paint"], "it is chosen in the library")
    gimp.inside("dialog().desk.gallery.own.remove('paint')")
    until(lambda: gimp.inside(now)[1] not in ("", "paint"), "another one is")
    gimp.press("Velatura: Stylize", "Escape")
    until(lambda: not gimp.plugins(), "the plug-in ends")


def test_a_layer_that_went_while_the_dialog_was_open_is_refused_politely(gimp: Gimp, daemon: Daemon) -> None:
    gimp.run("""
extra = layer.copy()
image.insert_layer(extra, None, 0)
image.set_selected_layers([extra])
""")
    open_dialog(gimp, "stylize")
    # GIMP kills a plug-in that reads a layer at the moment in which it goes, and a preview reads it again
    gimp.inside("dialog().preview.turn(False)")
    gimp.run("image.remove_layer(extra); before = state(image)")
    assert not gimp.inside(SAID)
    gimp.press("Velatura: Stylize", "alt+o")
    until(lambda: "has been deleted" in gimp.inside(SAID), "it is said why")
    assert gimp.screen.windows("Velatura: Stylize"), "the dialog stays"
    gimp.press("Velatura: Stylize", "Escape")
    until(lambda: not gimp.plugins(), "the plug-in ends")
    assert gimp.value("state(image) == before")


def test_what_changed_while_the_dialog_was_open_counts_on_ok(gimp: Gimp) -> None:
    """Another precision, another mode and another selection: the result fits the image as it is then."""
    open_dialog(gimp, "stylize")
    gimp.inside("dialog().preview.turn(False)")  # as above
    gimp.run("""
image.convert_precision(Gimp.Precision.U16_NON_LINEAR)
image.convert_grayscale()
image.select_rectangle(Gimp.ChannelOps.REPLACE, 30, 20, 60, 50)
before = get(layer)
""")
    try:
        gimp.press("Velatura: Stylize", "alt+o")
        until(lambda: gimp.value("len(image.get_layers())") == 2, "the result is a new layer")
        alpha, width, (x, y), gray, same = gimp.run("""
fresh = image.get_layers()[0]
value = (get(fresh, "Y'A u8")[1::2], fresh.get_width(), tuple(fresh.get_offsets())[1:],
         fresh.is_gray(), get(layer) == before)
""")
        rows, columns = zip(*((i // width + y, i % width + x) for i, a in enumerate(alpha) if a), strict=True)
        assert (min(columns), min(rows), max(columns) + 1, max(rows) + 1) == (30, 20, 90, 70)
        assert gray and same
    finally:
        gimp.run("""
image.convert_rgb()
image.convert_precision(Gimp.Precision.U8_NON_LINEAR)
""")


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("stylize", "Velatura: Stylize"), ("finest", "Velatura: Refine$"), ("texture", "Velatura: Texture"),
        ("refine", "Velatura: Refine, for"), ("upscale", "Velatura: Upscale"),
    ],
)  # fmt: skip
def test_dialogs_fit_a_small_screen_preview_and_close(
    gimp: Gimp, daemon: Daemon, kind: str, title: str
) -> None:
    gimp.run("before = state(image)")
    gimp.choose_by_menu(WINDOW, kind, title) if kind == "finest" else gimp.choose(WINDOW, kind)
    (window,) = until(lambda: gimp.screen.windows(title), "the dialog appears")
    until(lambda: gimp.inside("dialog() and dialog().preview.shown"), "a preview was made")
    width, height = size_of(gimp.screen, window)
    assert width <= 1366 and height <= 768 - 40, "its buttons lie below the screen"
    gimp.press(title, "Escape")
    until(lambda: not gimp.plugins(), "the plug-in ends")
    assert gimp.value("state(image) == before")


def test_restyle_opens_the_dialog_with_the_recipe_of_the_layer(gimp: Gimp) -> None:
    gimp.run("""
made = call("stylize", image, layer, style="mosaic", strength=0.25)
image.set_selected_layers([Gimp.Item.get_by_id(made["layer"])])
""")
    open_dialog(gimp, "restyle")
    gimp.press("Velatura: Re-style", "alt+o")
    until(lambda: gimp.value("len(image.get_layers())") == 3, "the result is another layer")
    recipe = note(gimp)["recipe"]
    assert (recipe["styles"][0]["name"], recipe["strength"]) == ("mosaic", 0.25)


def test_what_takes_many_steps_is_stopped_and_kept_from_the_dialog(gimp: Gimp, daemon: Daemon) -> None:
    """The Refine filter asks for all the work that the picture is worth; the dialog shows it growing."""
    open_dialog(gimp, "finest", "shown")
    gimp.press("Velatura: Refine", "alt+o")
    until(lambda: gimp.inside("dialog()._doing.task and dialog()._doing.task.can_stop"), "it is at work")
    gimp.press("Velatura: Refine", "alt+k")
    until(lambda: gimp.value("len(image.get_layers())") == 2, "what it has is kept")
    assert note(gimp)["recipe"]["quality"] == "finest"
    until(lambda: not gimp.plugins(), "the plug-in ends")


def size_of(screen: Screen, window: int) -> tuple[int, int]:
    """Width and height of a window."""
    told = dict(
        line.split("=") for line in screen.xdotool("getwindowgeometry", "--shell", window).splitlines()
    )
    return int(told["WIDTH"]), int(told["HEIGHT"])


def note(gimp: Gimp) -> dict:
    """What the top layer's parasite holds."""
    return gimp.value(
        "json.loads(bytes(image.get_layers()[0].get_parasite('velatura-recipe').get_data()).rstrip(b'\\0'))"
    )
