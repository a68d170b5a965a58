"""Inside our plug-in, whose Python loads a file of this name: runs a test's code where the dialog lives.

Each request is one line of JSON, the code; each answer is one line with `value` (of a final expression) or
`error`. Code runs when GTK is idle, so that what it asks of widgets has been laid out.
"""

import ast
import gc
import json
import os
import socket
import sys
import threading
import time
import traceback


def dialog():
    """The one that is open; None before it is there."""
    found = [o for o in gc.get_objects() if type(o).__name__ == "Dialog" and hasattr(o, "desk")]
    return found[0] if found and found[0].window.get_visible() else None


def inside(widget):
    """A widget and all that is to be seen in it."""
    from gi.repository import Gtk

    if not widget.get_mapped():
        return
    yield widget
    parts = []
    if isinstance(widget, Gtk.Container):
        widget.forall(parts.append)
    for part in parts:
        yield from inside(part)


def seen():
    """All that is to be seen, of every window and menu."""
    from gi.repository import Gtk

    for window in Gtk.Window.list_toplevels():
        yield from inside(window)


def words(widget):
    """What a widget says."""
    from gi.repository import Gtk

    said = ""
    if isinstance(widget, (Gtk.Button, Gtk.Expander, Gtk.Label, Gtk.MenuItem)):
        said = widget.get_label()
    return (said or "").replace("_", "")


def at(widget, across=0.5, down=0.5):
    """Where on the screen a share of a widget is, once it has been scrolled into sight."""
    from gi.repository import Gtk

    around = widget.get_ancestor(Gtk.Viewport)
    if around is not None:
        box, place = widget.get_allocation(), around.get_vadjustment()
        __, top = widget.translate_coordinates(around.get_child(), 0, 0)
        place.clamp_page(top, top + box.height)
    box = widget.get_allocation()
    __, x, y = widget.get_window().get_origin()
    if not widget.get_has_window():
        x, y = x + box.x, y + box.y
    return [round(x + across * box.width), round(y + down * box.height)]


def picture_of(image):
    """Left, top, right and bottom of the picture in an image's middle, on the screen."""
    (x, y), shown = at(image), image.get_pixbuf()
    left, top = x - shown.get_width() / 2, y - shown.get_height() / 2
    return [left, top, left + shown.get_width(), top + shown.get_height()]


def colours(image):
    """The mean colours, 0..255, of the four quarters of an image's picture, one after the other."""
    from gi.repository import GdkPixbuf

    small = image.get_pixbuf().scale_simple(2, 2, GdkPixbuf.InterpType.TILES)
    data, row, pixel = small.get_pixels(), small.get_rowstride(), small.get_n_channels()
    return [data[y * row + x * pixel + c] for y in (0, 1) for x in (0, 1) for c in (0, 1, 2)]


def opened(widget):
    """Opens the folds around a widget."""
    from gi.repository import Gtk

    while widget is not None:
        if isinstance(widget, Gtk.Expander):
            widget.set_expanded(True)
        widget = widget.get_parent()


def button(text):
    """Where what is pressed, and says that, is; None where nothing does."""
    from gi.repository import Gtk

    kinds = Gtk.Button, Gtk.MenuItem, Gtk.Expander
    found = [w for w in seen() if words(w) == text and isinstance(w, kinds)]
    found += [w for w in seen() if words(w) == text and isinstance(w, Gtk.Label)]
    return at(found[0]) if found else None


def style(name):
    """Where a style of the gallery is."""
    view = dialog()._pages.gallery._view
    row = next((row for row in view.get_model() if row[0] == name), None)
    if row is None:
        return None
    view.scroll_to_path(row.path, False, 0, 0)
    there, box = view.get_cell_rect(row.path, None)
    __, x, y = view.get_window().get_origin()
    inside = there and box.y >= 0 and box.y + box.height <= view.get_parent().get_allocated_height()
    return [x + box.x + box.width // 2, y + box.y + box.height // 3] if inside else None


def _run(code, space):
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<test>", "exec"), space)
    return eval(compile(ast.Expression(last.value), "<test>", "eval"), space) if last else None


def _answer(code, space):
    try:
        return {"value": _run(code, space)}
    except Exception:
        return {"error": traceback.format_exc()}


def _serve(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        while True:
            peer, __ = listener.accept()
            while not hasattr(sys.modules.get("velatura_gimp.plugin"), "Velatura"):
                time.sleep(0.01)  # what it imports is not to be imported from here at the same time
            from gi.repository import GLib

            with peer, peer.makefile("rwb") as lines:
                for line in lines:
                    done, answers = threading.Event(), []

                    def turn(line=line, done=done, answers=answers):
                        answers.append(_answer(json.loads(line), globals()))
                        done.set()
                        return False

                    GLib.idle_add(turn)
                    done.wait()
                    lines.write(json.dumps(answers[0], default=repr).encode() + b"\n")
                    lines.flush()


_place = os.environ.get("TEST_INSIDE", "")
_words = " ".join(sys.orig_argv)
if _place and "velatura_gimp.py" in _words and "-run" in sys.orig_argv:
    threading.Thread(target=_serve, args=(f"{_place}/{os.getpid()}",), daemon=True).start()
