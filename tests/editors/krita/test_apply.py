"""Apply: a new layer through the selection, one undo step, every depth, model and kind of source."""

from __future__ import annotations

import numpy as np
import pytest

from editors.krita.session import Krita

KINDS = {"U8": np.uint8, "U16": np.uint16, "F16": np.float16, "F32": np.float32}
CHANNELS = {"RGBA": 4, "GRAYA": 2, "CMYKA": 5, "LABA": 4, "XYZA": 4, "YCbCrA": 4}
SPACES = [
    *((model, depth, "") for model in ("RGBA", "GRAYA") for depth in KINDS),
    *((model, depth, "") for model in ("CMYKA", "LABA") for depth in ("U8", "U16", "F32")),
    ("RGBA", "U8", "ClayRGB-elle-V2-g22.icc"),
    ("RGBA", "F32", "Rec2020-elle-V4-g10.icc"),
]
CONVERTED = [space for space in SPACES if space[0] in ("CMYKA", "LABA") or space[2]]
"""Those that travel as sRGB."""

WIDTH, HEIGHT = 97, 61


def noise(model: str, depth: str, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Random pixels, some of them translucent, (height, width, channels)."""
    values = np.random.default_rng(5).uniform(0.05, 0.95, (height, width, CHANNELS[model]))
    values[..., -1] = 1.0
    values[:7, :, -1] = 0.4
    kind = KINDS[depth]
    if np.dtype(kind).kind == "f":
        if model == "CMYKA":
            values[..., :4] *= 100.0  # Krita's float CMYK runs to 100
        if model == "LABA":
            values[..., :1] *= 100.0
            values[..., 1:3] = (values[..., 1:3] - 0.5) * 80
        return values.astype(kind)
    return np.rint(values * np.iinfo(kind).max).astype(kind)


def feather(width: int, height: int) -> np.ndarray:
    """A selection from nothing at the left to everything at the right, with a hard hole."""
    mask = np.tile(np.linspace(0, 255, width), (height, 1)).astype(np.uint8)
    mask[10:20, 30:40] = 0
    return mask


def array(data: bytes, model: str, depth: str, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    return np.frombuffer(data, KINDS[depth]).reshape(height, width, CHANNELS[model])


def apply(krita: Krita, style: str = "mosaic") -> None:
    krita.run("studio.look.choose(style); task = studio.apply()", style=style)
    krita.until("task is not None and task.over")
    assert krita.run("task.state, task.words") == ["done", "Done"]


@pytest.mark.parametrize(("model", "depth", "profile"), SPACES)
def test_every_space_gets_one_undoable_layer(krita: Krita, model: str, depth: str, profile: str) -> None:
    given, mask = noise(model, depth), feather(WIDTH, HEIGHT)
    krita.run(
        "picture(w, h, model, depth, profile); fill(layer, data, 0, 0, w, h); select(mask, 0, 0, w, h)",
        w=WIDTH, h=HEIGHT, model=model, depth=depth, profile=profile,
        data=given.tobytes(), mask=mask.tobytes(),
    )  # fmt: skip
    before = krita.run("history(), whole(), pixels(layer, 0, 0, w, h), doc.colorProfile()")
    apply(krita)
    after = krita.run("history(), whole(), pixels(layer, 0, 0, w, h), doc.activeNode().name()")

    assert len(after[0][0]) == len(before[0][0]) + 1 and after[0][1] == before[0][1] + 1
    assert after[2] == before[2] == given.tobytes(), "the source's own bytes"
    assert after[3] == krita.run("layer.name()"), "the artist is still on the layer they were on"
    shown, was = array(after[1], model, depth), array(before[1], model, depth)
    assert np.array_equal(shown[mask == 0], was[mask == 0]), "outside the selection"
    assert not np.array_equal(shown[mask > 128], was[mask > 128]), "inside something happened"

    made = array(krita.run("made = layers(doc)[1]; pixels(made, 0, 0, w, h)"), model, depth)
    whole = 1.0 if np.dtype(KINDS[depth]).kind == "f" else np.iinfo(KINDS[depth]).max
    alpha = made[..., -1].astype(float) / whole * 255
    wanted = given[..., -1].astype(float) / whole * mask
    assert np.abs(alpha - wanted).max() <= 1, "alpha is the source's times the feather"
    if model == "RGBA" and not profile:
        inverse = whole - given[..., :3].astype(float)
        solid = mask > 0
        error = np.abs(made[..., :3].astype(float) - inverse)[solid].max()
        assert error <= whole * (2e-3 if depth == "F16" else 1e-6) + (depth[0] == "U"), "untouched on the way"

    there = "history()[1] == row and whole() == wanted"
    krita.travel("edit_undo", there, wanted=before[1], row=before[0][1])
    krita.travel("edit_redo", there, wanted=after[1], row=after[0][1])


def test_those_are_all_spaces_that_krita_has(krita: Krita) -> None:
    """Of the models that are tested; a Krita that gains a depth makes this fail."""
    models = {model for model, _, _ in SPACES}
    has = {(model, depth) for model in models for depth in krita.run("app.colorDepths(m)", m=model)}
    assert {(model, depth) for model, depth, _ in SPACES} == has


def test_a_layer_that_reaches_out_of_the_canvas(krita: Krita) -> None:
    """The result stays within selection and source, at its place, and alpha is the feather."""
    wide, high = 150, 120
    given, mask = noise("RGBA", "U8", wide, high), feather(100, 90)
    given[..., -1] = 255
    krita.run(
        """
picture(64, 48)
big = doc.createNode("big", "paintlayer")
big.setPixelData(QtCore.QByteArray(data), -40, -30, 150, 120)
doc.rootNode().addChildNode(big, None)
doc.waitForDone()
select(mask, -70, -20, 100, 90)
doc.setActiveNode(big)
""",
        data=given.tobytes(),
        mask=mask.tobytes(),
    )
    krita.until("doc.activeNode().name() == 'big'")
    apply(krita)
    krita.run("made = next(n for n in layers(doc) if n.name().startswith('Velatura')); rect = made.bounds()")
    x, y, right, bottom = krita.run("rect.x(), rect.y(), rect.x() + rect.width(), rect.y() + rect.height()")
    assert x >= -40 and y >= -20 and right <= 30 and bottom <= 70
    alpha = array(krita.run("pixels(made, -70, -20, 100, 90)"), "RGBA", "U8", 100, 90)[..., 3].astype(int)
    wanted = mask.astype(int)
    wanted[:, :30] = 0  # left of the layer
    assert np.abs(alpha - wanted).max() <= 1


@pytest.mark.parametrize("case", ["none", "beside", "empty"])
def test_what_cannot_be_painted_on_is_refused_in_words(krita: Krita, case: str) -> None:
    krita.run("studio.look.choose('mosaic'); told = []; studio.told.connect(told.append)")
    if case == "none":
        krita.run("close_all(); studio.look.choose('mosaic')")
        words = "Open a picture"
    elif case == "beside":
        krita.run("picture(32, 32); select(bytes([255]) * 16, 100, 100, 4, 4)")
        words = "does not touch"
    else:
        krita.run(
            "picture(32, 32); doc.rootNode().addChildNode(doc.createNode('nothing', 'paintlayer'), None)"
        )
        krita.until("doc.activeNode().name() == 'nothing'")
        words = "is empty"
    assert krita.run("studio.apply()") is None
    assert words in krita.run("told[-1]")


SOURCES = {
    "group": """
node = doc.createNode("source", "grouplayer")
child = doc.createNode("child", "paintlayer")
child.setPixelData(QtCore.QByteArray(bytes([10, 60, 200, 255]) * 1600), 5, 5, 40, 40)
doc.rootNode().addChildNode(node, None)
node.addChildNode(child, None)
""",
    "vector": """
node = doc.createVectorLayer("source")
doc.rootNode().addChildNode(node, None)
shape = '<rect x="5" y="5" width="30" height="30" fill="#c83c0a"/>'
node.addShapesFromSvg('<svg width="60pt" height="60pt">' + shape + '</svg>')
""",
    "text": """
node = doc.createVectorLayer("source")
doc.rootNode().addChildNode(node, None)
shape = '<text x="5" y="30" font-size="24" fill="#c83c0a">Ab</text>'
node.addShapesFromSvg('<svg width="60pt" height="60pt">' + shape + '</svg>')
""",
    "file": """
doc.exportImage(path, krita.InfoObject())
node = doc.createFileLayer("source", path, "None")
doc.rootNode().addChildNode(node, None)
""",
    "masked": """
node = doc.createNode("source", "paintlayer")
node.setPixelData(QtCore.QByteArray(bytes([10, 60, 200, 255]) * 1600), 5, 5, 40, 40)
doc.rootNode().addChildNode(node, None)
hole = krita.Selection(); hole.select(10, 10, 20, 20, 255)
mask = doc.createTransparencyMask("mask"); mask.setSelection(hole)
node.addChildNode(mask, None)
""",
    "hidden": """
node = doc.createNode("source", "paintlayer")
node.setPixelData(QtCore.QByteArray(bytes([10, 60, 200, 255]) * 1600), 5, 5, 40, 40)
node.setVisible(False)
doc.rootNode().addChildNode(node, None)
""",
    "locked": """
node = doc.createNode("source", "paintlayer")
node.setPixelData(QtCore.QByteArray(bytes([10, 60, 200, 255]) * 1600), 5, 5, 40, 40)
node.setLocked(True)
doc.rootNode().addChildNode(node, None)
""",
    "animated": """
node = doc.createNode("source", "paintlayer")
node.setPixelData(QtCore.QByteArray(bytes([10, 60, 200, 255]) * 1600), 5, 5, 40, 40)
doc.rootNode().addChildNode(node, None)
node.enableAnimation()
""",
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_kind_of_source(krita: Krita, kind: str, folder) -> None:
    """What is seen of the layer is inverted on a new layer, and the layer itself stays as it was."""
    krita.run(
        "picture(64, 64)\n" + SOURCES[kind] + "\ndoc.refreshProjection(); doc.waitForDone()",
        path=str(folder / "linked.png"),
    )
    krita.until("(doc.setActiveNode(node), doc.activeNode().name() == 'source' and node.bounds().width())[1]")
    given = array(krita.run("pixels(node, 0, 0, 64, 64)"), "RGBA", "U8", 64, 64)
    assert given[..., 3].any()
    apply(krita)
    made = array(
        krita.run("pixels(next(n for n in layers(doc) if n.name().startswith('Velatura')), 0, 0, 64, 64)"),
        "RGBA", "U8", 64, 64,
    )  # fmt: skip
    assert np.array_equal(made[..., 3], given[..., 3])
    seen = given[..., 3] > 0
    assert np.array_equal(made[seen][:, :3], 255 - given[seen][:, :3])
    assert krita.run("pixels(node, 0, 0, 64, 64)") == given.tobytes()
    notes = {"hidden": "is hidden", "animated": "is animated"}
    if kind in notes:
        assert notes[kind] in krita.run("studio.watch(); studio.source_words")


@pytest.mark.parametrize("finest", [False, True])
@pytest.mark.parametrize(
    ("model", "depth", "profile"),
    [
        *(s for s in SPACES if s[0] not in ("RGBA", "GRAYA") or s[2]),
        ("XYZA", "U16", ""),
        ("YCbCrA", "U8", ""),
    ],
)
def test_strength_0_is_the_original_in_every_space(
    krita: Krita, model: str, depth: str, profile: str, finest: bool
) -> None:
    """F3: pure black ink stays pure black ink, though it travels as sRGB; the same for Refine."""
    given = noise(model, depth)
    given[20:40, :, :-1] = 0
    given[20:40, :, -2] = given[..., -2].max()  # of CMYK: black ink alone
    krita.run(
        "picture(w, h, model, depth, profile); fill(layer, data, 0, 0, w, h); studio.look.strength = 0.0",
        w=WIDTH, h=HEIGHT, model=model, depth=depth, profile=profile, data=given.tobytes(),
    )  # fmt: skip
    krita.until("doc.activeNode() is not None")
    krita.run(
        "studio.look.choose('mosaic'); task = studio.refine() if finest else studio.apply()", finest=finest
    )
    krita.until("task is not None and task.over")
    assert krita.run("task.words, pixels(layers(doc)[1], 0, 0, w, h)") == ["Done", given.tobytes()]


@pytest.mark.parametrize(
    ("model", "depth"),
    [("CMYKA", "U8"), ("CMYKA", "F32"), ("LABA", "U16"), ("XYZA", "U16"), ("YCbCrA", "U8")],
)
def test_a_little_strength_changes_a_little_in_every_space(krita: Krita, model: str, depth: str) -> None:
    """F3: from the original on everything changes step by step, with black ink as with every other colour."""
    given = noise(model, depth)
    given[20:40, :, :-1] = 0
    given[20:40, :, -2] = given[..., -2].max()
    krita.run(
        "picture(w, h, model, depth, ''); fill(layer, data, 0, 0, w, h); studio.look.choose('mosaic')",
        w=WIDTH, h=HEIGHT, model=model, depth=depth, data=given.tobytes(),
    )  # fmt: skip
    krita.until("doc.activeNode() is not None")
    whole, before = float(np.ptp(given.astype(np.float64)[..., :-1])), given.astype(np.float64)
    for strength in (0.004, 0.01, 0.03, 0.06, 0.1):
        krita.run("studio.look.strength = strength", strength=strength)
        apply(krita)
        data = krita.run("pixels(layers(doc)[-1], 0, 0, w, h)")
        now = array(data, model, depth).astype(np.float64)
        assert np.abs(now - before).max() <= 0.5 * whole, f"a jump at {strength}"
        assert np.abs(now - before).mean() <= 0.08 * whole
        before = now
