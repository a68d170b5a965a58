"""The Python API: blocking calls on a local daemon.

    import velatura
    with velatura.connect() as v:
        out = v.stylize("photo.jpg", style="starry-night", strength=0.8)
        job = v.refine(image, style="great-wave", wait=False, preview_every=0.5)
        for event in job:
            print(f"{event.progress:.0%}")
        out = job.result()

A PIL image, a numpy array or a path goes in, and the same kind comes out; a result for a path is written
beside it, or to `out`. A client may be used by several threads. Pictures travel only when the daemon
lacks them, so a second job on the same picture sends nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any

from . import __version__, endpoint, stylefile
from .endpoint import Address
from .pairs import deformed
from .recipe import Keypoints, Learn, Refine, Stylize, Texture, Upscale
from .session import DaemonSession
from .waiting import JobFuture

TIMEOUT = 30.0
"""Seconds that the daemon may take to start, and to answer questions."""


def connect(
    start: bool = True,
    timeout: float = TIMEOUT,
    client: str = f"python {__version__}",
    address: Address | str | os.PathLike | None = None,
    home: str | os.PathLike | None = None,
) -> Client:
    """A client of the running daemon.

    Args:
        start: start a daemon when none runs.
        timeout: seconds to wait for it.
        client: name and version of this program, for `velatura ps`.
        address: of a daemon elsewhere: an `Address`, the name of a profile, or the path of a connection file.
        home: folder to use instead of `VELATURA_HOME` or the usual place.

    Raises:
        VelaturaError: `not_running`, `timeout`, `protocol` (with the side to update), `insecure`.
    """
    base = Path(home) if home is not None else None
    if isinstance(address, (str, os.PathLike)):
        address = endpoint.read_file(endpoint.elsewhere(os.fspath(address), base))
    return Client(start, timeout, client, address, base)


class Client(DaemonSession):
    """A session with the daemon; made by `connect`. A context manager that closes itself."""

    def stylize(
        self,
        image: Any,
        style: Any,
        *,
        strength: float = 1.0,
        mask: Any = None,
        keep_color: bool | str = False,
        quality: str = "fast",
        scale: float | None = None,
        method: str = "auto",
        backbone: str = "auto",
        wait: bool = True,
        out: str | os.PathLike | None = None,
        **more: Any,
    ) -> Any:
        """Paints a picture in a style.

        Args:
            image: PIL image, numpy array (see `velatura.pictures.images`) or path.
            style: a library name, a picture (path, PIL image, array), a style's file (`NAME.velatura`, which
                joins the library), a dict of these to their weights, or a list of (style, weight) or
                (style, weight, region mask).
            strength: 0 gives the original, 1 the full style.
            mask: where and how strongly, of the image's size: white or 1 is in full.
            keep_color: True keeps the image's colours and changes lightness only; `"statistics"` fits the
                style's colours to the image's first.
            quality: `fast` is one pass of a network; `fine` (seconds), `finest` optimise it, coarse to fine;
                `auto` is fine where this device does it in some seconds.
            scale: stroke size; 1 is the style's own. None is what suits the picture's size.
            method, backbone: which network, and which encoder sees.
            wait: False gives the `JobFuture` at once.
            out: file for the result. Without it a result for a path is written beside it under a new name.
            more: further fields of `recipe.Stylize`, and options of `submit`.

        Returns:
            The result, the same kind as `image` (for a path: the path written); or the `JobFuture`.

        Raises:
            FieldError: for a value out of range. VelaturaError: `bad_image`, `unknown_style`, …
            JobFailed, JobCancelled: how the job ended.
        """
        fields = {
            "strength": strength,
            "quality": quality,
            "scale": scale,
            "method": method,
            "backbone": backbone,
        }
        return self._run(Stylize, image, style, mask, keep_color, wait, out, fields, more)

    def refine(
        self,
        image: Any,
        style: Any,
        *,
        iterations: int | None = None,
        mask: Any = None,
        keep_color: bool | str = False,
        deform: Any = None,
        wait: bool = True,
        out: str | os.PathLike | None = None,
        **more: Any,
    ) -> Any:
        """Optimises a picture towards a style (Gatys et al. 2016); arguments and result as for `stylize`.

        Args:
            iterations: loss evaluations; None is what suits the objective.
            deform: pairs of places that shapes go by: what `keypoints` gave, a file of it, or `"auto"`, which
                finds them.
            more: further fields of `recipe.Refine` (`content_weight`, `style_layers` as a dict, `seed`, …),
                and options of `submit` such as `preview_every`.
        """
        fields = {"iterations": iterations, **deformed(deform)}
        return self._run(Refine, image, style, mask, keep_color, wait, out, fields, more, deform)

    def texture(
        self,
        style: Any,
        width: int = 512,
        height: int = 512,
        *,
        wait: bool = True,
        out: str | os.PathLike | None = None,
        **more: Any,
    ) -> Any:
        """Synthesises a texture from noise (Gatys et al. 2015).

        Args:
            style: as for `stylize`.
            width, height: of the result, in pixels.
            more: further fields of `recipe.Texture` (`iterations`, `tileable`, `seed`, …), and options;
                `method="network"` makes the texture in one pass, where a network was trained for the style.

        Returns:
            A PIL image, the path with `out`, or the `JobFuture` where `wait` is False.
        """
        fields = {"width": width, "height": height}
        return self._run(Texture, None, style, None, False, wait, out, fields, more)

    def upscale(
        self,
        image: Any,
        factor: int = 4,
        *,
        strength: float = 1.0,
        wait: bool = True,
        out: str | os.PathLike | None = None,
        **more: Any,
    ) -> Any:
        """Enlarges a picture (super-resolution of Johnson et al. 2016); result as for `stylize`.

        Args:
            factor: how many times wider and higher: 4 or 8.
            strength: 0 gives the bicubic enlargement, 1 the network's.
            more: options of `submit`.
        """
        return self._run(
            Upscale, image, (), None, False, wait, out, {"factor": factor, "strength": strength}, more
        )

    def video(
        self,
        source: str | os.PathLike,
        out: str | os.PathLike,
        style: Any,
        *,
        keep_color: bool | str = False,
        track: str | os.PathLike | Mapping[str, Any] | None = None,
        mask: str | os.PathLike | None = None,
        steady: bool = True,
        flow: Any = None,
        crf: int = 18,
        tell: Any = None,
        **more: Any,
    ) -> Path:
        """Paints a video; needs the extra `video`. A run that was stopped goes on when it is called again.

        Args:
            source, out: files; `out` ends in `.mp4`, `.mov`, `.mkv` or `.webm`.
            style, keep_color: as for `stylize`.
            track: keyframes of strength and styles: a JSON file, or what would be in it.
            mask: a video or a picture: where, and how strongly.
            steady: hold each frame to the one before it.
            flow: what finds motion: None is dense inverse search, else a `velatura.video.flow.Flow`.
            crf: constant quality of the encoder; 18 shows no loss, more is smaller.
            tell: called with a `velatura.video.painting.ClipProgress` now and then.
            more: further fields of `recipe.Stylize`.

        Raises:
            MissingExtra: with the command that installs it. VelaturaError: `bad_image` for a video that
            cannot be read; otherwise as `stylize`.
        """
        from .extras import need
        from .styles import build, by_name

        need("video")
        from .video import painting

        recipe, pictures, _ = build(Stylize, by_name(style, self.added), None, keep_color, more)
        options = {"tell": tell} if tell is not None else {}
        return painting.paint(
            self, Path(source), Path(out), recipe, pictures,
            track=track, mask=mask, steady=steady, flow=flow, crf=crf, **options,
        )  # fmt: skip

    def keypoints(
        self,
        image: Any,
        style: Any,
        *,
        most: int = 24,
        backbone: str = "auto",
        out: str | os.PathLike | None = None,
    ) -> dict[str, Any]:
        """Places of a picture and of a style that correspond, for `refine(deform=...)`.

        Args:
            image, style: as for `stylize`; one style.
            most: how many pairs at most.
            out: file for the picture with the pairs drawn on it.

        Returns:
            `{"content": [width, height], "style": [width, height], "pairs": [[x, y, x2, y2], ...]}`, all in
            pixels; no pairs where nothing corresponds.
        """
        fields = {"most": most, "backbone": backbone}
        job = self._run(Keypoints, self._looked_at(image, out), style, None, False, False, out, fields, {})
        _awaited(job)
        return {name: job.record[name] for name in ("content", "style", "pairs")}

    def sheet(
        self,
        image: Any,
        styles: Sequence[str] = (),
        *,
        side: int = 320,
        columns: int = 0,
        quality: str = "fast",
        out: str | os.PathLike | None = None,
        told: Callable[[int, int], None] = lambda done, of: None,
        **more: Any,
    ) -> Any:
        """Draws one picture in many styles, with their names and titles, as one.

        Args:
            image: as for `stylize`.
            styles: names in the library, or files; by default all that can be used.
            side: longest side of each, in pixels.
            columns: in a row; 0 fits the sheet.
            quality: as for `stylize`; a style without its picture is painted fast.
            out: file for the sheet.
            told: called with how many are done, and of how many.
            more: further fields of `recipe.Stylize`.

        Returns:
            A PIL image, or the path with `out`.
        """
        from .pictures import sheet
        from .styles import by_name

        target = Path(out) if out is not None else None
        styles = [by_name(style, self.added) for style in styles]
        how = {"quality": quality, **more}
        return sheet.painted(self, image, styles, side, columns, target, told, how)

    def learn(
        self,
        picture: Any,
        name: str = "",
        *,
        title: str = "",
        artist: str = "",
        year: int | str = "",
        rights: str = "",
        image: Any = None,
        wait: bool = True,
        out: str | os.PathLike | None = None,
        **more: Any,
    ) -> Any:
        """Teaches the painter a style, in about a minute; from then on its name is enough, and fast.

        Args:
            picture: a path, also of a style's file, PIL image or array, which becomes a style of the library
                where it is none yet; or the name of a style that is there. What was learned before is gone on
                with.
            name, title, artist, year, rights: of a new style, as for `add_style`; a path's name by default.
            image: to try it on meanwhile and in the end; a photo by default.
            wait: False gives the `JobFuture` at once.
            out: file for the look at it.
            more: further fields of `recipe.Learn` (`steps`, `style_weight`, `scale`, …), and options of
                `submit` such as `preview_every`.

        Returns:
            The style's name, with a `PictureWarning` where it is not painted better yet, and so as before; or
            the `JobFuture`, whose result is the look at it.
        """
        from .styles import build, is_file

        if isinstance(picture, (str, os.PathLike)) and stylefile.is_style_file(Path(picture)):
            name = self.import_style(picture, name)["name"]
        elif isinstance(picture, str) and not is_file(picture):
            name = picture
        else:
            name = self.add_style(name, picture, title, artist, year, rights)["name"]
        recipe, _, options = build(Learn, name, None, False, more)
        sample = None if image is None else self._looked_at(image, out)
        job = self.submit(recipe, sample, out=out, **options)
        if not wait:
            return job
        _awaited(job)
        if not job.record.get("better", True):
            from .pictures.arrays import note

            note(name, "is not painted better yet, and stays as it was; learning it again goes on")
        return name

    def _run(
        self,
        kind: type,
        image: Any,
        style: Any,
        mask: Any,
        keep_color: bool | str,
        wait: bool,
        out: Any,
        fields: dict[str, Any],
        more: dict[str, Any],
        deform: Any = None,
    ) -> Any:
        from .styles import build, by_name, warn_of_stretch

        style = by_name(style, self.added)
        pixels = self.read(image) if image is not None else None
        size = (pixels.array.shape[1], pixels.array.shape[0]) if pixels is not None else None
        given = {name: value for name, value in (fields | more).items() if (name, value) != ("scale", None)}
        recipe, pictures, options = build(kind, style, size, keep_color, given)
        if size and "scale" not in given:
            recipe = recipe.suited(*size)
        if pixels is not None:
            warn_of_stretch(deform, pixels.layout, recipe, pictures)
        job = self.submit(recipe, pixels, mask, out=out, pictures=pictures, **options)
        return _awaited(job) if wait else job

    def _looked_at(self, image: Any, out: Any) -> Any:
        """A picture of which something is found out, so that no file is made beside it, only `out`."""
        pixels = copy(self.read(image))
        if out is None and pixels.kind == "path":
            pixels.kind = "image"
        return pixels


def _awaited(job: JobFuture) -> Any:
    try:
        return job.result()
    except BaseException:  # a keyboard interrupt too must not leave it running
        job.cancel()
        raise
