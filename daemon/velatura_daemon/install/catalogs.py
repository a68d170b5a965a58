"""Translations of what the editors show: one catalogue a language, `velatura/editor/po/LANGUAGE.po`.

`make texts` collects the texts with Babel and brings the catalogues up to date; an installation compiles them
under the name of its plug-in, which is the domain that GIMP looks in.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from velatura import editor
from velatura.errors import CODES, VelaturaError
from velatura.fields import words

CATALOGUES = Path(editor.__file__).parent / "po"


def compile_catalogues(locale: Path, domain: str, catalogues: Path = CATALOGUES) -> list[Path]:
    """Writes `LANGUAGE/LC_MESSAGES/DOMAIN.mo` for every language; the files, sorted.

    Raises:
        VelaturaError: `bad_field` with file and line of what cannot be read.
    """
    written = []
    for source in sorted(catalogues.glob("*.po")):
        target = locale / source.stem / "LC_MESSAGES" / f"{domain}.mo"
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as text, target.open("wb") as compiled:
            try:
                write_mo(compiled, read_po(text, source.stem, abort_invalid=True))
            except PoFileError as error:
                raise VelaturaError("bad_field", f"{source}:{error.lineno + 1}: cannot be read") from error
        written.append(target)
    return written


Text = tuple[int, str, str, list[str]]
"""As `pybabel extract` wants what is in a file: line, function, text, comments."""


def field_texts(*unused: object, **options: object) -> Iterator[Text]:
    """The table of fields in words."""
    yield from ((1, "N_", text, []) for text in words())


def code_texts(*unused: object, **options: object) -> Iterator[Text]:
    """What the codes of errors mean."""
    yield from ((1, "N_", text, []) for text in CODES.values())
