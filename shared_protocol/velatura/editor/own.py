"""Styles of the artist's own on their way into the library: files, folders, what is dropped, layers."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from velatura import stylefile
from velatura.blob import Blob
from velatura.errors import VelaturaError
from velatura.names import style_name
from velatura.pictures.formats import READABLE

from . import geometry, words
from .i18n import _
from .link import Link
from .look import Look
from .paper import Gone, Reading, Refused
from .pump import Pump, Work

STYLE_SIDE = 1536
"""Longest side of a picture that is added as a style, in pixels."""

MAX_FILE = 128 * 1024 * 1024
"""Most bytes of a file that is sent to become a style."""

MAX_FILES = 64
"""Most pictures of a folder that become styles at once."""

STYLE_FILES = (*READABLE, ".kra", ".ora", stylefile.SUFFIX)
"""What the names of files end in that a style can be made of."""

_SHOWN = "mergedimage.png"
"""What Krita's and OpenRaster's files hold besides their layers: the picture as it is seen."""


class OwnStyles:
    """What puts them there, and takes them out.

    Args:
        added: called with the name of a style that has come, and the folder that it was to be put in.
        say: tells the artist something.
    """

    def __init__(
        self,
        link: Link,
        look: Look,
        paper: Reading,
        pump: Pump,
        added: Callable[[str, str], None],
        say: Callable[[str], None],
    ) -> None:
        self._link, self._look, self._paper, self._pump = link, look, paper, pump
        self._added, self._say = added, say

    def add(self, blob: Blob, title: str) -> None:
        """Puts a picture into the style library and chooses it."""
        self._send(blob, title)

    def _send(self, blob: Blob, title: str, what: str = "style_add", folder: str = "", **about: Any) -> None:
        name = free_name(title, {str(item["name"]) for item in self._link.styles})
        self._say(_("Adding “{title}”…", title=title))

        def uploaded(error: VelaturaError | None) -> None:
            if error is not None:
                self._failed(error)
            else:
                named = {"name": name, "title": title, "digest": blob.digest, **about}
                self._link.ask(what, added, **named)

        def added(items: Any, error: VelaturaError | None) -> None:
            if error is not None:
                self._say(_("“{file}” is no style: {why}", file=title, why=words.trouble(error)))
                return
            self._say("")
            made = str(items[0].get("name", name)) if items else name
            self._added(made, folder)
            self._look.choose(made)
            self._link.refresh()

        self._link.when_connected(lambda: self._link.upload(blob, uploaded), self._failed)

    def add_file(self, path: Path, folder: str = "") -> None:
        """Sends a picture's file as it is, for the daemon to read, and makes a style of it. Of Krita's and
        OpenRaster's files it is the picture that they show; a style's file gives the style that it holds.

        Args:
            folder: of the gallery that the style is put in; empty for the one that is shown.
        """

        def read() -> Work[Blob]:
            data = _file(path)
            yield
            return (yield from _whole(data))

        def failed(error: Exception) -> None:
            why = words.trouble(error)
            self._say(_("“{file}” cannot be read as a picture: {why}", file=path.name, why=why))

        self._add_work(read(), path.stem, failed, stylefile.is_style_file(path), folder)

    def add_folder(self, folder: Path) -> None:
        """The same for each picture in a folder, at most `MAX_FILES` of them, in a folder of its name."""
        try:
            files = sorted(file for file in folder.iterdir() if file.suffix.lower() in STYLE_FILES)
        except OSError as error:
            self._failed(error)
            return
        for file in files[:MAX_FILES]:
            self.add_file(file, folder.name)
        if not files:
            self._say(_("There is no picture in “{folder}”.", folder=folder.name))
        elif len(files) > MAX_FILES:
            self._say(
                _("Only the first {n} pictures of “{folder}” are added.", n=MAX_FILES, folder=folder.name)
            )

    def add_bytes(self, data: bytes, title: str) -> None:
        """The same for a file's bytes, such as of a picture that was dropped."""
        self._add_work(_whole(data), title, self._failed)

    def _add_work(
        self, work: Work[Blob], title: str, failed: Callable[[Exception], None], style: bool = False,
        folder: str = "",
    ) -> None:  # fmt: skip
        """Sends a file once it is read: a picture's, or a style's."""
        what, about = ("style_import", {"name": ""}) if style else ("style_add", {"file": True})
        self._say(_("Adding “{title}”…", title=title))
        self._pump.start(work, lambda blob: self._send(blob, title, what, folder, **about), failed)

    def add_from_layer(self, selected: bool) -> None:
        """Makes a style of the active layer, or of what the selection shows of it."""
        try:
            taken = self._paper.source()
            if selected and taken.selected is None:
                raise Refused(_("Select something first."))
            taken = self._paper.only(taken, selected)
        except (Refused, Gone) as refused:
            self._say(str(refused))
            return

        def done(blob: Blob) -> None:
            blob.hash_whole()
            self.add(blob, taken.name)

        work = self._paper.read_reduced(taken, geometry.reduction(taken.crop, STYLE_SIDE))
        self._pump.start(work, done, self._failed)

    def remove(self, name: str) -> None:
        """Takes one of the artist's own styles out of the library."""

        def removed(items: Any, error: VelaturaError | None) -> None:
            if error is not None:
                self._failed(error)
                return
            self._look.forget({name})
            self._link.refresh()

        self._link.ask("style_remove", removed, name=name)

    def _failed(self, error: Exception) -> None:
        self._say(words.sentence(words.trouble(error)))


def free_name(title: str, taken: set[str]) -> str:
    """A style name from a title, with a number where it is taken already."""
    base = style_name(title) or "my-style"
    name, n = base, 2
    while name in taken:
        name, n = f"{base}-{n}", n + 1
    return name


def _file(path: Path) -> bytes:
    """The bytes of a picture's file."""
    if path.stat().st_size > MAX_FILE:
        raise words.Told("too_large", _("it has more than {n} MB", n=MAX_FILE >> 20))
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as whole:
            if _SHOWN not in whole.namelist() or whole.getinfo(_SHOWN).file_size > MAX_FILE:
                raise words.Told("bad_image", _("there is no picture in it"))
            return whole.read(_SHOWN)
    return path.read_bytes()


def _whole(data: bytes) -> Work[Blob]:
    """Work: a file's bytes as a blob."""
    blob = stylefile.blob_of(data)
    while not blob.hash_piece():
        yield
    return blob
