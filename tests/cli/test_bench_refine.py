"""`velatura bench refine` on a tiny network: both contestants come nearer to what they are judged by."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from cli.running import velatura
from velatura_daemon.cli import bench_card, bench_floors, bench_refine
from velatura_models.networks.encoder import Encoder


class Half(bench_refine.PlainNeighbours):
    """A plain one that is soon done: half the content, half the style."""

    def walk(self, evaluations: int):
        yield torch.lerp(self.content, self.style, 0.5)
        yield torch.lerp(self.content, self.style, 0.51)


def test_contestants_are_judged_alike_and_ours_comes_nearer(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    contest = bench_refine.CONTESTS["neighbours"]
    few = replace(contest, plain=Half, options={"iterations": 6, "levels": 1})
    monkeypatch.setitem(bench_refine.CONTESTS, "neighbours", few)
    encoder = Encoder((4, 4, 8, 8, 8)).eval().requires_grad_(False)
    content, style = torch.rand(2, 1, 3, 64, 64).unbind()
    found = bench_refine.race("neighbours", encoder, content, 0.5 * style)
    with torch.no_grad():
        before = float(Half(encoder, content, 0.5 * style).loss(content))
    for who, count in (("plain", 2), ("ours", 6)):
        seconds, losses = zip(*found[who], strict=True)
        assert len(seconds) == count and list(seconds) == sorted(seconds) and seconds[0] > 0
        assert losses[-1] < before, who
    assert found["both_come_to"] == max(found[who][-1][1] for who in ("plain", "ours"))
    assert found["time_share"] > 0


def test_an_objective_that_is_not_known_is_refused() -> None:
    outcome = velatura("bench", "refine", "--objectives", "gram,waves")
    assert outcome.code == 3 and "has 'waves'; known: gram, neighbours, strotss" in outcome.err


def test_costs_on_a_card_are_those_of_all_convolutions() -> None:
    bench = bench_card.CardBench("cpu", torch.bfloat16, enough=0.0)
    encoder = Encoder((2, 4, 4, 4, 4), preprocess=False)
    cost = bench_floors.cost(lambda x: encoder(x, ["relu1_2"]), (16, 32), encoder, item=bench.item)
    assert cost.operations == 2 * 9 * 16 * 32 * (3 * 2 + 2 * 2)
    kernels = 9 * (3 * 2 + 2 * 2)
    assert cost.bytes == 2 * (18 * 34 * (3 + 2) + 16 * 32 * (2 + 2) + kernels)
    bench.rates = {"bfloat16": 1e9, "bytes": 1e9}
    figures = bench.figures(1e-3, cost)
    assert figures["ratio"] == pytest.approx(1e-3 / max(cost.operations, cost.bytes) * 1e9)
