"""The plug-in's texts: the template is up to date, German is complete, placeholders survive translation."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from velatura_daemon.install.catalogs import read_po

PLUGIN = Path(__file__).parents[2] / "gimp_plugin"
sys.path.insert(0, str(PLUGIN))
import collect  # noqa: E402

GERMAN = read_po(collect.POT.with_name("de.po"))


def test_the_template_is_up_to_date() -> None:
    assert collect.POT.read_text(encoding="utf-8") == collect.pot(), "run: python gimp_plugin/collect.py"


def test_german_is_complete_and_has_nothing_left_over() -> None:
    assert set(GERMAN) - {""} == set(collect.texts())


def test_placeholders_survive_translation() -> None:
    for text, german in GERMAN.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", german)), text
