"""Passes played back by a fake recorder; tests/engine/test_on_a_card.py has the real one."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from torch import Tensor
from velatura_models.methods.adain import AdaIN
from velatura_models.methods.loading import Loader, load_method
from velatura_models.methods.method import FoundStyle
from velatura_models.methods.painter import Painter
from velatura_models.networks.playback import MOST, Playback, RecordedPass, run_through
from velatura_models.optimise.gram import Gram, GramTarget, gram_loss


class Tape:
    """Records as a card does: results stay where they are, and replays read the inputs' memory."""

    def __init__(self) -> None:
        self.recorded, self.replayed = 0, 0

    def __call__(self, run, inputs) -> RecordedPass:
        self.recorded += 1
        places = [x.clone() for x in inputs]
        results = tuple(torch.full_like(each, torch.nan) for each in run(*places))

        def replay() -> None:
            self.replayed += 1
            for result, made in zip(results, run(*places), strict=True):
                result.copy_(made)

        return RecordedPass(replay, places, results)


def named(style: str) -> FoundStyle:
    """A style that a painter knows by its name."""

    def nothing() -> Any:
        raise AssertionError("a painter asks for names alone")

    return FoundStyle(style, 1.0, nothing, nothing)


def doubled(x: Tensor) -> tuple[Tensor]:
    return (2 * x,)


def test_the_first_of_a_shape_runs_the_second_is_recorded_and_all_others_are_played_back() -> None:
    tape = Tape()
    play = Playback(tape)
    found = [play("double", doubled, [torch.full((2,), float(k))])[0] for k in range(4)]
    assert [each.tolist() for each in found] == [[0, 0], [2, 2], [4, 4], [6, 6]]
    assert (tape.recorded, tape.replayed) == (1, 3)
    assert play.nbytes == 16
    play("double", doubled, [torch.zeros(3)])
    assert tape.recorded == 1, "a shape that comes once is not recorded"


def test_few_shapes_are_kept_the_latest() -> None:
    tape = Tape()
    play = Playback(tape)
    for _ in range(2):
        for length in range(MOST):
            play("double", doubled, [torch.zeros(length + 1)])
    assert tape.recorded == MOST
    play("double", doubled, [torch.zeros(99)])  # in place of the shortest
    play("double", doubled, [torch.zeros(MOST)])
    play("double", doubled, [torch.zeros(1)])
    assert (tape.recorded, tape.replayed) == (MOST, MOST + 1)


def test_what_cannot_be_recorded_runs_as_it_is_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    def refuses(run, inputs) -> RecordedPass:
        raise RuntimeError("operation not permitted when stream is capturing")

    play = Playback(refuses)
    with caplog.at_level(logging.WARNING):
        for k in range(4):
            assert play("double", doubled, [torch.full((1,), float(k))])[0].item() == 2 * k
    assert [r.getMessage() for r in caplog.records] == [
        "double cannot be recorded and runs step by step: operation not permitted when stream is capturing"
    ]


@pytest.fixture
def taped(monkeypatch: pytest.MonkeyPatch) -> Tape:
    """A processor that is taken for a card."""
    tape = Tape()

    def played(owner, name, pixels, run, *inputs):
        yield from ()
        play = owner.__dict__.setdefault("_taped", Playback(tape))
        return play(name, lambda *given: run_through(run(*given)), inputs)

    for module in ("methods.adain", "methods.painter", "optimise.terms"):
        monkeypatch.setattr(f"velatura_models.{module}.played", played)
    return tape


def test_any_style_and_painter_give_the_same_played_back(taped: Tape) -> None:
    method, painter = (load_method(Loader(method=name)) for name in ("adain-skip", "multi"))
    assert isinstance(method, AdaIN) and isinstance(painter, Painter)
    painting = painter.style(named(next(iter(painter.known))))
    for picture in torch.rand(4, 1, 3, 32, 32).unbind():
        features: dict[str, Tensor] = {}
        with torch.no_grad():
            for _ in method.encoder.steps(picture, method.levels, features):
                pass
            plain = run_through(method.decoder.steps(features))
            made = run_through(method.decode(run_through(method.encode(picture))))
            row = painting.data
            steps = run_through(row.net.steps(picture, row.gamma, row.beta))
            painted = run_through(painter.tile(picture, painting, None))
        assert torch.allclose(made, plain, atol=1e-5) and torch.allclose(painted, steps, atol=1e-5)
    assert (taped.recorded, taped.replayed) == (3, 9)


def test_a_loss_gives_the_same_played_back(taped: Tape) -> None:
    encoder = Loader().optimising_encoder()
    grams = {f"relu{b}_1": torch.eye(c) for b, c in enumerate(encoder.widths, 1)}
    weights = Gram(tv_weight=0.1)
    content = torch.rand(1, 3, 48, 40)
    loss, same = (gram_loss(encoder, (48, 40), weights, content, [GramTarget(grams)]) for _ in range(2))
    for picture in torch.rand(4, 1, 3, 48, 40).unbind():
        found = run_through(loss.evaluate(picture))
        values, gradient = run_through(same._evaluated(picture))
        assert found.losses["total"] == pytest.approx(float(values.sum()), rel=1e-5)
        assert set(found.losses) == {"content", "style", "tv", "total"}
        assert torch.allclose(found.gradient, gradient, atol=1e-7)
    assert taped.recorded == 1
