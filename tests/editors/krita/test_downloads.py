"""Networks and pictures downloaded from the docker's menu, with how far they are in sight."""

from __future__ import annotations

from models.fileserver import FileServer

from editors.krita.session import Krita

SIZE = 80_102_481
"""Of VGG-19's first file, in bytes."""


def test_a_network_is_downloaded_from_the_menu(krita: Krita, mirror: FileServer) -> None:
    with (mirror.folder / "vgg_normalised.pth").open("wb") as file:
        file.truncate(SIZE)  # of the pinned size, but not the pinned bytes
    mirror.hold_after = SIZE // 4
    krita.run(
        """
panel, row = in_sight().panel, in_sight().panel._pull
menu = panel._menu.menu()
def downloads():
    menu.aboutToShow.emit()
    return next(a for a in menu.actions() if a.text().replace("&", "") == "Downloads").menu().actions()
"""
    )
    offered = krita.until("[a.text() for a in downloads()]")
    assert offered[0].startswith("VGG-19 (") and offered[-1].startswith("Pictures of ")
    assert krita.run("downloads()[0].trigger(); row.isVisible()") in (True, False)
    krita.until("row.isVisible() and row._bar.maximum() == 1000 and row._bar.value() > 200")
    assert krita.run("row._title.text(), row._cancel.isVisible(), row._retry.isVisible()") == [
        "Download: VGG-19",
        True,
        False,
    ]
    krita.until("row._words.text().startswith('20 MB of ')")
    assert krita.run("downloads()[0].isEnabled()") is False
    krita.run("row._cancel.click()")
    krita.until("not row.isVisible() and downloads()[0].isEnabled()")
    mirror.hold_after = 0
    mirror.go_on.set()
    krita.run("downloads()[0].trigger()")
    krita.until("'is not the pinned file' in row._words.text() and row._retry.isVisible()")
    krita.until("row._words.height() >= row._words.heightForWidth(row._words.width())")  # all of it is seen
    krita.run("row._cancel.click()")
    krita.until("not row.isVisible()")


def test_a_works_picture_is_downloaded_from_its_own_menu(krita: Krita) -> None:
    krita.run(
        """
from velatura_krita.widgets import menus
begun = []
studio.pulls.begin = lambda *pulls: begun.append([(p.kind, p.name) for p in pulls])
menus.gallery_menu(in_sight().panel, studio, "apples-and-grapes", QtCore.QPoint(0, 0), panel.naming)
menu = next(m for m in panel.findChildren(QtWidgets.QMenu) if m.isVisible())
next(a for a in menu.actions() if "Download its picture" in a.text()).trigger()
menu.close()
del studio.pulls.begin
"""
    )
    assert krita.run("begun") == [[["style", "apples-and-grapes"]]]
