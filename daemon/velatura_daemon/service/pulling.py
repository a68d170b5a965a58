"""One download in a process of its own: `python -m velatura_daemon.service.pulling model vgg19`.

`pulls` starts it and reads what it writes, a line of JSON for each piece that arrives: `done` and `size` in
bytes, and at last `error` where it failed. It ends with its daemon; what had come by then is gone on with by
the next.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from typing import Any

from velatura.errors import VelaturaError
from velatura_models.store.files import WeightsError

from ..paths import default_paths


def pull(kind: str, name: str) -> None:
    """Fetches a backbone's weights (`model`) or the picture of a work of art (`style`).

    Raises:
        VelaturaError, WeightsError: for what cannot be fetched, with what to do.
    """
    paths = default_paths()
    if kind == "style":
        from ..styles.library import Library

        Library(paths.styles, paths.cache, paths.weights).pull(name, _told)
        return
    from velatura_models.store.manifest import backbones
    from velatura_models.store.pull import pull as pull_weights

    known = backbones().get(name)
    sizes = {file.name: file.size or file.at_most for file in known.files} if known else {}
    come = dict.fromkeys(sizes, 0)

    def piece(file: str, done: int, total: int) -> None:
        come[file], sizes[file] = done, total or sizes[file]
        _told(sum(come.values()), sum(sizes.values()))

    pull_weights(name, paths.weights, progress=piece)


def _told(done: int, size: int) -> None:
    _say(done=done, size=size)


def _say(**what: Any) -> None:
    print(json.dumps(what), file=sys.__stdout__, flush=True)


def main(kind: str, name: str) -> int:
    """Exit code 0 when it is here, 1 where it could not be fetched."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what is half done is tidied up
    if sys.platform != "win32":
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nobody reads any more: the daemon is gone
    try:
        with contextlib.redirect_stdout(sys.stderr):  # torch prints what it loads
            pull(kind, name)
    except (VelaturaError, WeightsError, OSError) as error:  # OSError: a full disk, a folder of someone else
        _say(error=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
