"""Weights and pictures pulled on request: with progress, cancelled, gone on with, and failed in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness import Daemon, Talk
from models.fileserver import serving
from velatura.errors import VelaturaError

SIZE = 80_102_481
"""Of the first file that `vgg19` is made of, in bytes."""


def pulled(talk: Talk, name: str, *states: str, least: int = 0) -> dict[str, Any]:
    """How a pull is, once it is in one of these states and that many bytes have come."""

    def found() -> dict[str, Any]:
        items = {item["name"]: item for item in talk.ask("pulls")}
        return items[name] if items[name]["state"] in states and items[name]["done"] >= least else {}

    return talk.until(found, f"{name} is {states}")


def test_a_pull_tells_how_far_it_is_is_cancelled_goes_on_and_fails_in_words(tmp_path: Path):
    with (tmp_path / "vgg_normalised.pth").open("wb") as file:
        file.truncate(SIZE)  # of the pinned size, but not the pinned bytes
    with serving(tmp_path) as server, Daemon(models_url=server.base) as daemon, daemon.connect() as talk:
        server.hold_after = 3 << 20
        assert talk.ask("pull", kind="model", name="vgg19")[0]["error"] == ""
        talk.ask("pull", kind="style", name="apples-and-grapes")
        running = pulled(talk, "vgg19", "running", least=2 << 20)
        assert running["done"] < SIZE < running["size"]
        assert pulled(talk, "apples-and-grapes", "waiting")
        talk.ask("pull_cancel", kind="style", name="apples-and-grapes")
        talk.ask("pull_cancel", kind="model", name="vgg19")
        states = [item["state"] for item in talk.ask("pulls")]
        assert states == ["cancelled", "cancelled"]
        server.hold_after = 0
        server.go_on.set()
        talk.ask("pull", kind="model", name="vgg19")
        failed = pulled(talk, "vgg19", "failed")
        assert "is not the pinned file" in failed["error"]
        assert [asked.startswith("bytes=") for _, asked in server.requests] == [False, True]


@pytest.mark.parametrize("args", [{}, {"kind": "model"}, {"kind": "url", "name": "x"}])
def test_a_pull_of_nothing_that_there_is_is_refused(talk: Talk, args: dict[str, str]):
    with pytest.raises(VelaturaError, match=r"^request\.args\."):
        talk.ask("pull", **args)
