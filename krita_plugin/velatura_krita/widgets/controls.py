"""The controls of the look: mixing pad, what is always at hand, and the rarer ones below folds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from velatura.choices import BACKBONES
from velatura.editor import words
from velatura.editor.i18n import _
from velatura.editor.look import Control, controls
from velatura.editor.studio import Studio
from velatura.recipe import RECIPES

from ..qt import QtCore, QtWidgets
from .arrow_row import ArrowRow
from .gallery_view import picture_of
from .mix_pad import MixPad
from .parts import HEIGHT, Listening, column
from .rows import Fold, SettingRows

GROUPS = ("basic", "more", "expert")

PAINTING = "stylize"
"""The kind of job that the preview shows, and that Apply runs."""


class Controls(QtWidgets.QWidget, Listening):
    """Shows the look and changes it. While a slider moves the preview follows; on release it commits."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        look = studio.look
        self._rows: list[SettingRows] = []
        self._pad = MixPad()
        self._pad.moved.connect(lambda point: self._move(point, False))
        self._pad.settled.connect(lambda point: self._move(point, True))
        self._as_mask = QtWidgets.QCheckBox(_("Selection becomes a mask"))
        self._as_mask.setMinimumHeight(HEIGHT)
        self._as_mask.setToolTip(_("Keeps the whole result and hides what is outside by a transparency mask"))
        self._as_mask.toggled.connect(lambda on: setattr(look, "as_mask", on))
        self._arrows = ArrowRow(studio)
        self._more = Fold(_("More"), self._folded())
        column(self, self._pad, self._add(controls([PAINTING], ["basic"])), self._more)
        self.listen(
            look.changed.connect(self.refresh),
            studio.link.changed.connect(self._on_link),
            studio.gallery.picture_changed.connect(self._picture_came),
        )
        self.refresh()
        self._on_link("models")

    def _folded(self) -> QtWidgets.QWidget:
        """The rarer settings of what Apply does, then a fold for each other kind of job: what only it has."""
        box = QtWidgets.QWidget()
        expert = Fold(_("For experts"), self._add(controls([PAINTING], ["expert"])))
        whole = column(box, self._add(controls([PAINTING], ["more"])), self._as_mask, expert)
        seen = {control.setting for control in controls([PAINTING], GROUPS)}
        for kind, cls in RECIPES.items():
            own = [c for c in controls([kind], GROUPS) if c.setting not in seen]
            if not own or "krita" not in cls.FACTS.editors:
                continue
            seen |= {control.setting for control in own}
            inside = QtWidgets.QWidget()
            rows = column(inside, self._add(c for c in own if c.field.shown.group != "expert"))
            if kind == "refine":
                rows.addWidget(self._arrows)
            rare = [c for c in own if c.field.shown.group == "expert"]
            if rare:
                rows.addWidget(Fold(_("For experts"), self._add(rare)))
            whole.addWidget(Fold(words.kind(cls.FACTS), inside))
        return box

    def _add(self, shown: Iterable[Control]) -> SettingRows:
        rows = SettingRows(self._studio.look, shown, self._studio.preview.request)
        self._rows.append(rows)
        return rows

    def widget(self, setting: str) -> QtWidgets.QWidget:
        """The widget of one of the look's settings. Raises StopIteration where it has none."""
        return next(rows.widgets[setting] for rows in self._rows if setting in rows.widgets)

    def _move(self, point: Any, released: bool) -> None:
        self._studio.look.point = point
        self._studio.preview.request(released)

    # --- showing ---------------------------------------------------------------------------------------

    def refresh(self, *unused: object) -> None:
        look = self._studio.look
        for rows in self._rows:
            rows.refresh()
        self._as_mask.setChecked(look.as_mask)
        self._pad.setVisible(len(look.styles) > 1)
        if len(look.styles) > 1:
            pictures = [picture_of(self._studio.gallery.picture(name)) for name in look.styles]
            self._pad.show_mix(look.point, pictures)

    def _picture_came(self, name: str) -> None:
        if name in self._studio.look.styles:
            self.refresh()

    def _on_link(self, name: str) -> None:
        """Networks that are not installed cannot be chosen; the tooltip says how to get them."""
        if name != "models":
            return
        known = {str(item.get("name")): item for item in self._studio.link.models}
        box: Any = self.widget("backbone")
        for row in range(box.count()):
            name = box.itemData(row)
            usable = bool(known.get(name, {}).get("installed", True))
            box.model().item(row).setEnabled(usable)
            tip = _(BACKBONES[name].help)
            if not usable:
                tip = _("Not here yet: menu, Downloads")
            box.setItemData(row, tip, QtCore.Qt.ItemDataRole.ToolTipRole)
