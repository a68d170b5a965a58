"""With the real engine: what Krita shows is what any other client gets for the same pixels and selection."""

from __future__ import annotations

import numpy as np
import pytest
import velatura
from harness import Daemon
from velatura.editor.geometry import Rect, context_area
from velatura.pictures.arrays import from_array, upright
from velatura.pictures.icc import from_srgb
from velatura.pictures.metadata import Metadata

from editors.krita.session import Krita
from editors.krita.test_apply import KINDS
from editors.krita.test_network_methods import PATIENCE
from editors.roots import Root

DTYPE = "float32"
"""Of the networks, whatever is fastest on this machine."""
WIDTH, HEIGHT = 400, 300
PLACE = Rect(180, 130, 40, 30)

SRGB, GRAY = "sRGB-elle-V2-srgbtrc.icc", "Gray-D50-elle-V2-srgbtrc.icc"
SPACES = [
    ("RGBA", "U8", SRGB),
    ("RGBA", "U16", SRGB),
    ("GRAYA", "U8", GRAY),
    ("GRAYA", "U16", GRAY),
    *(("RGBA", depth, f"{name}.icc") for depth in ("U8", "U16") for name in (
        "ClayRGB-elle-V2-g22", "ClayRGB-elle-V4-srgbtrc", "LargeRGB-elle-V2-g22", "Rec2020-elle-V4-g10"
    )),
    *(("GRAYA", depth, f"Gray-D50-elle-V2-{curve}.icc") for depth in ("U8", "U16") for curve in (
        "labl", "g22", "g10"
    )),
    ("RGBA", "U16", "sRGB-elle-V2-g10.icc"),
    ("RGBA", "F32", "sRGB-elle-V2-g10.icc"),
    ("RGBA", "F32", "Rec2020-elle-V4-g10.icc"),
    ("RGBA", "F32", "ClayRGB-elle-V2-g22.icc"),
    ("GRAYA", "F32", "Gray-D50-elle-V2-labl.icc"),
    ("GRAYA", "F32", "Gray-D50-elle-V2-g10.icc"),
]  # fmt: skip
"""Clay is Adobe's RGB, Large is ProPhoto's, g10 is linear light, labl the curve of L*."""

FLOATS = 2e-3
"""By how much floats may differ: nothing rounds them, and the network enlarges their last digits."""

LINEAR = ("sRGB-elle-V2-g10.icc", "Gray-D50-elle-V2-g10.icc")
"""Profiles whose numbers travel as they are: the daemon makes them sRGB's in floats, of 16 bits in files."""


def vivid(channels: int, dtype: type) -> np.ndarray:
    """Ramps, and colours that sRGB cannot show, where the profile is a wider one; a translucent corner."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [x * 255 // (WIDTH - 1), 255 * (y // 25 % 2), (y * 255 // (HEIGHT - 1) + 9 * (x % 7)) % 256]
    planes = [planes[2]] if channels == 2 else planes
    alpha = np.where((x < 195) & (y < 140), 20 + x, 255)
    wide = np.stack([*planes, alpha], -1)
    if np.dtype(dtype).kind == "f":
        return (wide / 255).astype(dtype)
    top = np.iinfo(dtype).max
    return (wide * (top // 255) - (0 if top == 255 else wide % 199)).clip(0).astype(dtype)


@pytest.mark.parametrize(("model", "depth", "profile"), SPACES)
def test_pixels_profile_and_selection_mean_the_same_as_to_any_other_client(
    root: Root, real: None, krita: Krita, daemon: Daemon, model: str, depth: str, profile: str
) -> None:
    dtype = KINDS[depth]
    whole = vivid(2 if model == "GRAYA" else 4, dtype)
    order = [2, 1, 0, 3] if model == "RGBA" else [0, 1]  # BGRA in memory, but floats
    order = [0, 1, 2, 3][: len(order)] if depth == "F32" else order
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
    mine = np.frombuffer(made, dtype).reshape(30, 40, -1)[..., order]
    crop = context_area(Rect(0, 0, WIDTH, HEIGHT), PLACE)
    content = np.ascontiguousarray(whole[crop.y : crop.bottom, crop.x : crop.right])
    icc = (root.path / "usr/share/color/icc/krita" / profile).read_bytes()
    sent = upright(from_array(content), Metadata(icc_profile=icc), "pil", "content")
    assert (sent.profile is None) == (profile in (SRGB, GRAY))
    with velatura.connect(start=False, home=daemon.home) as client:
        # as an array: a gray file would get the style's colours, which a gray layer has no room for
        theirs = client.stylize(sent.array, "mosaic")
    if sent.profile is not None and sent.original is not None:
        theirs = from_srgb(theirs, sent.array, sent.original, sent.profile)
    theirs = theirs[130 - crop.y : 160 - crop.y, 180 - crop.x : 220 - crop.x]
    top = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    rough = {"float32": FLOATS, "uint16": FLOATS * 65535, "uint8": 1}[np.dtype(dtype).name]
    exact = dtype != np.float32 and profile not in LINEAR
    apart = np.abs(mine.astype(float) - theirs)
    assert np.abs(mine - whole[130:160, 180:220].astype(float)).max() > 0.1 * top, "nothing happened"
    assert apart.max() <= (0 if exact else rough)
