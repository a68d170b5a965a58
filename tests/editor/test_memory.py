"""Presets, recents and the document's annotation survive, and damage never costs anything else."""

from __future__ import annotations

import json
from pathlib import Path

from velatura.editor import annotation
from velatura.editor.annotation import Made
from velatura.editor.memory import RECENT, Memory
from velatura.recipe import Refine, Style, Stylize

WAVE = Stylize((Style("great-wave"),), strength=0.7)


def test_presets_and_recents_are_there_again(tmp_path: Path) -> None:
    file = tmp_path / "velatura" / "memory.json"
    memory = Memory(file)
    memory.keep("mine", WAVE)
    memory.use(Refine((Style("scream"),)))
    memory.use(WAVE)
    memory.use(Refine((Style("scream"),)))
    again = Memory(file)
    assert again.presets == {"mine": WAVE}
    assert again.recent == (Refine((Style("scream"),)), WAVE)
    again.drop("mine")
    assert Memory(file).presets == {}


def test_only_the_newest_recents_stay(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.json")
    for i in range(RECENT + 3):
        memory.use(Stylize((Style(f"s{i}"),)))
    assert len(memory.recent) == RECENT and memory.recent[0].styles[0].name == f"s{RECENT + 2}"


def test_a_damaged_file_is_set_aside_and_told(tmp_path: Path) -> None:
    file = tmp_path / "memory.json"
    file.write_text('{"presets": {"a": {"kind": "stylize"')
    memory = Memory(file)
    assert memory.presets == {} and "memory.damaged.json" in memory.complaint
    assert (tmp_path / "memory.damaged.json").exists()
    memory.keep("new", WAVE)
    assert Memory(file).presets == {"new": WAVE}


def test_two_dialogs_keep_what_the_other_one_kept(tmp_path: Path) -> None:
    file = tmp_path / "memory.json"
    one, other = Memory(file), Memory(file)
    one.keep("mine", WAVE)
    other.set("preview", False)
    other.use(WAVE)
    assert one.presets == Memory(file).presets == {"mine": WAVE}
    assert Memory(file).settings == {"preview": False}


def test_a_preset_of_a_later_version_costs_no_others_and_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "memory.json"
    Memory(file).keep("mine", WAVE)
    stored = json.loads(file.read_text())
    later = {"kind": "later", "glaze": 3}
    file.write_text(json.dumps({**stored, "presets": {**stored["presets"], "later": later}}))
    memory = Memory(file)
    assert list(memory.presets) == ["mine"] and not memory.complaint
    memory.keep("another", WAVE)
    assert json.loads(file.read_text())["presets"]["later"] == later


def test_what_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder belongs")
    memory = Memory(tmp_path / "taken" / "memory.json")
    memory.keep("mine", WAVE)
    assert memory.presets == {"mine": WAVE} and "could not be saved" in memory.complaint


def test_the_annotation_keeps_recipes_by_layer() -> None:
    own = Made(Refine((Style(digest="ab" * 16),)), pictures={"ab" * 16: "file:///mine.png"})
    layers = {"{1}": Made(WAVE, "{0}", "Velatura: Wave", {"build": "x"}), "{2}": own}
    assert annotation.read(annotation.write(layers)) == layers


def test_entries_that_cannot_be_read_cost_no_others() -> None:
    text = annotation.write({"{1}": Made(WAVE)}).decode()
    more = text.replace('"layers": {', '"layers": {"{9}": {"recipe": {"kind": "later"}}, "{8}": 5, ')
    assert set(annotation.read(more.encode())) == {"{1}"}
    assert annotation.read(b"\xff\x00") == annotation.read(b"[]") == {}


def test_a_copied_layer_is_known_as_a_copy() -> None:
    layers = {"{1}": Made(WAVE, "{0}", "Velatura: Wave")}
    assert annotation.copy_of(layers, "{7}", "Copy of Velatura: Wave")
    assert not annotation.copy_of(layers, "{1}", "Velatura: Wave")
    assert not annotation.copy_of(layers, "{7}", "Sky")
