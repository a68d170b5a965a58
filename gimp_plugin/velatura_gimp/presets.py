"""Named presets in the dialog: kept and found in `velatura.editor.memory`."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import Gtk
from velatura.editor import words
from velatura.editor.i18n import _
from velatura.editor.memory import Memory
from velatura.editor.paper import Refused
from velatura.errors import VelaturaError
from velatura.recipe import Recipe


class Presets(Gtk.Box):
    """A list in which a preset is chosen, or named to be kept or removed.

    Args:
        memory: where they are.
        kind: of recipe that is listed.
        current: the recipe as everything is set; raises `Refused` or `VelaturaError`.
        take: called with the recipe of the preset that was chosen.
        say: says what has to be done first.
    """

    def __init__(
        self,
        memory: Memory,
        kind: str,
        current: Callable[[], Recipe],
        take: Callable[[Recipe], None],
        say: Callable[[str], None],
    ) -> None:
        super().__init__(spacing=6)
        self._memory, self._kind, self._current, self._take, self._say = memory, kind, current, take, say
        self._list = Gtk.ComboBoxText.new_with_entry()
        self._name = self._list.get_child()
        self._name.set_placeholder_text(_("Presets"))
        self._name.set_tooltip_text(_("Preset: choose one, or type a name to keep"))
        self._list.connect("changed", self._chosen)
        keep = Gtk.Button(label=_("Keep"), tooltip_text=_("Keeps all that is set under this name"))
        keep.connect("clicked", lambda _button: self._keep())
        drop = Gtk.Button(label=_("Remove"), tooltip_text=_("Removes the preset of this name"))
        drop.connect("clicked", lambda _button: self._drop())
        self.pack_start(self._list, True, True, 0)
        self.pack_start(keep, False, False, 0)
        self.pack_start(drop, False, False, 0)
        self._fill()

    def _fill(self) -> None:
        self._list.remove_all()
        for name, recipe in sorted(self._memory.presets.items()):
            if self._kind == recipe.KIND:
                self._list.append_text(name)

    def _chosen(self, combo: Gtk.ComboBoxText) -> None:
        recipe = self._memory.presets.get(combo.get_active_text() or "")
        if combo.get_active() >= 0 and recipe is not None and self._kind == recipe.KIND:
            self._take(recipe)

    def _keep(self) -> None:
        name = self._name.get_text().strip()
        if not name:
            self._name.grab_focus()
            self._say(_("Type a name for the preset first."))
            return
        try:
            self._memory.keep(name, self._current())
        except (Refused, VelaturaError) as problem:
            self._say(words.trouble(problem))
            return
        self._say("")
        self._fill()
        self._name.set_text(name)

    def _drop(self) -> None:
        self._memory.drop(self._name.get_text().strip())
        self._fill()
        self._name.set_text("")
