"""Fetching one file over HTTP so that what arrives is exactly what was pinned.

A download is written to `<name>.part` and goes on from there when it was interrupted (HTTP Range); only
when size and sha256 fit does it move to its name, atomically. Nothing here knows what the file holds.
"""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from .files import WeightsError
from .manifest import RemoteFile

PIECE = 1 << 20
TIMEOUT = 30.0
"""Seconds without a byte after which a connection is given up."""

ATTEMPTS = 4
"""Connections made for one file before giving up; each goes on where the last broke off."""

DownloadProgress = Callable[[str, int, int], None]
"""Called with the file's name, bytes so far and bytes in all (0 when unknown)."""


def fetch(file: RemoteFile, base: str, folder: Path, progress: DownloadProgress | None = None) -> Path:
    """The path of a verified file, downloaded where it is not there already.

    Args:
        file: what to fetch, with its checksum.
        base: address that the name is appended to.
        folder: where to put it.
        progress: told after every piece.

    Raises:
        WeightsError: `download`, saying what failed and that running again goes on from there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{file.name}.lock"):  # two pulls at once would write into one file
            return _fetch(file, base, folder, progress)
    except OSError as error:
        raise WeightsError("download", f"cannot write {folder / file.name}: {error}") from error


def file_sha256(path: Path) -> str:
    """The sha256 of a file, 64 hex digits."""
    h = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            h.update(piece)
    return h.hexdigest()


def _fetch(file: RemoteFile, base: str, folder: Path, progress: DownloadProgress | None) -> Path:
    final, part = folder / file.name, folder / f"{file.name}.part"
    if final.is_file() and file_sha256(final) == file.sha256:
        return final
    url = base.rstrip("/") + "/" + file.name
    shown = f"{urllib.parse.urlsplit(url).netloc}/…/{file.name}"
    for attempt in range(ATTEMPTS):
        try:
            _receive(url, file, part, progress)
            break
        except urllib.error.HTTPError as error:
            if error.code < 500 or attempt == ATTEMPTS - 1:
                raise WeightsError("download", f"{url} answers {error.code} {error.reason}") from error
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            if attempt == ATTEMPTS - 1:
                cause = getattr(error, "reason", error)
                reason = getattr(cause, "strerror", None) or cause
                held = part.stat().st_size if part.exists() else 0
                again = f"run again to go on from byte {held}" if held else "try again later"
                raise WeightsError("download", f"{shown} could not be fetched ({reason}); {again}") from error
        time.sleep(0.2 * 2**attempt)
    found = file_sha256(part)
    if found != file.sha256:
        part.unlink()
        raise WeightsError(
            "download", f"{shown} is not the pinned file: sha256 {found}, expected {file.sha256}; discarded"
        )
    part.replace(final)
    return final


def _receive(url: str, file: RemoteFile, part: Path, progress: DownloadProgress | None) -> None:
    """Appends to `part` what it lacks; returns when the server has sent everything."""
    held = part.stat().st_size if part.exists() else 0
    limit = file.size or file.at_most
    if held > limit or (file.size and held == file.size):
        if held == file.size:
            return
        part.unlink()
        held = 0
    request = urllib.request.Request(url, headers={"User-Agent": "velatura"})
    if held:
        request.add_header("Range", f"bytes={held}-")
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if held and error.code == 416:  # nothing beyond what is held: let the checksum decide
            return
        raise
    with answer:
        resumed = answer.status == 206 and _range_start(answer) == held
        if held and not resumed:
            held = 0
        expected = held + int(answer.headers.get("Content-Length") or 0)
        total = file.size or (expected if expected > held else 0)
        if total > limit or (file.size and expected > held and expected != file.size):
            part.unlink(missing_ok=True)
            raise WeightsError(
                "download", f"{url} announces {expected} bytes, pinned are {file.size or f'at most {limit}'}"
            )
        with part.open("ab" if resumed else "wb") as stream:
            while piece := answer.read(PIECE):
                held += len(piece)
                if held > limit:
                    stream.close()
                    part.unlink()
                    raise WeightsError("download", f"{url} sends more than {limit} bytes; discarded")
                stream.write(piece)
                if progress is not None:
                    progress(file.name, held, total)
        if total and held < total:
            raise ConnectionError(f"{held} of {total} bytes arrived")


def _range_start(answer: http.client.HTTPResponse) -> int:
    """First byte that a partial answer holds, from `Content-Range: bytes 5-9/10`; -1 when unstated."""
    text = answer.headers.get("Content-Range", "").removeprefix("bytes ").split("-")[0]
    return int(text) if text.isdigit() else -1
