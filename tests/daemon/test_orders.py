"""What supervisor and worker say to each other survives the way between them."""

from __future__ import annotations

import dataclasses

import msgpack
import pytest
from velatura.errors import FieldError
from velatura.pixels import Layout
from velatura.recipe import Refine, Style
from velatura_daemon.between import orders

LAYOUT = Layout(3, 2, "GRAYA", "f16", True, "linear")
RECIPE = Refine(styles=(Style(name="a", weight=0.5), Style(digest="d", mask="m")), iterations=7)
VALUES = {
    "settings": {"threads": 2},
    "status": {"device": "cpu", "networks": ["slim"]},
    "record": {"seconds": {"encode": 0.25}},
    "recipe": RECIPE,
    "layout": LAYOUT,
    "losses": {"content": 0.5},
    "pictures": (orders.Named("d", LAYOUT), orders.Named("m", Layout(3, 2, "GRAY"))),
    "job": "8c1f",
    "step": 3,
    "of": 10,
    "size": 4096,
    "digest": "d",
    "code": "internal",
    "message": "what happened, ä",
    "preview_every": 0.5,
}


@pytest.mark.parametrize("kind", orders.KINDS.values(), ids=orders.KINDS)
def test_every_order_and_report_arrives_as_it_was_sent(kind: type):
    named = {field.name for field in dataclasses.fields(kind)}
    message = kind(**{name: value for name, value in VALUES.items() if name in named})
    travelled = msgpack.unpackb(msgpack.packb(orders.to_plain(message)) or b"")
    assert orders.from_plain(travelled) == message


def test_a_value_out_of_range_is_refused_on_arrival():
    sent = orders.to_plain(orders.Intermediate("job", 1, "d", LAYOUT))
    sent["layout"]["width"] = 0
    with pytest.raises(FieldError, match=r"layout\.width"):
        orders.from_plain(sent)
