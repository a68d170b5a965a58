"""Collects the plug-in's texts into `velatura_gimp/po/velatura_gimp.pot`: `python gimp_plugin/collect.py`.

Finds what is inside `_(...)` and `N_(...)`, by Python's own parser, and writes it sorted by place. The test
of the translations fails when the file is not up to date.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

SOURCES = Path(__file__).parent / "velatura_gimp"
POT = SOURCES / "po" / "velatura_gimp.pot"

HEAD = """\
# Texts of Velatura's GIMP plug-in. Copy to LANGUAGE.po and translate; `velatura install gimp` compiles it.
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"""


def texts(folder: Path = SOURCES) -> dict[str, list[str]]:
    """Every text with the files it is in, in order."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.py")):
        calls = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
        for call in sorted(calls, key=lambda n: (n.lineno, n.col_offset)):
            if not (isinstance(call.func, ast.Name) and call.func.id in ("_", "N_") and call.args):
                continue
            text = call.args[0]
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                places = found.setdefault(text.value, [])
                if path.name not in places:
                    places.append(path.name)
    return found


def quoted(text: str) -> str:
    """A text as a catalog writes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def pot() -> str:
    """The whole template."""
    entries = (f"\n#: {' '.join(files)}\nmsgid {quoted(text)}\n" for text, files in texts().items())
    return HEAD + "".join(f'{entry}msgstr ""\n' for entry in entries)


if __name__ == "__main__":
    POT.parent.mkdir(exist_ok=True)
    POT.write_text(pot(), encoding="utf-8")
    print(f"{len(texts())} texts in {POT}", file=sys.stderr)
