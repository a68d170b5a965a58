"""The controls of the look: mixing pad, sliders, colour, and the rarer ones below a fold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from velatura.editor.i18n import _
from velatura.editor.studio import Studio
from velatura.recipe import (
    BACKBONES,
    COLORS,
    METHODS,
    Refine,
    Stylize,
)

from ..qt import QtCore, QtWidgets
from .gallery_view import picture_of
from .mix_pad import MixPad
from .slider import Slider


def limits(recipe: type, name: str) -> tuple[float, float]:
    """The range that a recipe states for a field."""
    meta = recipe.__dataclass_fields__[name].metadata
    return meta["low"], meta["high"]


class Controls(QtWidgets.QWidget):
    """Shows the look and changes it. While a slider moves the preview follows; on release it commits."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        look = studio.look
        self._pad = MixPad()
        self._pad.moved.connect(lambda point: self._change("point", point, False))
        self._pad.settled.connect(lambda point: self._change("point", point, True))
        self._strength = self._slider(_("Strength"), "strength", 0, 1, look.strength, percent)
        scale = limits(Stylize, "scale")
        self._scale = self._slider(_("Stroke size"), "scale", *scale, look.scale, percent, logarithmic=True)
        self._color = QtWidgets.QComboBox()
        self._color.setAccessibleName(_("Colour"))
        texts = {
            "style": _("The style's colours"),
            "luminance": _("Keep my colours"),
            "statistics": _("Fit to my colours"),
        }
        for name in COLORS:
            self._color.addItem(texts[name], name)
        self._color.activated.connect(lambda row: self._change("color", self._color.itemData(row), True))
        self._more = QtWidgets.QToolButton()
        self._more.setText(_("More"))
        self._more.setCheckable(True)
        self._more.setAutoRaise(True)
        self._more.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._more.setArrowType(QtCore.Qt.ArrowType.RightArrow)
        self._more.setMinimumHeight(28)
        self._more.toggled.connect(self._unfold)
        self._rare = self._rare_controls()
        line = QtWidgets.QHBoxLayout()
        line.addWidget(self._color, 1)
        line.addWidget(self._more)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for part in (self._pad, self._strength, self._scale):
            column.addWidget(part)
        column.addLayout(line)
        column.addWidget(self._rare)
        self._color.setMinimumHeight(28)
        self._rare.hide()
        self._ends = [
            look.changed.connect(self.refresh),
            studio.link.changed.connect(self._on_link),
            studio.gallery.picture_changed.connect(self._picture_came),
        ]
        self.refresh()
        self._on_link("models")

    def _slider(
        self,
        text: str,
        name: str,
        low: float,
        high: float,
        value: float,
        show: Any,
        logarithmic: bool = False,
    ) -> Slider:
        slider = Slider(text, low, high, value, show, logarithmic)
        slider.setObjectName(f"velatura_{name}")
        slider.moved.connect(lambda number: self._change(name, number, False))
        slider.settled.connect(lambda number: self._change(name, number, True))
        return slider

    def _rare_controls(self) -> QtWidgets.QWidget:
        box = QtWidgets.QWidget()
        form = QtWidgets.QFormLayout(box)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._method = self._choice(_("Method"), METHODS, "method")
        self._backbone = self._choice(_("Network"), BACKBONES, "backbone")
        low, high = 20, 1000
        self._iterations = Slider(
            _("Refine: steps"), low, high, 200, lambda v: f"{steps(v)}", logarithmic=True
        )
        self._iterations.setObjectName("velatura_iterations")
        self._iterations.moved.connect(lambda v: setattr(self._studio.look, "iterations", steps(v)))
        self._as_mask = QtWidgets.QCheckBox(_("Selection becomes a mask (a second undo step)"))
        self._as_mask.setMinimumHeight(28)
        self._as_mask.toggled.connect(lambda on: setattr(self._studio.look, "as_mask", on))
        form.addRow(_("Method"), self._method)
        form.addRow(_("Network"), self._backbone)
        form.addRow(self._iterations)
        form.addRow(self._as_mask)
        return box

    def _choice(self, text: str, options: Iterable[str], name: str) -> QtWidgets.QComboBox:
        words = {
            "auto": _("Best"),
            "adain-skip": _("AdaIN, sharper"),
            "adain": _("AdaIN as published"),
            "wct": _("Whitening and colouring"),
            "style-swap": _("Style patches"),
            "multi": _("Many styles, one network"),
            "fast": _("One network, one style"),
            "multimodal": _("Coarse to fine"),
        }
        box = QtWidgets.QComboBox()
        box.setAccessibleName(text)
        box.setMinimumHeight(28)
        for option in options:
            box.addItem(words.get(option, option), option)
        box.activated.connect(lambda row: self._change(name, box.itemData(row), True))
        return box

    def _change(self, name: str, value: Any, released: bool) -> None:
        setattr(self._studio.look, name, value)
        self._studio.preview.request(released)

    def _unfold(self, on: bool) -> None:
        arrow = QtCore.Qt.ArrowType
        self._more.setArrowType(arrow.DownArrow if on else arrow.RightArrow)
        self._rare.setVisible(on)

    # --- showing ---------------------------------------------------------------------------------------

    def refresh(self, *unused: object) -> None:
        look = self._studio.look
        self._strength.show_value(look.strength)
        self._scale.show_value(look.scale)
        self._iterations.show_value(look.iterations)
        for box, value in (
            (self._color, look.color),
            (self._method, look.method),
            (self._backbone, look.backbone),
        ):
            box.setCurrentIndex(max(0, box.findData(value)))
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
        model = self._backbone.model()
        for row in range(self._backbone.count()):
            item = known.get(self._backbone.itemData(row))
            usable = item is None or bool(item.get("installed", True))
            model.item(row).setEnabled(usable)
            name = self._backbone.itemData(row)
            tip = "" if usable else _("Not installed. In a terminal: velatura models pull {name}", name=name)
            self._backbone.setItemData(row, tip, QtCore.Qt.ItemDataRole.ToolTipRole)

    def forget(self) -> None:
        for end in self._ends:
            end()


def percent(value: float) -> str:
    return f"{value * 100:.0f} %"


def steps(value: float) -> int:
    """A number of refinement steps from the slider: tens, within the recipe's range."""
    low, high = limits(Refine, "iterations")
    return int(min(high, max(low, 10 * round(value / 10))))
