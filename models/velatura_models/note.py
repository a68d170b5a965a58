"""What is to be said of a result to whoever asked for it."""

from __future__ import annotations


class Note(str):
    """A sentence in English that still knows its text and the values in it, so that an editor can say it in
    the language of its artist.

    Args:
        text: with `{names}` of the values; `make texts` collects it, so it is written out where it is used.
    """

    text: str
    values: dict[str, int | float | str]

    def __new__(cls, text: str, **values: int | float | str) -> Note:
        made = super().__new__(cls, text.format(**values))
        made.text, made.values = text, values
        return made
