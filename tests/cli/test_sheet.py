"""`velatura sheet`: one picture in many styles; the engine inverts pictures."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
import velatura as python
from cli.conftest import pixels
from cli.running import command, velatura
from PIL import Image
from velatura.pictures import sheet
from velatura_daemon.cli import exits

pytestmark = pytest.mark.usefixtures("home")


def test_a_picture_is_drawn_in_the_styles_asked_for(folder: Path) -> None:
    outcome = velatura("sheet", "a.png", "-s", "mosaic", "-s", "great-wave", "--columns", 2)
    assert (outcome.code, outcome.out) == (0, "a-sheet.jpg\n")
    made = Image.open("a-sheet.jpg")
    assert made.width == 2 * (24 + sheet.GAP) + sheet.GAP and made.height > 24 + sheet.GAP
    assert velatura("sheet", "a.png", "-s", "mosaic").code == exits.EXISTS
    assert velatura("sheet", "a.png", "-o", "x.xyz").code == exits.FILES
    assert velatura("sheet", "none.png").code == exits.FILES
    assert velatura("sheet", "a.png", "-o", "y.png", "--quality", "best").code == exits.BY_CODE["bad_field"]


def test_a_sheet_comes_and_goes_by_pipes(folder: Path) -> None:
    words = command("sheet", "-", "-s", "mosaic", "-o", "-")
    done = subprocess.run(words, input=Path("a.png").read_bytes(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"standard output\n")
    assert Image.open(io.BytesIO(done.stdout)).width == 24 + 2 * sheet.GAP


def test_python_gives_every_style_its_cell_and_says_how_far_it_is(folder: Path) -> None:
    heard: list[tuple[int, int]] = []
    gray = Image.fromarray(pixels(0, 40)[:, :, 0])
    with python.connect() as client:
        usable = [style for style in client.styles() if not style["error"]]
        made = client.sheet(gray, side=16, columns=7, told=lambda *n: heard.append(n))
        across = 16 + sheet.GAP
        assert made.width == 7 * across + sheet.GAP
        assert heard[-1] == (len(usable), len(usable))
        first = np.asarray(made)[sheet.GAP : sheet.GAP + 16, sheet.GAP : sheet.GAP + 16].astype(int)
        small = np.asarray(gray.convert("RGB").resize((16, 16)))
        assert np.abs(255 - first - small).mean() < 40  # inverted, as this engine paints
        assert client.sheet(gray, ["mosaic", "great-wave"], side=16, quality="fine").width > 32


def test_a_title_fits_its_cell_whatever_font_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Image.new("RGBA", (64, 32), (255, 0, 0, 0))
    monkeypatch.setattr(sheet, "FONTS", ())
    made = np.asarray(sheet.draw([("etretat", "Étretat: The Beach and the Falaise d'Amont", cell)] * 3, 2))
    assert made.shape[1] == 2 * (64 + sheet.GAP) + sheet.GAP
    assert (made[sheet.GAP : sheet.GAP + 32, sheet.GAP : sheet.GAP + 64] == 255).all(), "transparent: paper"
    assert (made[: sheet.GAP + 32] == 255).all() and (made[sheet.GAP + 32 :, : sheet.GAP + 64] < 255).any()
    assert (made[:, sheet.GAP + 64 : 2 * sheet.GAP + 62] == 255).all(), "between the cells"
