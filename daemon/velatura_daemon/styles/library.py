"""The style library: built-in styles and the user's own, by name.

The supervisor (without torch), the worker's engine and the command line all read it, each in its own
process, so everything on disk appears and vanishes in one rename: a user's style is a folder (`folder`);
pictures pulled for works of art and the cards computed from pictures lie in the cache folder, where deleting
them costs only time. What networks learned of a style lies with the networks; a style that only a network
knows is listed too.
"""

from __future__ import annotations

import difflib
import errno
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors import SafetensorError
from velatura.errors import FieldError, VelaturaError
from velatura.names import LONGEST_NAME, NAME, style_name
from velatura.pixels import Layout
from velatura_models.store.download import fetch
from velatura_models.store.files import Net
from velatura_models.store.manifest import RemoteFile
from velatura_models.store.nets import PHOTO, describe_net, installed

from . import packing
from .catalogue import StyleEntry, catalog
from .folder import CARD_FILE, read_folder, remove_folder, write_folder, write_through
from .reading import encoded, ending_of, over_white, read_style, stored, thumbnail_of

TRAINED = ("style", "transform", "multimodal")
"""Kinds of networks that know styles by name."""


def check_name(name: str) -> str:
    """The name itself.

    Raises:
        FieldError: when it is not small letters and digits joined by single hyphens, at most 64.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        hint = style_name(name) if isinstance(name, str) else ""
        raise FieldError(
            "name",
            f"is {str(name)[:80]!r}; a style name has small letters, digits and single hyphens, at most"
            f" {LONGEST_NAME}" + (f": try {hint!r}" if hint else ""),
        )
    return name


class Library:
    """All styles of one user.

    Args:
        user_dir: where the user's styles are kept; made on the first `add`.
        cache_dir: for pulled pictures.
        weights: folder of the user's weights, which may know styles; None where that does not matter.
    """

    def __init__(self, user_dir: Path, cache_dir: Path, weights: Path | None = None) -> None:
        self.user_dir = Path(user_dir)
        self.cache_dir = Path(cache_dir)
        self.weights = weights
        self.shipped = catalog()

    def list(self) -> tuple[StyleEntry, ...]:
        """Every style, sorted by name; a user's style that cannot be read is there with its `error`."""
        entries = {name: self._with_picture(entry) for name, entry in self.shipped.items()}
        if self.user_dir.is_dir():
            for folder in self.user_dir.iterdir():
                if NAME.fullmatch(folder.name) and folder.is_dir() and folder.name not in entries:
                    entries[folder.name] = read_folder(folder)
        for name, net in self._trained().items():
            known = entries.get(name) or StyleEntry(name, name)
            if not known.builtin:
                entries[name] = self._learned(known, net)
        return tuple(entries[name] for name in sorted(entries))

    def get(self, name: str) -> StyleEntry:
        """The style of that name.

        Raises:
            VelaturaError: `unknown_style` with names that come close; `bad_image` for damaged files.
        """
        entry = self._found(name)
        if entry.error:
            raise VelaturaError(
                "bad_image", f"style {name!r} cannot be used: {entry.error}; remove it and add it again"
            )
        return entry

    def add(
        self,
        name: str,
        picture: Path | bytes | Image.Image | np.ndarray,
        title: str = "",
        artist: str = "",
        year: str = "",
        rights: str = "",
    ) -> StyleEntry:
        """Stores a user's picture as a style. The same picture again under its name gives what is there.

        Args:
            name: small letters, digits, single hyphens; `style_name` makes one from a title.
            picture: a file or a file's bytes, kept as they are; or a PIL image or `(H, W, 3)` uint8 array
                of sRGB, kept as PNG.
            title, artist, year, rights: free text, at most 200 characters each.

        Raises:
            FieldError: for a name that breaks the rules or is taken, or a text that is too long.
            VelaturaError: `bad_image` or `too_large` for the picture.
        """
        check_name(name)
        texts = {"title": title, "artist": artist, "year": year, "rights": rights}
        for key, value in texts.items():
            if not isinstance(value, str) or len(value) > packing.LONGEST_TEXT:
                raise FieldError(key, f"must be text of at most {packing.LONGEST_TEXT} characters")
        if name in self.shipped:
            self._refuse_taken(name)
        data, ending, image = stored(picture)
        known = self._find(name)
        if known is not None and known.picture and not known.error and read_style(known.picture) == image:
            for key, value in texts.items():
                if value and value != getattr(known, key):
                    words = f"is {value!r}, but this picture is here as {name!r} with {getattr(known, key)!r}"
                    raise FieldError(key, f"{words}; leave that, or remove the style first")
            return known
        self._refuse_taken(name)
        texts["title"] = title or name.replace("-", " ").capitalize()
        files = {f"picture{ending}": data, "thumbnail.jpg": encoded(thumbnail_of(image), "JPEG")}
        self._keep(name, texts, files)
        return self.get(name)

    def export(self, name: str) -> bytes:
        """A style as the bytes of one file, see `packing`.

        Raises:
            VelaturaError: `unknown_style`; `bad_image` for damaged files.
        """
        entry = self.get(name)
        row = entry.row if entry.row is not None and describe_net(entry.row).kind == "style" else None
        if not (entry.picture or entry.cards or row):
            raise VelaturaError(
                "bad_image",
                f"style {name!r} is known to a network of its own alone; pass that on: {entry.row}",
            )
        texts = {key: getattr(entry, key) for key in packing.TEXTS}
        try:
            picture = entry.picture or entry.rendering
            return packing.pack(texts, picture, entry.thumbnail, entry.cards.get("slim"), row)
        except (OSError, SafetensorError) as error:
            raise VelaturaError("bad_image", f"style {name!r} cannot be read: {error}") from error

    def add_file(self, data: bytes, name: str = "") -> StyleEntry:
        """Stores a style that `export` gave. The same style again under its name gives what is there, and
        what was learned of it where that is not.

        Args:
            name: to call it by; by default what it is called there.

        Raises:
            FieldError: for a name that breaks the rules or is taken.
            VelaturaError: `bad_image` or `too_large` for what is wrong with the file.
        """
        held = packing.unpack(data)
        name = check_name(name or held.texts["name"])
        if (known := self._same(held, name)) is not None:
            if held.row and not known.builtin and known.learned != "yes":
                self._keep_row(held, name)
            return self.get(name)
        self._refuse_taken(name)
        files = {"thumbnail.jpg": held.thumbnail, CARD_FILE: held.card}
        if held.picture:
            files[f"picture{ending_of(held.picture)}"] = held.picture
        files = {file: content for file, content in files.items() if content}
        if held.row:
            self._keep_row(held, name)
        if held.picture or held.card:
            try:
                self._keep(name, {**held.texts, "title": held.texts["title"] or name}, files)
            except FieldError:
                if self._same(held, name) is None:  # else another process added the same
                    raise
        return self.get(name)

    def unlearn(self, name: str) -> StyleEntry:
        """Deletes what the painter learned of a user's style, which is painted as any picture from then on.

        Raises:
            VelaturaError: `unknown_style`; `bad_field` where nothing was learned, or there is nothing else.
        """
        entry = self._found(name)
        if entry.row is None or describe_net(entry.row).kind != "style":
            raise FieldError("name", f"the painter has learned nothing of {name!r} that could be taken out")
        if not (entry.picture or entry.cards):
            raise FieldError("name", f"{name!r} is nothing but what was learned; remove the style instead")
        entry.row.unlink(missing_ok=True)
        return self.get(name)

    def remove(self, name: str) -> None:
        """Deletes a user's style, damaged or not.

        Raises:
            VelaturaError: `unknown_style`, or `bad_field` for a built-in one.
        """
        if name in self.shipped:
            raise FieldError("name", f"{name!r} is built in and stays; only your own styles can be removed")
        entry = self._found(name)
        folder = self.user_dir / name
        if not folder.exists() and entry.row is None:
            net = self._trained()[name]
            raise FieldError(
                "name",
                f"{name!r} is one of several styles of a network; they are removed together with it"
                f" (`velatura models remove {net.title}`)",
            )
        if folder.exists():
            remove_folder(folder)
        if entry.row is not None:
            entry.row.unlink(missing_ok=True)

    def pull(self, name: str, progress: Callable[[int, int], None] | None = None) -> StyleEntry:
        """Fetches a work's picture, for the methods and backbones that need pixels.

        A download that broke off goes on where it stopped; the file is checked against the catalog's
        size and SHA-256 and moves into place only then.

        Args:
            name: a work of art in the catalog.
            progress: called with bytes done and bytes in all.

        Raises:
            VelaturaError: `unknown_style`; `bad_field` where there is nothing to pull, with the reason and
                what to do instead.
            WeightsError: `download` when the file cannot be fetched or is another one by now.
        """
        entry = self.get(name)
        if entry.picture is not None:
            return entry
        if not entry.url:
            raise FieldError(
                "name",
                f"no lasting address is known for {entry.title!r} by {entry.artist}, so its picture cannot be"
                " pulled; its card serves every method with the slim backbone. For other backbones save a"
                f" picture of it and add that (`velatura styles add FILE --name {name}-picture`)",
            )
        target = self._pulled(entry)
        file = RemoteFile(target.name, part=name, sha256=entry.digest, size=entry.size)
        told = None if progress is None else (lambda _, done, total: progress(done, total))
        fetch(file, entry.url.rpartition("/")[0], target.parent, told)
        return self.get(name)

    def thumbnail(self, name: str, side: int = 128) -> tuple[Layout, bytes]:
        """A style's thumbnail as pixels ready to be sent: square, RGB, 8 bits.

        Raises:
            VelaturaError: `unknown_style`; `bad_image` where there is none that can be read.
        """
        entry = self._found(name)
        source = entry.thumbnail or entry.picture
        if source is None:
            raise VelaturaError("bad_image", f"style {name!r} has no thumbnail")
        image = thumbnail_of(read_style(source, longest=2 * side), side)
        return Layout(side, side, "RGB"), image.tobytes()

    def seen(self, name: str, longest: int = 1024) -> tuple[Layout, bytes]:
        """The whole of a style's picture, else of its rendering, as pixels ready to be sent: RGB, 8 bits.

        Args:
            longest: most pixels on the longer side.

        Raises:
            VelaturaError: `unknown_style`, also where there is neither, saying what to do.
        """
        entry = self.get(name)
        source = entry.picture or entry.rendering
        image = self.read(entry, longest) if source is None else read_style(source, longest)
        image = over_white(image)
        return Layout(*image.size, "RGB"), image.tobytes()

    def read(self, entry: StyleEntry, longest: int = 0) -> Image.Image:
        """A style's picture, upright sRGB, RGBA where a part of it is transparent.

        Args:
            longest: side in pixels that it is reduced to; 0 keeps its size.

        Raises:
            VelaturaError: `unknown_style` where the picture of a work has not been pulled, saying how.
        """
        if entry.picture is None:
            how = (
                f"fetch that (`velatura styles pull {entry.name}`)"
                if entry.url
                else f"save one and add it (`velatura styles add FILE --name {entry.name}-picture`)"
            )
            raise VelaturaError(
                "unknown_style",
                f"style {entry.name!r} is at hand as a card only, and this needs its picture; {how}",
            )
        return read_style(entry.picture, longest)

    def _same(self, held: packing.StyleFile, name: str) -> StyleEntry | None:
        """The style of that name, where it is the one that a file holds."""
        known = self._find(name)
        if known is None or not packing.same(held, packing.unpack(self.export(name))):
            return None
        return known

    def _keep_row(self, held: packing.StyleFile, name: str) -> None:
        """Writes what a style's file says was learned to where networks lie."""
        if self.weights is None:
            return
        nets = self.weights / "nets"
        nets.mkdir(parents=True, exist_ok=True)
        partial = nets / f".{name}.{secrets.token_hex(4)}.adding"
        write_through(partial, packing.row_file(held, name))
        partial.replace(nets / f"{name}.style.safetensors")

    def _keep(self, name: str, texts: Mapping[str, str], files: Mapping[str, bytes]) -> None:
        try:
            write_folder(self.user_dir, name, texts, files)
        except OSError as error:
            self._refuse_taken(name)
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            words = f"the style cannot be written to {self.user_dir}: {error.strerror}"
            if full:
                words += "; make room on that disk"
            raise VelaturaError("out_of_memory" if full else "internal", words) from error

    def _pulled(self, entry: StyleEntry) -> Path:
        """Where a work's picture lies once it is pulled."""
        return self.cache_dir / "pictures" / entry.name / entry.url.rpartition("/")[2]

    def _with_picture(self, entry: StyleEntry) -> StyleEntry:
        """A shipped style with its picture, where that was pulled."""
        pulled = self._pulled(entry)
        here = entry.url and pulled.is_file() and pulled.stat().st_size == entry.size
        return replace(entry, picture=pulled) if here else entry

    def _find(self, name: str) -> StyleEntry | None:
        if name in self.shipped:
            return self._with_picture(self.shipped[name])
        entry = None
        if isinstance(name, str) and NAME.fullmatch(name) and (self.user_dir / name).is_dir():
            entry = read_folder(self.user_dir / name)
        net = self._trained().get(name)
        return entry if net is None else self._learned(entry or StyleEntry(name, name), net)

    def _trained(self) -> dict[str, Net]:
        """The styles that networks of the user's own know, the built-in ones aside."""
        found: dict[str, Net] = {}
        for net in installed(weights=self.weights) if self.weights else ():
            if net.kind in TRAINED and not net.embedded:
                for name in net.styles:
                    if name not in self.shipped and name != PHOTO and NAME.fullmatch(name):
                        found.setdefault(name, net)
        return found

    def _learned(self, entry: StyleEntry, net: Net) -> StyleEntry:
        """A style with what a network knows of it."""
        painters = (known.digest for known in installed("transform", self.weights))
        learned = "yes" if net.kind != "style" or net.needs in painters else "outdated"
        row = net.path if len(net.styles) == 1 else None
        entry = replace(entry, learned=learned, row=row)
        if entry.picture is None and not entry.cards and not entry.error and learned == "outdated":
            words = "it was learned for another painter, and its picture is not here to learn it again"
            entry = replace(entry, error=words)
        return entry

    def _found(self, name: str) -> StyleEntry:
        """The style of that name, damaged or not; raises as `get`."""
        entry = self._find(name)
        if entry is not None:
            return entry
        names = [entry.name for entry in self.list()]
        close = difflib.get_close_matches(style_name(str(name)), names, n=3, cutoff=0.0)
        hint = f"did you mean {' or '.join(map(repr, close))}?" if close else "there are none"
        raise VelaturaError("unknown_style", f"no style is called {str(name)[:80]!r}; {hint}")

    def _refuse_taken(self, name: str) -> None:
        if name in self.shipped:
            raise FieldError("name", f"{name!r} is a built-in style; choose another name")
        if (self.user_dir / name).exists():
            raise FieldError(
                "name",
                f"is {name!r}, the name of a style with another picture; choose another name, or remove that"
                " style first",
            )
