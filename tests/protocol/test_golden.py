"""Golden byte vectors: every message is packed as it was when the protocol was published.

`golden.json` maps a name to the hex of frame 1. It changes only when the protocol does: then run
`python tests/protocol/test_golden.py` and say so in PROTOCOL.md's changelog.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from velatura import messages as m
from velatura.pixels import Layout
from velatura.recipe import Refine, Style, Stylize, Texture

FILE = Path(__file__).with_name("golden.json")
DIGEST = "b3d3d8287f2467ebab08184b5e994649"
LAYOUT = Layout(2, 1, "RGBA", "u8")
STYLIZE = Stylize(
    styles=(Style("great-wave", "", 0.25, ""), Style("", DIGEST, 1.0, DIGEST)),
    strength=0.5,
    scale=1.5,
    color="luminance",
    method="adain",
    backbone="slim",
    residual=True,
    networks=("slim/adain 0123456789ab", "slim/encoder fedcba987654"),
)

LAYERS = (("relu1_1", 0.5), ("relu4_1", 0.25))
REFINE = Refine(
    styles=(Style("the-scream"),),
    iterations=100,
    content_weight=1.0,
    style_weight=50.0,
    tv_weight=0.5,
    content_layers=(("relu4_2", 1.0),),
    style_layers=LAYERS,
    optimizer="lbfgs",
    learning_rate=0.25,
    init="noise",
    pooling="avg",
    levels=2,
    scale=1.5,
    color="luminance",
    seed=7,
    backbone="vgg19",
)
TEXTURE = Texture(
    styles=(Style("marbling"),),
    width=640,
    height=480,
    iterations=100,
    style_layers=LAYERS,
    tv_weight=0.5,
    optimizer="adam",
    learning_rate=0.25,
    pooling="max",
    levels=2,
    scale=1.5,
    tileable=True,
    seed=7,
    backbone="slim",
)  # every field is given, so that a tuned default changes no vector

VECTORS: dict[str, m.Message] = {
    "hello": m.Hello(1, 0, "krita 5.2", "0123456789abcdef0123456789abcdef", ("previews",)),
    "welcome": m.Welcome(1, 0, "0.1.0", ("previews", "stop"), 30.0, 2**30),
    "heartbeat": m.Heartbeat(),
    "alive": m.Alive(),
    "bye": m.Bye(),
    "error": m.Error("bad_field", "is 2; allowed is 0 to 1", "recipe.strength", job="j1"),
    "offer": m.Offer("c1", DIGEST, LAYOUT),
    "offer of a premultiplied linear layer": m.Offer(
        "c1", DIGEST, Layout(7, 5, "BGRA", "f32", True, "linear")
    ),
    "credit": m.Credit("c1", 4),
    "chunk": m.Chunk("c1", 4194304, 4194304),
    "lent": m.Lent("c1"),
    "have": m.Have("c1", DIGEST),
    "fetch": m.Fetch("c2", DIGEST),
    "drop": m.Drop("c2"),
    "submit": m.Submit("j1", STYLIZE, DIGEST, DIGEST, "batch", "key", True, 512, 0.5),
    "submit of a refinement": m.Submit("j2", REFINE, DIGEST),
    "submit of a texture": m.Submit("j3", TEXTURE),
    "need": m.Need("j1", (DIGEST,)),
    "queued": m.Queued("j1", 3),
    "started": m.Started("j1"),
    "paused": m.Paused("j1", "a preview comes first"),
    "progress": m.Progress("j1", 10, 200, {"style": 0.5, "content": 1.25}, 12.5),
    "preview": m.Preview("j1", 10, DIGEST, LAYOUT),
    "result": m.Result("j1", DIGEST, LAYOUT, STYLIZE, {"device": "cpu", "threads": 2}),
    "failed": m.Failed("j1", "out_of_memory", "does not fit", "recipe"),
    "cancelled": m.Cancelled("j1", "superseded"),
    "cancel": m.Cancel("j1"),
    "stop": m.Stop("j1"),
    "attach": m.Attach("j1"),
    "release": m.Release("j1"),
    "request": m.Request("r1", "style_add", "", {"name": "mine", "digest": DIGEST}),
    "reply": m.Reply("r1", [{"name": "great-wave", "year": 1831}], True),
}


def golden() -> dict[str, str]:
    return json.loads(FILE.read_text())


def test_every_message_type_has_a_vector():
    assert {type(message) for message in VECTORS.values()} == set(m.TYPES.values())
    assert set(golden()) == set(VECTORS)


@pytest.mark.parametrize("name", VECTORS)
def test_packed_as_published(name: str):
    assert m.encode(VECTORS[name]).hex() == golden()[name]


@pytest.mark.parametrize("name", VECTORS)
def test_the_published_bytes_are_read(name: str):
    assert m.decode(bytes.fromhex(golden()[name])) == VECTORS[name]


def test_what_the_first_clients_say_is_still_read():
    """`golden-first.json` never changes: messages of the same major as they were first packed."""
    for frame in json.loads(FILE.with_name("golden-first.json").read_text()).values():
        m.decode(bytes.fromhex(frame))


if __name__ == "__main__":
    FILE.write_text(json.dumps({n: m.encode(v).hex() for n, v in VECTORS.items()}, indent=1) + "\n")
