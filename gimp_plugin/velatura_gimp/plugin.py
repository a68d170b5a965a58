"""The procedures that GIMP registers, and what happens when one is run.

A run reads the image, asks (in the dialog) or takes the arguments, reads the image again, has the daemon
do the work, and puts the result in. Every error comes back as a `GLib.Error` with text.
"""

from __future__ import annotations

import gc
import json
import traceback
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gi.repository import Gimp, Gio, GLib
from velatura.editor import i18n, words
from velatura.editor.i18n import _
from velatura.editor.paper import Refused
from velatura.errors import VelaturaError
from velatura.recipe import RECIPES, recipe_to_map

from . import arguments, notes, original, recipes, runs, work
from .look import AskedLook
from .runs import Plan, PlanRun

DOMAIN = "velatura_gimp"
i18n.use(lambda text: GLib.dgettext(DOMAIN, text))  # GIMP binds the catalogues in `locale/`


RESTYLE = "restyle"
"""The procedure that is of no kind of job: it runs a recipe that a layer carries."""

FINEST = "finest"
"""The procedure for those who want all the work that a picture is worth, and no choice of an objective."""

PROCEDURES = {
    f"plug-in-velatura-{key}": key
    for key in (*(k for k, cls in RECIPES.items() if "gimp" in cls.FACTS.editors), FINEST, RESTYLE)
}


def kind_of(key: str) -> str:
    """The kind of recipe that a procedure makes."""
    return "stylize" if key == FINEST else key


def words_for(key: str) -> tuple[str, str, str]:
    """What the menu, the search and the help say of a procedure."""
    if key == RESTYLE:
        how = _("Starts from the recipe that the layer carries, on the layer it was made from.")
        return _("R_e-style…"), _("Change the style of a layer that Velatura made"), how
    facts = RECIPES[kind_of(key)].FACTS
    title, blurb = words.kind(facts), _(facts.help)
    if key == FINEST:
        title, blurb = _("Refine"), _("Paint the picture in a style with all the work that it is worth")
    limits = _("A selection limits it, softly where it is soft.")
    limits += " " + _("Numbers out of range: GIMP takes the default.")
    return f"_{title}…", blurb, f"{blurb}. {limits}"


class Velatura(Gimp.PlugIn):
    """The plug-in."""

    def do_set_i18n(self, name: str) -> tuple[bool, str, None]:
        return True, DOMAIN, None

    def do_query_procedures(self) -> list[str]:
        pages = Gio.File.new_for_path(str(Path(__file__).parent / "help"))
        self.set_help_domain("velatura", pages)
        return list(PROCEDURES)

    def do_create_procedure(self, name: str) -> Gimp.Procedure:
        key = PROCEDURES[name]
        label, blurb, help_words = words_for(key)
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, run, key)
        procedure.set_image_types("*")
        layers = Gimp.ProcedureSensitivityMask
        procedure.set_sensitivity_mask(layers.DRAWABLE | layers.DRAWABLES)
        procedure.set_menu_label(label)
        procedure.add_menu_path("<Image>/Filters/Velatura")
        procedure.set_documentation(blurb, help_words, name)
        procedure.set_attribution("The Velatura project", "The Velatura project, MIT licence", "2026")
        starts = {"quality": "finest"} if key == FINEST else {}
        arguments.add_all(procedure, kind_of(key), **starts)
        return procedure


def run(
    procedure: Gimp.Procedure, mode: Gimp.RunMode, image: Any, drawables: Any, config: Any, key: str
) -> Gimp.ValueArray:
    """One call of a procedure, from the menu or the PDB; never raises."""
    status, problem = Gimp.PDBStatusType.EXECUTION_ERROR, ""
    layer = recipe = None
    try:
        by_hand = mode != Gimp.RunMode.NONINTERACTIVE
        if not drawables:
            raise Refused(_("Choose a layer."))
        if mode == Gimp.RunMode.INTERACTIVE:
            done = _asked(procedure, image, drawables, config, key)
            if done is None:
                return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, GLib.Error())
        else:
            plans = _planned(image, drawables, config, key, mode == Gimp.RunMode.WITH_LAST_VALS)
            done = work.carry_out(plans, Gimp.default_display() if by_hand else None)
        layer, recipe = done[0].result, json.dumps(recipe_to_map(done[0].ran))
        for ran in done:
            if by_hand and ran.recipe.FACTS.placed == "picture":
                Gimp.Display.new(ran.result.get_image())
        for said in dict.fromkeys(ran.notes for ran in done if by_hand and ran.notes):
            Gimp.message(said)
    except Refused as refusal:
        problem = str(refusal)
    except VelaturaError as error:
        problem = str(error)
        if error.code == "bad_field":
            status = Gimp.PDBStatusType.CALLING_ERROR
    except OSError as error:
        problem = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    except Exception as error:
        traceback.print_exc()
        problem = _(
            "A defect in Velatura: {error}. Please report it.", error=f"{type(error).__name__}: {error}"
        )
    finally:
        gc.collect()  # buffers must not outlive the images they belong to
    if problem:
        quark = GLib.quark_from_string("velatura")
        return procedure.new_return_values(status, GLib.Error.new_literal(quark, problem, 0))
    values = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, GLib.Error())
    values.remove(1)
    values.insert(1, layer)
    values.remove(2)
    values.insert(2, recipe)
    Gimp.displays_flush()
    return values


def _planned(image: Any, drawables: Any, config: Any, key: str, again: bool) -> list[Plan]:
    """A plan for each layer, without a dialog. A result that is painted `again` (Ctrl+F, with the new
    layer active) stands for the layer that it was made from: nobody means a style on a style."""
    values = {p.name: config.get_property(p.name) for p in config.list_properties()}
    if key == RESTYLE:
        return [
            runs.plan_again(image, drawable, values["recipe"], values["output"]) for drawable in drawables
        ]
    where = values.get("output", "new-layer")
    found = original.chosen(original.made_from if again else original.plain, image, drawables, where)
    look = AskedLook(kind_of(key), lambda: values)
    return [runs.plan(one, look, where) for one in found]


def _asked(
    procedure: Gimp.Procedure, image: Any, drawables: Any, config: Any, key: str
) -> Sequence[PlanRun] | None:
    """What was made in the dialog; None when it was closed.

    Raises:
        Refused: there is nothing to work on, so that no dialog is shown.
    """
    from . import dialog  # needs a display, which batch runs have not

    if key != RESTYLE:
        original.chosen(original.plain, image, drawables, "new-layer")
        title = "Velatura: " + words_for(key)[0].strip("_…")
        look = partial(original.chosen, original.plain, image, drawables)
        return dialog.ask(procedure, config, kind_of(key), title, look)
    if len(drawables) != 1:
        raise Refused(_("Choose exactly one layer; {n} are chosen.", n=len(drawables)))
    layer = original.made_from(image, drawables[0], "new-layer").layer
    made = notes.demand(layer)
    recipe = made.recipe
    # The dialog of the recipe's own kind, with a config of its own: what GIMP remembers stays untouched.
    other = procedure.get_plug_in().do_create_procedure(f"plug-in-velatura-{recipe.KIND}")
    start = other.create_config()
    for name, value in recipes.values_of(made, image).items():
        if start.find_property(name) is not None:
            start.set_property(name, value)
    if start.find_property("output") is not None:
        start.set_property("output", config.get_property("output"))
    title = "Velatura: " + _("Re-style “{name}”", name=layer.get_name())
    return dialog.ask(
        other, start, recipe.KIND, title, partial(original.chosen, original.made_from, image, drawables)
    )
