"""A session with the daemon whose calls wait for their answers: what the Python API stands on.

It opens the connection, starts a daemon where none runs, opens it again where the daemon ended, and hands
every event to the job or the question that it belongs to. A session may be used by several threads.
"""

from __future__ import annotations

import os
import threading
import warnings
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from . import __version__, launch, stylefile
from .blob import Blob, Picture
from .connection_thread import ConnectionThread
from .endpoint import Address
from .errors import FieldError, VelaturaError, VersionWarning
from .jobs import (
    Answered,
    Down,
    Fetched,
    HappenedEvent,
    Job,
    JobChanged,
    JobEnded,
    JobPreview,
    Options,
    Uploaded,
)
from .names import style_name
from .pixels import Layout
from .recipe import Recipe, check_recipe, pictures_of, recipe_from_map
from .sharing import Shared
from .waiting import JobFuture

S = TypeVar("S", bound="DaemonSession")

AT_ONCE = 64
"""Jobs of a client that are with the daemon at a time: a loop over hundreds of pictures holds back itself."""


class DaemonSession:
    """See the module; `client.connect` makes one, as a `Client`."""

    def __init__(
        self, start: bool, timeout: float, client: str, address: Address | None, base: Path | None
    ) -> None:
        self._start = start and address is None and not os.environ.get("VELATURA_CONNECTION")
        self._timeout, self._client, self._given, self._base = timeout, client, address, base
        self._jobs: dict[Job, JobFuture] = {}
        self._futures: weakref.WeakValueDictionary[str, JobFuture] = weakref.WeakValueDictionary()
        self._answers: dict[str, HappenedEvent] = {}
        self._expected: set[str] = set()
        self._uploaded: dict[str, Uploaded] = {}
        self._pictures: dict[str, Blob] = {}
        self._shared = Shared()
        self._opening = threading.Lock()
        self._closed = False
        self._thread = self._open()

    def __enter__(self: S) -> S:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the session; its jobs are cancelled, except detached ones."""
        self._closed = True
        self._thread.close()

    def submit(
        self,
        recipe: Recipe | Mapping[str, Any],
        image: Any = None,
        mask: Any = None,
        *,
        priority: str = "interactive",
        supersede: str = "",
        detached: bool = False,
        preview_side: int = 0,
        preview_every: float = 0.0,
        slider: str = "exact",
        device: str = "",
        out: str | os.PathLike | None = None,
        pictures: Sequence[Blob] = (),
    ) -> JobFuture:
        """Submits a recipe; returns at once, or when one of `AT_ONCE` earlier ones has ended.

        Args:
            recipe: a recipe or its map. Style pictures in it are digests from `upload`.
            image: what to work on; None for a texture. An array must not be changed before the job ends.
            mask: as for `stylize`.
            priority: `interactive` or `batch`.
            supersede: of the waiting jobs with the same key only the newest stays.
            detached: the job outlives this client; `attach` finds it again by `job.id`.
            preview_side: longest side in pixels of the result, or with `preview_every` of the previews;
                0 is full size.
            preview_every: seconds between previews; 0 is none.
            slider: `exact`; `ahead` where the strength may be moved soon, `mixed` while it moves, see
                PROTOCOL.md.
            device: `cpu`, `cuda:1`, …: where this job runs; by default where the daemon chose.
            out: file for the result; its folder is made where it is missing. What cannot become of it
                (format, size, name, place) is said here, before the work.
            pictures: blobs that the recipe names by their `key`.

        Raises:
            FieldError: for a value out of range. VelaturaError: `bad_image`, `too_large`, `not_running`, …
        """
        from .pictures import images

        if isinstance(recipe, Mapping):
            recipe = recipe_from_map(recipe)
        check_recipe(recipe)
        if image is None and recipe.FACTS.content:
            raise FieldError("image", f"is missing; a {recipe.KIND} works on a picture")
        pixels = images.read_for(recipe, self.read(image)) if image is not None else None
        thread, content, mask_blob = self._ready(), None, None
        if pixels is not None:
            content = self._shared.blob(pixels) if thread.lends else pixels.blob()
        if mask is not None:
            if content is None:
                raise FieldError("mask", "is given without a picture to apply it to")
            mask_blob = images.read_mask(mask, content.layout.width, content.layout.height)
        named = pictures_of(recipe)
        all_pictures = [*pictures, *(b for d, b in self._pictures.items() if d in named)]
        for blob in (content, mask_blob, *all_pictures):
            if blob is not None:
                if thread.lends:
                    blob.lend()
                blob.hash_whole()
        options = vars(Options(priority, supersede, detached, preview_side, preview_every, slider, device))
        target = Path(out) if out is not None else None
        if target is not None:
            from .pictures import files

            made = recipe.result_layout(content.layout if content is not None else Layout())
            files.check_target(target, made.width, made.height, pixels.source if pixels is not None else None)

        with thread.changed:
            while len(self._jobs) >= AT_ONCE and thread.alive:
                thread.changed.wait(1.0)

        def start(connection: Any) -> JobFuture:
            handle = connection.submit(recipe, content, mask_blob, all_pictures, **options)
            return self._follow(handle, thread, pixels, target)

        return thread.call(start)

    def read(self, image: Any) -> Any:
        """A picture as `submit` takes it: a file is read here, one that is larger than the daemon takes is
        refused before it is decoded.

        Raises:
            VelaturaError: `bad_image`, `too_large`, `not_running`.
        """
        from .pictures import images
        from .pictures.arrays import Most

        return images.read(image, most=Most(nbytes=self._ready().most))

    def upload(self, picture: Any) -> str:
        """Gives the daemon a picture (a style) and returns its digest, for use in recipes."""
        from .pictures import images

        blob = images.read_style(picture, "picture").blob()
        digest = blob.hash_whole()
        self._upload(blob)
        self._pictures[digest] = blob
        return digest

    def styles(self) -> list[dict[str, Any]]:
        """The style library: name, title, artist, year, kind and more of each style."""
        return self._ask("styles")

    def add_style(
        self,
        name: str,
        picture: Any,
        title: str = "",
        artist: str = "",
        year: int | str = "",
        rights: str = "",
    ) -> dict[str, Any]:
        """Adds a picture to the style library; gives the new entry, or the one that has this picture already.

        Args:
            name: small letters, digits and single hyphens; empty for one made of a path's name.
            picture: a path, PIL image or array.
            title, artist, year, rights: for people, at most 200 characters each; rights such as `CC BY 4.0`.
                A path's name is the title by default.

        Raises:
            FieldError: for a name that is none, or another picture's. VelaturaError: `bad_image`, …
        """
        from .pictures import images

        stem = Path(picture).stem if isinstance(picture, (str, os.PathLike)) else ""
        name = name or style_name(stem)
        if not name:
            raise FieldError(
                "name", f"cannot be made of {stem!r}; give one" if stem else "is missing; give one"
            )
        if stem and not title and all(style["name"] != name for style in self.styles()):
            title = stem
        blob = images.read_style(picture, str(picture) if stem else "picture").blob()
        texts = {"title": title, "artist": artist, "year": str(year), "rights": rights}
        return self._send_style("style_add", blob, name=name, **texts)

    def import_style(self, path: str | os.PathLike, name: str = "") -> dict[str, Any]:
        """Adds a style that `export_style` wrote to the library; gives the new entry.

        Args:
            name: to call it by; by default what it is called in the file.

        Raises:
            VelaturaError: `bad_image` for a file that is damaged, no style, or holds what none may hold.
        """
        blob = stylefile.blob_of(stylefile.read(Path(path)))
        try:
            return self._send_style("style_import", blob, name=name)
        except VelaturaError as error:
            raise error if error.field else VelaturaError(error.code, error.message, str(path)) from error

    def added(self, path: Path) -> str:
        """A style's name, by its file, which joins the library (and that is said) where it is not there."""
        from .pictures.arrays import note

        known = {style["name"] for style in self.styles()}
        name = self.import_style(path)["name"]
        if name not in known:
            note(str(path), f"is in the library now, as {name!r}")
        return name

    def export_style(self, name: str, path: str | os.PathLike | None = None) -> Path:
        """Writes a style of the library as one file to pass on: picture or card, what was learned of it,
        thumbnail, title, artist and rights. Gives the path.

        Args:
            path: by default the style's name with `.velatura`, in the folder one is in.
        """
        target = Path(path) if path is not None else Path(name + stylefile.SUFFIX)
        found = self._ask("style_export", name=name)
        target.write_bytes(stylefile.bytes_of(self._fetch(found[0]["digest"])))
        return target

    def remove_style(self, name: str) -> None:
        """Removes one of the user's own styles."""
        self._ask("style_remove", name=name)

    def unlearn(self, name: str) -> dict[str, Any]:
        """Takes out what the painter learned of a style, which is painted as any picture from then on; gives
        its entry."""
        return self._ask("style_unlearn", name=name)[0]

    def jobs(self) -> list[dict[str, Any]]:
        """All jobs of the daemon, of every session."""
        return self._ask("jobs")

    def models(self) -> list[dict[str, Any]]:
        """Backbones and methods, and whether their weights are installed."""
        return self._ask("models")

    def status(self) -> dict[str, Any]:
        """What the daemon does and with which device."""
        found = self._ask("status")
        return found[0] if found else {}

    def picture(self, digest: str) -> Any:
        """A picture that the daemon holds (a thumbnail), as a PIL image."""
        from .pictures import images

        return images.to_pil(images.result_array(self._fetch(digest)))

    def cancel(self, job: JobFuture | str) -> None:
        """Cancels a job; by its id, also that of another session."""
        if isinstance(job, JobFuture):
            job.cancel()
        else:
            self._ready().call(lambda connection: connection.cancel(job))

    def attach(self, job: str) -> JobFuture:
        """Takes over a detached job by its id; results come as PIL images. A job of this client's own is
        given as `submit` gave it."""
        thread = self._ready()

        def take(connection: Any) -> JobFuture:
            if (own := self._futures.get(job)) is not None:
                return own
            return self._follow(connection.attach(job), thread, None, None)

        return thread.call(take)

    def shutdown(self) -> None:
        """Stops the daemon; its end may come before its answer."""
        self._ready()
        try:
            self._ask("shutdown")
        except VelaturaError as error:
            if error.code != "not_running":
                raise

    def _follow(self, handle: Job, thread: ConnectionThread, content: Any, out: Path | None) -> JobFuture:
        """A job that is handed its events from here on; on the connection's thread."""
        job = self._jobs[handle] = self._futures[handle.id] = JobFuture(thread, handle, content, out)
        return job

    def _send_style(self, what: str, blob: Blob, **args: str) -> dict[str, Any]:
        self._upload(blob)
        found = self._ask(what, digest=blob.digest, **args)
        return found[0] if found else {"name": args["name"]}

    def _fetch(self, digest: str) -> Picture:
        answer = self._expect(lambda connection: connection.fetch(digest), f"picture {digest}")
        if answer.picture is None:
            raise answer.error or VelaturaError("unknown_blob", digest)
        return answer.picture

    def _upload(self, blob: Blob) -> None:
        blob.hash_whole()
        thread = self._ready()
        with thread.changed:
            self._uploaded.pop(blob.digest, None)
        thread.call(lambda connection: connection.upload(blob))
        with thread.changed:
            while blob.digest not in self._uploaded:
                self._wait_for_answer(thread, "the upload")
            error = self._uploaded.pop(blob.digest).error
        if error is not None:
            raise error

    def _ask(self, what: str, **args: Any) -> list[dict[str, Any]]:
        answer = self._expect(lambda connection: connection.ask(what, **args), what)
        if answer.error is not None:
            raise answer.error
        return answer.items

    def _expect(self, question: Any, what: str) -> Any:
        thread = self._ready()

        def put(connection: Any) -> str:
            name = question(connection)
            self._expected.add(name)
            return name

        name = thread.call(put)
        with thread.changed:
            try:
                while name not in self._answers:
                    self._wait_for_answer(thread, what)
                return self._answers.pop(name)
            finally:
                self._expected.discard(name)

    def _wait_for_answer(self, thread: ConnectionThread, what: str) -> None:
        if thread.down is not None:
            raise thread.down.error
        if not thread.changed.wait(self._timeout):
            raise VelaturaError("timeout", f"no answer about {what} within {self._timeout:g} seconds")

    def _open(self, ignore: Address | None = None) -> ConnectionThread:
        if self._given is not None:
            address = self._given
        elif self._start:
            address = launch.ensure(self._base, self._timeout, ignore)
        else:
            address = launch.find(self._base)
            if address is None:
                raise VelaturaError("not_running", "no daemon runs; start one: velatura daemon start")
        thread = ConnectionThread(address, self._client, self._base, self._handle)
        try:
            thread.wait_up(min(self._timeout, 5.0) if self._start and ignore is None else self._timeout)
        except VelaturaError as error:
            thread.close()
            unsure = error.code in ("not_running", "timeout") and ignore is None
            if self._start and unsure:  # the connection file may be a dead daemon's
                return self._open(ignore=address)
            raise
        version = thread.call(lambda connection: connection.welcome.daemon if connection.welcome else "")
        if version not in ("", __version__):
            words = f"the daemon that runs is version {version}, this is {__version__}"
            warnings.warn(f"{words}; renew it: velatura daemon restart", VersionWarning, stacklevel=4)
        return thread

    def _ready(self) -> ConnectionThread:
        """The session, with the daemon answering; a daemon that has ended is started again."""
        if self._closed:
            raise VelaturaError("not_running", "this client is closed")
        with self._opening:
            if not self._thread.up:
                self._thread.close()
                self._thread = self._open()
            return self._thread

    def _handle(self, event: HappenedEvent) -> None:
        """On the connection's thread, under its condition."""
        if isinstance(event, (JobChanged, JobPreview, JobEnded)):
            job = self._jobs.get(event.job)
            if job is not None:
                job.take(event)
            if isinstance(event, JobEnded):
                self._jobs.pop(event.job, None)
        elif isinstance(event, Answered) and event.request in self._expected:
            self._answers[event.request] = event
        elif isinstance(event, Fetched) and event.name in self._expected:
            self._answers[event.name] = event
        elif isinstance(event, Uploaded):
            self._uploaded[event.blob.digest] = event
        elif isinstance(event, Down) and event.final:
            for job in list(self._jobs.values()):
                job.give_up(event.error)
            self._jobs.clear()
