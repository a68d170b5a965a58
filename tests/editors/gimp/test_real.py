"""With the real engine: what GIMP shows is what any other client gets for the same recipe and picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import REAL, Daemon
from velatura.blob import Blob
from velatura.jobstate import State
from velatura.pixels import Layout
from velatura.recipe import recipe_from_map

from editors.gimp.session import Gimp
from editors.roots import Root


def test_stylizes_like_any_other_client(root: Root, folder: Path) -> None:
    home = folder / "real"
    home.mkdir()
    with Daemon(REAL, home) as daemon, Gimp(root, folder, home) as gimp:
        before, result, after = gimp.run("""
image, layer = new_image(96, 80)
before = get(layer, "R'G'B'A u8")
result = call("stylize", image, layer, style="mosaic", output="in-place")
value = before, result, get(layer, "R'G'B'A u8")
image.delete()
""")
        assert result["status"] == "success", result
        with daemon.connect() as talk:
            job = talk.run(recipe_from_map(result["recipe"]), Blob(Layout(96, 80, "RGBA", "u8"), before))
    assert job.state is State.DONE and job.picture is not None
    mine, theirs = (np.frombuffer(data, np.uint8).reshape(80, 96, 4) for data in (after, job.picture.data))
    assert np.abs(mine.astype(int) - theirs.astype(int)).max() <= 1
    was = np.frombuffer(before, np.uint8).reshape(80, 96, 4)
    assert np.array_equal(mine[..., 3], was[..., 3]), "alpha is kept"
    assert np.abs(mine.astype(int) - was.astype(int))[..., :3].mean() > 5, "nothing happened"
