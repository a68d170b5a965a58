"""Translations: the template has every text, German is complete, nothing escapes a pseudo-locale."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from velatura.editor import i18n, words
from velatura.jobstate import State
from velatura_daemon.install.catalogs import compile_catalogs, read_po, to_mo

PLUGIN = Path(__file__).parents[2] / "krita_plugin" / "velatura_krita"
PO = PLUGIN / "po"
DOMAIN = "velatura_krita"
SOURCES = (PLUGIN, Path(i18n.__file__).parent)


def texts_in_sources() -> set[str]:
    """Every literal that the sources hand to `_`."""
    found = set()
    for file in (file for folder in SOURCES for file in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
                assert isinstance(node.args[0], ast.Constant), f"{file.name}:{node.lineno} is no literal"
                found.add(node.args[0].value)
    return found


def msgids(file: Path) -> set[str]:
    """The texts of a catalogue, translated or not."""
    filled = file.read_text("utf-8").replace('msgstr ""', 'msgstr "x"')
    copy = file.with_suffix(".filled")
    try:
        copy.write_text(filled, "utf-8")
        return set(read_po(copy)) - {""}
    finally:
        copy.unlink()


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_the_template_has_every_text() -> None:
    assert msgids(PO / "velatura_krita.pot") == texts_in_sources()


def test_german_is_complete_and_keeps_the_fields() -> None:
    german = {k: v for k, v in read_po(PO / "de.po").items() if k}
    assert set(german) == texts_in_sources()
    wrong = {k for k, v in german.items() if fields(k) != fields(v)}
    assert not wrong


@pytest.fixture
def pseudo(tmp_path: Path) -> Iterator[None]:
    """A language in which every text stands in brackets."""
    target = tmp_path / "xx" / "LC_MESSAGES" / f"{DOMAIN}.mo"
    target.parent.mkdir(parents=True)
    header = "Content-Type: text/plain; charset=UTF-8\n"
    target.write_bytes(to_mo({"": header, **{text: f"[{text}]" for text in texts_in_sources()}}))
    i18n.load(["xx"], tmp_path, DOMAIN)
    yield
    i18n.load(["en"], tmp_path, DOMAIN)


def test_no_words_escape_translation(pseudo: None) -> None:
    states = ("asleep", "starting", "ready", "silent", "missing")
    said = [words.daemon(state, "card", "", "[why]") for state in states]
    said += [words.job(state, 1, "", 40.0, 1, 9) for state in State]
    said += [words.time_left(seconds) for seconds in (1, 20, 300, 9000)]
    assert all(text.startswith("[") for text in said), said


def test_german_is_chosen_by_language(tmp_path: Path) -> None:
    compile_catalogs(PO, tmp_path, DOMAIN)
    i18n.load(["de_AT", "de"], tmp_path, DOMAIN)
    assert i18n._("Apply") == "Anwenden"
    i18n.load(["fi"], tmp_path, DOMAIN)
    assert i18n._("Apply") == "Apply"
