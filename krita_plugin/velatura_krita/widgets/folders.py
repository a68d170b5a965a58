"""Folders that the artist sorts styles into: which is shown."""

from __future__ import annotations

from velatura.editor.gallery import Gallery
from velatura.editor.i18n import _

from ..qt import QtWidgets
from .buttons import SIDE


class FolderChoice(QtWidgets.QComboBox):
    """All styles, or those of one folder; hidden while there are no folders."""

    def __init__(self, gallery: Gallery) -> None:
        super().__init__()
        self._gallery = gallery
        self.setMinimumHeight(SIDE)
        self.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setToolTip(_("The folder of styles that is shown"))
        self.setAccessibleName(_("Folder"))
        self.activated.connect(lambda row: setattr(gallery, "folder", self.itemData(row)))
        self.refresh()

    def refresh(self) -> None:
        """Folders came, went, or another is shown."""
        folders = ("", *self._gallery.folder_names)
        self.clear()
        for folder in folders:
            self.addItem(folder or _("All styles"), folder)
        if self._gallery.folder in folders:
            self.setCurrentIndex(folders.index(self._gallery.folder))
        self.setVisible(len(folders) > 1)
