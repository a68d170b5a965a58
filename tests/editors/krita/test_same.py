"""With the real engine: what Krita shows is what any other client gets for the same pixels and selection."""

from __future__ import annotations

import numpy as np
import pytest
import velatura
from harness import Daemon
from PIL import Image
from velatura.editor.geometry import Rect, context_area
from velatura.pictures.arrays import from_pil
from velatura.pictures.icc import from_srgb

from editors.krita.session import Krita
from editors.krita.test_apply import KINDS
from editors.krita.test_network_methods import PATIENCE
from editors.roots import Root

DTYPE = "float32"
"""Of the networks: what is converted a little differently stays as little different."""
WIDTH, HEIGHT = 400, 300
PLACE = Rect(180, 130, 40, 30)

SRGB, GRAY = "sRGB-elle-V2-srgbtrc.icc", "Gray-D50-elle-V2-srgbtrc.icc"
SPACES = [
    ("RGBA", "U8", SRGB, 0),
    ("RGBA", "U16", SRGB, 0),
    ("GRAYA", "U8", GRAY, 0),
    ("GRAYA", "U16", GRAY, 0),
    ("RGBA", "U8", "ClayRGB-elle-V2-g22.icc", 2),
    ("GRAYA", "U8", "Gray-D50-elle-V2-labl.icc", 2),
]
"""And by how much they may differ: Krita converts what is not sRGB itself, by its own LittleCMS, and networks
make more of a difference of one."""


def vivid(channels: int, dtype: type) -> np.ndarray:
    """Ramps, and colours that sRGB cannot show, where the profile is a wider one."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [x * 255 // (WIDTH - 1), 255 * (y // 25 % 2), (y * 255 // (HEIGHT - 1) + 9 * (x % 7)) % 256]
    planes = [planes[2]] if channels == 2 else planes
    stacked = np.stack([*planes, np.full_like(x, 255)], -1)
    return (stacked * (np.iinfo(dtype).max // 255)).astype(dtype)


@pytest.mark.parametrize(("model", "depth", "profile", "most"), SPACES)
def test_pixels_profile_and_selection_mean_the_same_as_to_any_other_client(
    root: Root, real: None, krita: Krita, daemon: Daemon, model: str, depth: str, profile: str, most: int
) -> None:
    dtype = KINDS[depth]
    whole = vivid(2 if model == "GRAYA" else 4, dtype)
    order = [2, 1, 0, 3] if model == "RGBA" else [0, 1]  # BGRA in memory
    krita.run(
        "picture(w, h, model, depth, profile); fill(layer, data, 0, 0, w, h)\n"
        "select(bytes([255]) * 1200, 180, 130, 40, 30); studio.look.quality = 'fast'",
        w=WIDTH, h=HEIGHT, model=model, depth=depth, profile=profile, data=whole[..., order].tobytes(),
    )  # fmt: skip
    krita.until("doc.activeNode() is not None")
    krita.run("studio.look.choose('mosaic'); task = studio.apply()")
    krita.until("task.over", PATIENCE)
    assert krita.run("task.state") == "done"
    made = krita.run("pixels(layers(doc)[1], 180, 130, 40, 30)")
    mine = np.frombuffer(made, dtype).reshape(30, 40, -1)[..., order].astype(int)
    crop = context_area(Rect(0, 0, WIDTH, HEIGHT), PLACE)
    content = np.ascontiguousarray(whole[crop.y : crop.bottom, crop.x : crop.right])
    with velatura.connect(start=False, home=daemon.home) as client:
        if most == 0:
            theirs = client.stylize(content, "mosaic")
        else:
            file = Image.fromarray(content, "LA" if model == "GRAYA" else "RGBA")
            file.info["icc_profile"] = (root.path / "usr/share/color/icc/krita" / profile).read_bytes()
            sent = from_pil(
                file
            )  # a gray file would get the style's colours, which a gray layer has no room for
            theirs = from_srgb(client.stylize(sent.array, "mosaic"), sent.array, sent.original, sent.profile)
    theirs = theirs[130 - crop.y : 160 - crop.y, 180 - crop.x : 220 - crop.x].astype(int)
    assert np.abs(mine - whole[130:160, 180:220]).max() > 20, "nothing happened"
    assert np.abs(mine - theirs).max() <= most
