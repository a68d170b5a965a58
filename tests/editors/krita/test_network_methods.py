"""With the real engine: the method `multi`, whose network paints in its own styles only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from editors.krita.session import Krita

PATIENCE = 240.0
"""Loading torch and the networks on a machine that does other things as well."""


@pytest.fixture
def photo(real: None, krita: Krita) -> np.ndarray:
    """An open picture of soft coloured shapes, (height, width, BGRA)."""
    y, x = np.mgrid[0:120, 0:160] / 40
    planes = [np.sin(x + i) * np.cos(y * (1 + i / 3)) * 100 + 128 for i in range(3)]
    pixels = np.stack([*planes, np.full_like(x, 255)], -1).astype(np.uint8)
    krita.run("picture(160, 120); fill(layer, data, 0, 0, 160, 120)", data=pixels.tobytes())
    krita.until("doc.activeNode() is not None")
    krita.run(
        """
before = history(), whole()
panel = docker("velatura_docker").panel
def method(name):
    box = panel._controls.widget("method")
    box.setCurrentIndex(box.findData(name))
    box.activated.emit(box.currentIndex())
"""
    )
    return pixels


def test_multi_paints_in_a_style_of_its_network(krita: Krita, photo: np.ndarray) -> None:
    krita.run("method('multi'); studio.look.choose('mosaic'); task = studio.apply()")
    krita.until("task.over", PATIENCE)
    assert krita.run("task.state, task.words") == ["done", "Done"]
    assert krita.run("len(history()[0]) - len(before[0][0])") == 1
    made = np.frombuffer(krita.run("pixels(layers(doc)[1], 0, 0, 160, 120)"), np.uint8).reshape(photo.shape)
    assert np.abs(made[..., :3].astype(int) - photo[..., :3]).mean() > 10, "nothing happened"
    assert (made[..., 3] == 255).all()
    assert krita.run("list(paper.recipes(paper.source()).values())[-1].recipe.method") == "multi"


@pytest.fixture
def own_style(krita: Krita, photo: np.ndarray) -> Iterator[None]:
    """A style of the artist's own, which no network that ships was trained for."""
    krita.run("layer.setName('Own sky'); studio.gallery.own.add_from_layer(selected=False)")
    krita.until("any(e.name == 'own-sky' for e in studio.gallery.entries)")
    yield
    krita.run("studio.gallery.own.remove('own-sky')")
    krita.until("not any(e.name == 'own-sky' for e in studio.gallery.entries)")


def test_a_style_that_the_network_does_not_know_is_explained_and_nothing_is_lost(
    krita: Krita, photo: np.ndarray, own_style: None
) -> None:
    krita.run("method('multi'); studio.look.choose('mosaic'); studio.preview.turn(True)")
    krita.until("studio.preview.full_size", PATIENCE)
    krita.run("studio.look.choose('own-sky'); studio.preview.request(released=True)")
    krita.until("studio.preview.words.startswith('No preview')", PATIENCE)
    assert krita.run("studio.preview.shown, plugin.surface()._overlay is None") == [False, True]
    assert "own-sky" in krita.until("panel._preview_words.text()")
    krita.run("task = studio.apply()")
    krita.until("task.over", PATIENCE)
    assert krita.run("task.state, task.can_retry") == ["failed", True]
    words = krita.run("panel._tasks._rows[0]._words.text()")
    assert "No network of this method paints in the style 'own-sky'" in words
    assert "apples-and-grapes" in words and "any style" in words, "which there are, and what to do"
    assert krita.run("history(), whole()") == krita.run("before")
    assert krita.run("studio.look.styles, studio.look.method") == [["own-sky"], "multi"]
    krita.run("studio.dismiss(task); method('auto')")  # as the words say
    krita.until("studio.preview.full_size", PATIENCE)
    krita.run("task = studio.apply()")
    krita.until("task.over", PATIENCE)
    assert krita.run("task.state, len(layers(doc))") == ["done", 2]


def test_several_styles_are_mixed_by_the_network(krita: Krita, photo: np.ndarray) -> None:
    krita.run("method('multi'); studio.look.choose('mosaic'); studio.look.toggle('great-wave')")
    krita.run("task = studio.apply()")
    krita.until("task.over", PATIENCE)
    assert krita.run("task.state") == "done"
    krita.run("recipe = list(paper.recipes(paper.source()).values())[-1].recipe")
    assert krita.run("[(s.name, s.weight) for s in recipe.styles]") == [["mosaic", 0.5], ["great-wave", 0.5]]
