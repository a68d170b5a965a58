"""With the real engine: what GIMP shows is what any other client gets for the same recipe and picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from harness import REAL, Daemon
from velatura.blob import Blob
from velatura.jobstate import State
from velatura.pixels import Layout
from velatura.recipe import recipe_from_map

from editors.gimp.session import Gimp


@pytest.fixture(scope="module")
def daemon(folder: Path) -> Iterator[Daemon]:
    """A daemon with the real networks."""
    with Daemon(REAL, folder / "home") as daemon:
        yield daemon


@pytest.mark.parametrize(
    "arguments",
    [
        "style='mosaic'",
        "style='mosaic', method='multi'",
        "style='mosaic', second_style='woodcut', method='multi'",
    ],
)
def test_stylizes_like_any_other_client(gimp: Gimp, daemon: Daemon, arguments: str) -> None:
    before, result, after = gimp.run(f"""
image, layer = new_image(96, 80)
before = get(layer, "R'G'B'A u8")
result = call("stylize", image, layer, {arguments}, output="in-place")
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
config.set_property("style", "night-cafe")
config.set_property("method", "multi")
config.set_property("output", {output!r})
values = procedure.run(config)
value = values.index(0).value_nick, str(values.index(1)), state(image) == before
image.delete()
""")
    assert result == "execution-error" and unchanged
    assert "no network of this method paints in the style 'night-cafe'" in kind
    assert "mosaic" in kind and "any style" in kind, "which there are, and what to do"


def test_a_style_that_nobody_knows_comes_back_as_an_error_with_text(gimp: Gimp) -> None:
    result = gimp.run("""
image, layer = new_image(96, 80)
value = call("stylize", image, layer, style="mozaik", method="multi")
image.delete()
""")
    assert result["status"] == "execution-error"
    assert "mozaik" in result["error"] and "mosaic" in result["error"], result["error"]
