"""The gallery: what can be chosen, what is shown of it, and styles of one's own."""

from __future__ import annotations

from velatura.editor.gallery import entry_of, free_name


def test_styles_that_cannot_be_used_say_what_to_do() -> None:
    entry = entry_of({"name": "wave", "has_picture": False, "cards": []})
    assert entry.title == "wave" and "styles pull wave" in entry.error
    assert entry_of({"name": "wave", "has_picture": False, "cards": ["slim"]}).error == ""


def test_a_style_of_ones_own_gets_a_free_name() -> None:
    assert free_name("Mein Cœur (2)", set()) == "mein-cur-2"
    assert free_name("Sky", {"sky", "sky-2"}) == "sky-3"
    assert free_name("日本", set()) == "my-style"
