"""Recipes travel with the picture, presets with the artist, and no text escapes translation."""

from __future__ import annotations

from pathlib import Path

import velatura
from pseudo import write_pseudo

from editors.krita.session import Krita


def paint(krita: Krita) -> None:
    krita.run("picture(64, 48); fill(layer, bytes([9, 60, 200, 255]) * 3072, 0, 0, 64, 48)")
    krita.until("doc.activeNode() is not None")
    krita.run("studio.look.choose('mosaic'); studio.look.strength = 0.6; task = studio.apply()")
    krita.until("task.over")
    assert krita.run("task.state") == "done"


def activate(krita: Krita, name: str) -> None:
    krita.run("wanted = next(n for n in layers(doc) if name in n.name())", name=name)
    krita.until("(doc.setActiveNode(wanted), name in doc.activeNode().name())[1]", name=name)
    krita.run("studio.watch()")


def test_a_recipe_survives_saving_and_gives_re_style(krita: Krita, folder: Path) -> None:
    paint(krita)
    saved = str(folder / "recipe.kra")
    assert krita.run("doc.saveAs(path)", path=saved) is True
    krita.run("close_all(); doc = app.openDocument(path); app.activeWindow().addView(doc)", path=saved)
    krita.run("doc.setBatchmode(True); doc.waitForDone()")
    activate(krita, "Velatura")
    assert krita.run("studio.made_words") == "Made with Mosaic of Fans, 60 %"
    krita.run("studio.restyle()")
    assert krita.run("studio.look.styles, studio.look.strength") == [["mosaic"], 0.6]
    krita.until("not doc.activeNode().name().startswith('Velatura')")
    krita.run("task = studio.apply()")
    krita.until("task.over")
    names = krita.run("[n.name().startswith('Velatura') for n in layers(doc)]")
    assert names == [False, True, True], "the newest result lies above the earlier one, not hidden under it"


def test_a_copied_layer_says_that_its_recipe_is_unknown(krita: Krita) -> None:
    paint(krita)
    krita.run("copy = layers(doc)[1].duplicate(); copy.setName('Copy of ' + layers(doc)[1].name())")
    krita.run("doc.rootNode().addChildNode(copy, layers(doc)[1]); doc.waitForDone()")
    activate(krita, "Copy of")
    assert "unknown" in krita.run("studio.made_words")
    assert krita.run("studio.can_restyle") is False


def test_the_selection_as_a_mask_takes_two_steps(krita: Krita) -> None:
    krita.run("picture(64, 48); select(bytes([255]) * 100, 5, 5, 10, 10); before = history()")
    krita.until("doc.activeNode() is not None")
    krita.run("studio.look.choose('mosaic'); studio.look.as_mask = True; task = studio.apply()")
    krita.until("task.over")
    krita.until("len(history()[0]) - len(before[0]) == 2")
    assert krita.run("[n.type() for n in layers(doc)[1].childNodes()]") == ["transparencymask"]
    made = krita.run("[pixels(layers(doc)[1], x, 8, 1, 1)[3] for x in (3, 8, 20)]")
    assert made == [0, 255, 0]


def test_the_actions_are_in_the_menu_and_work(krita: Krita) -> None:
    paint(krita)
    names = [
        "velatura_apply",
        "velatura_apply_last",
        "velatura_refine",
        "velatura_preview",
        "velatura_compare",
    ]
    assert krita.run("[app.action(name) is not None for name in names]", names=names) == [True] * 5
    krita.run("app.action('velatura_preview').trigger()")
    krita.until("studio.preview.shown")
    krita.run("app.action('velatura_compare').trigger()")
    assert krita.run("plugin.surface().held and plugin.surface()._overlay is None") is True
    krita.run("app.action('velatura_compare').trigger(); app.action('velatura_preview').trigger()")
    krita.run("app.action('velatura_apply_last').trigger()")
    krita.until("len(layers(doc)) == 3")


def test_a_style_of_ones_own_from_the_selection(krita: Krita) -> None:
    krita.run("picture(64, 48); select(bytes([255]) * 1600, 5, 5, 40, 40)")
    krita.until("doc.activeNode() is not None")
    krita.run("layer.setName('My sky'); studio.gallery.own.add_from_layer(selected=True)")
    krita.until("any(e.name == 'my-sky' and e.mine for e in studio.gallery.entries)")
    krita.until("studio.look.styles == ('my-sky',)")
    krita.until("studio.gallery.picture('my-sky') is not None or studio.gallery.in_sight(('my-sky',))")
    krita.run("studio.gallery.own.remove('my-sky')")
    krita.until("not any(e.name == 'my-sky' for e in studio.gallery.entries)")


def test_no_text_of_the_docker_escapes_translation(krita: Krita, folder: Path) -> None:
    """Under a language in which every text stands in brackets, every text of a fresh docker does."""
    write_pseudo(folder / "locale", "velatura_krita")
    found = krita.run(
        """
from pathlib import Path
from velatura.editor import i18n
from velatura_krita.widgets.docker import Panel
i18n.load(["xx"], Path(folder), "velatura_krita")
studio.source_words = studio.made_words = studio.gallery.words = ""
panel = Panel(studio, plugin.surface())
said = []
for w in panel.findChildren(QtWidgets.QWidget):
    said += [w.toolTip(), w.accessibleName()]
    said += [getattr(w, name)() for name in ("text", "placeholderText") if hasattr(w, name)]
for menu in panel.findChildren(QtWidgets.QMenu):
    menu.aboutToShow.emit()
    said += [action.text() for action in menu.actions()]
panel.forget()
panel.deleteLater()
i18n.load(["en"], Path(folder), "velatura_krita")
[text for text in said if text]
""",
        folder=str(folder / "locale"),
    )
    plain = {text for text in found if "[" not in text and not text.isdigit()}
    assert plain <= {"●", f"Velatura {velatura.__version__}"}, plain
    assert len(found) > 40
