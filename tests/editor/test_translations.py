"""Translations: every text is in every catalogue, German is complete, nothing escapes a pseudo-language."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.frontend import CommandLineInterface
from pseudo import LANGUAGE, catalogue, write_pseudo
from velatura.editor import i18n, words
from velatura.errors import CODES, VelaturaError
from velatura.fields import words as field_words
from velatura.jobstate import State
from velatura_daemon.install.catalogs import CATALOGUES, compile_catalogues
from velatura_models.note import Note

TOP = Path(__file__).parents[2]
SOURCES = [TOP / name for name in ("shared_protocol", "krita_plugin", "gimp_plugin", "daemon", "models")]
DOMAIN = "velatura_krita"
MARKS = ("_", "N_", "Note")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every text that `make texts` collects."""
    target = tmp_path_factory.mktemp("texts") / "en.pot"
    options = [
        "-q",
        "extract",
        "-F",
        str(TOP / "pyproject.toml"),
        "-k",
        "N_",
        "-k",
        "Note",
        "-o",
        str(target),
    ]
    CommandLineInterface().run(["pybabel", *options, *map(str, SOURCES)])
    return {str(message.id) for message in catalogue(target) if message.id}


def fields(text: object) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(str(text)) if name}


def test_texts_of_sources_and_fields_are_collected(texts: set[str]) -> None:
    """Every literal handed to one of `MARKS`, as Python's own parser finds them, and the fields' words."""
    found = {*field_words(), *CODES.values()}
    for file in (file for folder in SOURCES for file in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in MARKS and node.args:
                text = node.args[0]
                if isinstance(text, ast.Constant):
                    found.add(text.value)
    assert found <= texts and len(found) > 250


@pytest.mark.parametrize("path", sorted(CATALOGUES.glob("*.po")), ids=lambda path: path.stem)
def test_catalogues_have_every_text_and_keep_the_fields(path: Path, texts: set[str]) -> None:
    made = catalogue(path)
    assert {message.id for message in made if message.id} == texts, "run: make texts"
    wrong = {m.id for m in made if m.id and m.string and fields(m.id) != fields(m.string)}
    assert not wrong


def test_german_is_complete() -> None:
    open_ones = [m.id for m in catalogue(CATALOGUES / "de.po") if m.id and (m.fuzzy or not m.string)]
    assert open_ones == []


@pytest.fixture
def pseudo(tmp_path: Path) -> Iterator[None]:
    """A language in which every text stands in brackets."""
    write_pseudo(tmp_path, DOMAIN)
    i18n.load([LANGUAGE], tmp_path, DOMAIN)
    yield
    i18n.load(["en"], tmp_path, DOMAIN)


def test_no_words_escape_translation(pseudo: None) -> None:
    states = ("asleep", "starting", "ready", "silent", "missing")
    said = [words.daemon(state, "card", "", "[why]") for state in states]
    said += [words.job(state, 1, "", 40.0, 1, 9) for state in State]
    said += [words.time_left(seconds) for seconds in (1, 20, 300, 9000)]
    assert all(text.startswith("[") for text in said), said


def test_what_the_daemon_notes_is_said_in_the_artist_s_language(tmp_path: Path) -> None:
    """By its text and values; a note without, of an older daemon or unknown here, stays English."""
    compile_catalogues(tmp_path, DOMAIN)
    i18n.load(["de"], tmp_path, DOMAIN)
    stopped = Note("stopped on request at step {step} of {of}", step=3, of=52)
    notes = ["it is flat", stopped, stopped, "it is old"]
    odd = [[], [stopped.text, stopped.values], [stopped.text, {}], ["{0.__class__}", {}], 5]
    try:
        record = {"notes": notes[:1] + notes[1:2], "said": odd}
        assert words.notes(record) == "It is flat. Auf Wunsch bei Schritt 3 von 52 angehalten."
        english = "It is flat. Stopped on request at step 3 of 52."
        assert words.notes({"notes": notes[:2], "said": odd[::-1]}) == english
        assert words.notes({"notes": notes[:2], "said": [odd[4], odd[2]]}) == english
        assert words.notes({"notes": notes[:2]}) == english
    finally:
        i18n.load(["en"], tmp_path, DOMAIN)


def test_an_error_says_in_the_artist_s_language_what_its_code_means(tmp_path: Path) -> None:
    """What was said in it already is said as it is."""
    compile_catalogues(tmp_path, DOMAIN)
    i18n.load(["de"], tmp_path, DOMAIN)
    try:
        assert words.trouble(VelaturaError("busy", "9 jobs wait already; try again later")) == (
            "es ist gerade zu viel zu tun: versuchen Sie es später noch einmal"
            " (9 jobs wait already; try again later)"
        )
        assert words.trouble(words.Told("not_running", "Er ist zu Ende.")) == "Er ist zu Ende."
        assert words.trouble(OSError("disk full")) == "disk full"
    finally:
        i18n.load(["en"], tmp_path, DOMAIN)
    assert words.trouble(VelaturaError("busy", "9 jobs wait already")) == "9 jobs wait already"


def test_every_note_of_the_daemon_is_marked() -> None:
    """What engine and optimisers tell is told as notes, which know their texts."""
    plain = []
    for file in (TOP / "daemon/velatura_daemon/engine").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute) and called.attr == "append":
                told = getattr(called.value, "id", getattr(called.value, "attr", ""))
                plain += [
                    (file.name, node.lineno)
                    for arg in node.args
                    if told == "notes" and isinstance(arg, (ast.Constant, ast.JoinedStr))
                ]
    assert not plain


def test_german_is_chosen_by_language(tmp_path: Path) -> None:
    written = compile_catalogues(tmp_path, DOMAIN)
    assert tmp_path / "de" / "LC_MESSAGES" / f"{DOMAIN}.mo" in written
    i18n.load(["de_AT", "de"], tmp_path, DOMAIN)
    assert i18n._("Apply") == "Anwenden"
    assert i18n._("{n} s left", n=5) == "noch 5 s"
    i18n.load(["fi"], tmp_path, DOMAIN)
    assert i18n._("Apply") == "Apply"


def test_an_editor_may_look_texts_up_itself() -> None:
    try:
        i18n.use({"{n} s left": "{n} s restantes"}.__getitem__)
        assert i18n._("{n} s left", n=5) == "5 s restantes"
    finally:
        i18n.load(["en"], Path("nowhere"), DOMAIN)
