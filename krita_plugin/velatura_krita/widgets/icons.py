"""Line icons in the palette's own text colour, sharp at every screen scale."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ..qt import QtCore, QtGui

FOLDER = Path(__file__).parent.parent / "icons"
SIZE = 22


@lru_cache(maxsize=256)
def _drawing(name: str, color: str, pixels: int) -> QtGui.QPixmap:
    svg = (FOLDER / f"{name}.svg").read_text("utf-8")
    svg = svg.replace("#000000", color).replace(
        f'width="{SIZE}" height="{SIZE}"', f'width="{pixels}" height="{pixels}"', 1
    )
    pixmap = QtGui.QPixmap()
    if not pixmap.loadFromData(QtCore.QByteArray(svg.encode("utf-8")), "SVG"):
        pixmap = QtGui.QPixmap(pixels, pixels)  # a Qt without SVG: buttons keep their text
        pixmap.fill(QtCore.Qt.GlobalColor.transparent)
    return pixmap


def icon(
    name: str, palette: QtGui.QPalette, role: QtGui.QPalette.ColorRole = QtGui.QPalette.ColorRole.ButtonText
) -> QtGui.QIcon:
    """An icon for the palette as it is now; ask again when the theme changes.

    Args:
        role: whose colour it has.
    """
    made = QtGui.QIcon()
    groups = {
        QtGui.QIcon.Mode.Normal: QtGui.QPalette.ColorGroup.Active,
        QtGui.QIcon.Mode.Disabled: QtGui.QPalette.ColorGroup.Disabled,
    }
    for mode, group in groups.items():
        color = palette.color(group, role).name()
        for scale in (1, 2, 3):
            pixmap = QtGui.QPixmap(_drawing(name, color, SIZE * scale))
            pixmap.setDevicePixelRatio(scale)
            made.addPixmap(pixmap, mode)
    return made
