"""Names of styles: small letters and digits joined by single hyphens. One rule for library and editors."""

from __future__ import annotations

import re
import unicodedata

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_NAME = 64


def style_name(text: str) -> str:
    """A valid style name made from any text: `My Cœur (2).jpg` gives `my-coeur-2-jpg`; may be empty."""
    plain = text.replace("œ", "oe").replace("æ", "ae").replace("ß", "ss").replace("ø", "o")
    plain = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST_NAME].strip("-")
