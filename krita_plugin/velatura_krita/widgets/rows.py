"""Rows for settings of the look: each field as the table describes it, of whatever kind of recipe.

A number with a range to slide over is a slider, one to type a spin box, a choice a drop-down list, a flag a
box to tick. Help is the tooltip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from velatura.editor.i18n import _
from velatura.editor.look import Control, Look

from ..qt import QtCore, QtWidgets
from .parts import HEIGHT, column
from .slider import Slider

SETTLES = 50
"""Milliseconds in which Qt lays out what has just come into sight."""

Changed = Callable[[bool], None]
"""Called after a change; whether the hand is off."""


class SettingRows(QtWidgets.QWidget):
    """Shows some of a look's settings, and changes them.

    Args:
        look: whose settings.
        controls: which of them, from top to bottom.
        changed: told of every change made here.
    """

    def __init__(self, look: Look, controls: Iterable[Control], changed: Changed) -> None:
        super().__init__()
        self._look, self._changed = look, changed
        self.widgets: dict[str, QtWidgets.QWidget] = {}
        """The widget of each setting."""
        self._show: dict[str, Callable[[Any], None]] = {}
        form = QtWidgets.QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(4)
        form.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for control in controls:
            widget = self._widget(control)
            words = _(control.field.help)
            widget.setObjectName(f"velatura_{control.setting}")
            widget.setAccessibleName(_(control.field.label))
            widget.setToolTip(words)
            widget.setMinimumHeight(HEIGHT)
            if isinstance(widget, (QtWidgets.QComboBox, QtWidgets.QSpinBox)):
                label = QtWidgets.QLabel(_(control.field.label))
                label.setToolTip(words)
                label.setMinimumHeight(HEIGHT)  # beside its field, not above its middle
                form.addRow(label, widget)
            else:
                form.addRow(widget)  # has its label inside
            self.widgets[control.setting] = widget
        self.refresh()

    def refresh(self) -> None:
        """Shows the look as it is."""
        for name, show in self._show.items():
            show(getattr(self._look, name))

    def _set(self, control: Control, value: Any, released: bool = True) -> None:
        setattr(self._look, control.setting, value)
        self._changed(released)

    def _widget(self, control: Control) -> QtWidgets.QWidget:
        if control.field.sort == "choice":
            return self._list(control)
        if control.field.sort == "flag":
            return self._box(control)
        return self._slider(control) if control.field.soft else self._number(control)

    def _slider(self, control: Control) -> Slider:
        field = control.field
        assert field.soft is not None
        slider = Slider(_(field.label), *field.soft, field.default, field.text, field.read, field.shown.log)
        slider.moved.connect(lambda number: self._set(control, field.tidy(number), False))
        slider.settled.connect(lambda number: self._set(control, field.tidy(number)))
        self._show[control.setting] = slider.show_value
        return slider

    def _number(self, control: Control) -> QtWidgets.QSpinBox:
        box = QtWidgets.QSpinBox()
        low, high = control.limits
        box.setRange(int(low), int(high))
        if control.field.shown.fits:
            box.setSpecialValueText(_("The layer's"))
        if control.field.unit:
            box.setSuffix(f" {_(control.field.unit)}")
        box.editingFinished.connect(lambda: self._set(control, box.value()))
        self._show[control.setting] = box.setValue
        return box

    def _list(self, control: Control) -> QtWidgets.QComboBox:
        box = QtWidgets.QComboBox()
        for row, (name, option) in enumerate(control.field.options.items()):
            box.addItem(_(option.label), name)
            if option.help:
                box.setItemData(row, _(option.help), QtCore.Qt.ItemDataRole.ToolTipRole)
        box.activated.connect(lambda row: self._set(control, box.itemData(row)))
        self._show[control.setting] = lambda value: box.setCurrentIndex(max(0, box.findData(value)))
        return box

    def _box(self, control: Control) -> QtWidgets.QCheckBox:
        box = QtWidgets.QCheckBox(_(control.field.label))
        box.clicked.connect(lambda on: self._set(control, bool(on)))
        self._show[control.setting] = box.setChecked
        return box


class Fold(QtWidgets.QWidget):
    """A button that shows and hides what is below it.

    Args:
        follow: whether what scrolls around it goes to what has unfolded.
    """

    def __init__(self, text: str, inside: QtWidgets.QWidget, follow: bool = False) -> None:
        super().__init__()
        self._follow = follow
        self.button = QtWidgets.QToolButton()
        self.button.setText(text)
        self.button.setCheckable(True)
        self.button.setAutoRaise(True)
        self.button.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setMinimumHeight(HEIGHT)
        self.button.setToolTip(_("Show or hide what is below"))
        self.button.toggled.connect(self._unfold)
        self._inside = inside
        column(self, self.button, inside)
        self._unfold(False)

    def _unfold(self, on: bool) -> None:
        arrow = QtCore.Qt.ArrowType
        self.button.setArrowType(arrow.DownArrow if on else arrow.RightArrow)
        self._inside.setVisible(on)
        if on and self._follow:
            QtCore.QTimer.singleShot(SETTLES, self._bring_into_sight)

    def _bring_into_sight(self) -> None:
        """What has unfolded may lie below the edge of what scrolls."""
        around = self.parentWidget()
        while around is not None and not isinstance(around, QtWidgets.QScrollArea):
            around = around.parentWidget()
        if around is not None:
            around.ensureWidgetVisible(self, 0, 0)
