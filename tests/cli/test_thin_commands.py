"""Commands whose work is done elsewhere (models, train, bench, install): what they pass on and show."""

from __future__ import annotations

import dataclasses
import importlib
import io
import json
import os
import subprocess
import sys
import typing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cli.running import spawned, velatura
from models.fileserver import serving
from rich.console import Console
from velatura_daemon.cli import (
    bench_memory,
    bench_pictures,
    bench_sizes,
    benchmarks,
    completion,
    exits,
    models,
    show,
    train,
)
from velatura_daemon.install import Folder, gimp
from velatura_models.methods.loading import MODULES, Loader, load_method
from velatura_models.methods.method import FoundStyle
from velatura_models.store.files import WeightsError
from velatura_models.store.nets import find_net, installed
from velatura_models.store.verify import Check


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_models_list_tells_what_is_installed() -> None:
    rows = {row["name"]: row for row in velatura("models", "list", "--json").json}
    assert rows["slim"]["installed"] and "adain" in rows["slim"]["methods"]
    assert not rows["vgg19"]["installed"] and rows["vgg19"]["methods"] == []
    serves = ["adain-skip", "adain", "wct", "style-swap", "refine", "texture"]
    assert rows["slim"]["serves"] == serves and rows["vgg19"]["serves"] == ["adain", "refine", "texture"]
    assert rows["painter.transform"]["serves"] == ["multi"] and rows["x4.superres"]["serves"] == ["upscale"]
    listed = velatura("models", "list").out
    assert "41 styles" in listed
    assert "painter.transform" in listed and max(map(len, listed.splitlines())) < 150
    assert "Oxford" in velatura("models", "show", "slim").out
    assert velatura("models", "show", "slime").code == 7


def test_the_list_knows_which_methods_share_a_decoder() -> None:
    used = {method: (loader := Loader(method=method), load_method(loader))[0].used for method in MODULES}
    decoders = {method: [*names][-1].partition("/")[2] for method, names in used.items() if names}
    assert {m: decoder for m, decoder in decoders.items() if decoder != m} == models.DECODER_OF


def test_a_cut_network_is_called_damaged(own_home: Path) -> None:
    nets = own_home / "data" / "weights" / "nets"
    nets.mkdir(parents=True)
    whole = next(net for net in installed("transform") if net.name == "cut-paper").path
    (nets / "mine.transform.safetensors").write_bytes(whole.read_bytes()[:9000])
    assert "damaged" in velatura("models", "list").out
    with pytest.raises(WeightsError, match="truncated or damaged"):
        find_net("mine", "transform", nets.parent)
    style = FoundStyle("mine", 1.0, lambda: pytest.fail("no card"), lambda: pytest.fail("no picture"))
    for method in ("fast", "multi"):
        with pytest.raises(WeightsError, match="truncated or damaged"):
            load_method(Loader(method=method, folder=nets.parent)).style(style)


def test_what_is_shown_tells_a_terminal_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show.line("a\x1b[31m夏\x07.png")
    show.note("b\x9b0m\r")
    told = capsys.readouterr()
    assert (told.out, told.err) == ("a\\x1b[31m夏\\x07.png\n", "b\\x9b0m\\r\n")


def test_a_narrow_terminal_gets_paragraphs_a_pipe_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = io.StringIO()
    terminal = Console(file=told, force_terminal=True, no_color=True, width=60)
    monkeypatch.setattr(show, "console", lambda file: terminal)
    rows = [("wave", "Under a very long title indeed " * 3, "1884 to 1886")]
    show.table(("name", "title", "year"), rows)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["name", "wave"] and not told.getvalue()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    show.table(("name", "title", "year"), rows)
    assert "year: 1884" in told.getvalue() and "\n  title: Under a very" in told.getvalue()


def test_tab_offers_styles_files_and_choices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "starfish.png").touch()
    (tmp_path / "stars").mkdir()
    assert completion.styles("star") == ["starry-night", "starfish.png", "stars/"]

    def offered(words: str) -> list[str]:
        asked = {"_VELATURA_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "3"}
        return spawned(**asked).out.split()

    assert offered("velatura stylize --method adain-") == ["adain-skip"]


def test_a_failed_pull_says_why_and_leaves_nothing(tmp_path: Path, own_home: Path) -> None:
    (tmp_path / "site").mkdir()
    with serving(tmp_path / "site") as server:
        outcome = velatura("models", "pull", "vgg19", "--url", server.base)
    assert outcome.code == exits.DOWNLOAD and "vgg_normalised.pth answers 404" in outcome.err
    assert not list(own_home.rglob("*.safetensors"))


def test_pulling_what_ships_fetches_nothing_and_what_does_not_exist_is_named() -> None:
    assert velatura("models", "pull", "slim").out == "slim: already there, digests fit\n"
    outcome = velatura("models", "pull", "vgg16")
    assert outcome.code == 7 and "known: slim, vgg19, vgg19-imagenet" in outcome.err


def test_verify_tells_scripts_by_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Check("slim", "adain", False, "reconstructs at 3.0 dB", 3.0)
    monkeypatch.setattr("velatura_models.store.verify.verify", lambda *_: [wrong])
    outcome = velatura("models", "verify", "--json")
    assert outcome.code == exits.PROBLEMS and outcome.json[0]["psnr"] == 3.0
    assert "WRONG" in velatura("models", "verify").out


@dataclasses.dataclass(frozen=True)
class Options:
    """How to train.

    Args:
        photos, paintings: two folders
            of pictures.
        rate: learning rate.
    """

    photos: Path
    paintings: Path
    widths: tuple[int, ...] = (1, 2)
    rate: float = 0.5
    start: Path | None = None


def trainer(seen: list[Options]) -> Any:
    """A module such as those of `velatura_models.training`."""

    def main(options: Options, report: Any) -> Path:
        report(1, 2, {"loss": 3.0})
        if options.rate <= 0:
            raise ValueError(f"rate is {options.rate}; it must be positive")
        seen.append(options)
        return Path("made.safetensors")

    return SimpleNamespace(main=main)


def test_a_trainers_dataclass_becomes_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Options] = []
    monkeypatch.setattr(train, "importlib", SimpleNamespace(import_module=lambda _: trainer(seen)))
    words = ("train", "slim", "--photos", "p", "--paintings", "q")
    assert velatura(*words, "--widths", "4,5,6", "--rate", 0.25).out == "made.safetensors\n"
    assert velatura(*words, "--widths", "").code == 0
    assert seen == [Options(Path("p"), Path("q"), (4, 5, 6), 0.25), Options(Path("p"), Path("q"), ())]
    shown = velatura("train", "slim", "--help").out
    assert "Two folders of pictures." in " ".join(shown.replace("│", " ").split())
    outcome = velatura(*words, "--rate", -1)
    assert outcome.code == 3 and "rate is -1.0; it must be positive" in outcome.err
    assert velatura("train", "slim").code == exits.USAGE


def test_the_real_trainers_options_are_understood() -> None:
    for name in train.TRAINERS:
        shown = velatura("train", name, "--help")
        assert shown.code == 0 and "--out" in shown.out and "--steps" in shown.out
        assert velatura("train", name, "-h").out == shown.out
        module = importlib.import_module(train._module(name))
        options = next(iter(typing.get_type_hints(module.main).values()))
        told = {**train.COMMON, **train.argument_docs(options)}
        assert not [field.name for field in dataclasses.fields(options) if not told.get(field.name)]
    outcome = velatura("train", "fast", "--style", "a", "--content", "b", "--out", "c", "--device", "cuda:77")
    assert outcome.code == 3 and "cuda:77" in outcome.err


def test_bench_prints_nested_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmarks, "speed", lambda tell, device: {"slim": {"round_trip": 0.25}, "rounds": 7})
    assert velatura("bench", "--json").json == {"slim": {"round_trip": 0.25}, "rounds": 7}
    lines = velatura("bench").out.splitlines()
    assert [line.split() for line in lines[1:]] == [["slim.round_trip", "0.25"], ["rounds", "7"]]


def test_bench_of_sizes_passes_them_on_and_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slider(sides, device, tell):
        moves = {
            str(side): {"move": side / 1e5, "processor": side / 1e4, "floor": side / 2e4} for side in sides
        }
        return {
            "painter": {**moves, "four_megapixels_of_one": 4.0},
            "any_style": moves,
            "counted": "processor",
            "device": device,
        }

    monkeypatch.setattr(bench_sizes, "slider", slider)
    plot = tmp_path / "slider.png"
    words = ("bench", "slider", "--sides", "256,512", "--device", "cpu", "--plot", str(plot), "--json")
    figures = velatura(*words).json
    assert figures["device"] == "cpu" and figures["any_style"]["512"]["floor"] == 0.0256
    assert plot.read_bytes()[:4] == b"\x89PNG"
    wrong = velatura("bench", "slider", "--sides", "256;512")
    assert wrong.code != 0 and "512,1024" in wrong.err


def test_operations_are_those_of_the_convolutions() -> None:
    """Of slim's decoder alone, counted by hand: widths 32, 64, 128, 256 and two levels beside."""
    plan = (
        (256, 128, 8),
        *[(128, 128, 4)] * 3,
        (128, 64, 4),
        (64, 64, 2),
        (64, 32, 2),
        (32, 32, 1),
        (32, 3, 1),
    )
    own = sum(18 * a * b * (512 // step) ** 2 for a, b, step in plan)
    taps = 2 * 128 * 128 * 128**2 + 2 * 64 * 64 * 256**2
    found = benchmarks.operations("slim", "adain-skip", decoding_alone=True)
    assert found == pytest.approx((own + taps) / 1e9)
    assert benchmarks.operations("slim", "adain-skip") > 1.8 * found


def test_without_psutil_the_bench_of_memory_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    monkeypatch.setattr(bench_memory, "memory", lambda *_, tell: bench_memory.pss(1))
    outcome = velatura("bench", "memory")
    assert outcome.code == exits.USAGE and "pip install 'velatura[bench]'" in outcome.err


def test_bench_pictures_passes_on_any_field_of_a_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert velatura("bench", "pictures", "--vgg", "x").code == exits.USAGE
    given: list[Any] = []
    six = {"style": 0.3, "gram": 0.2, "palette": 0.1, "recognised": 1.0, "grid": 1.1, "content": 1.2}

    def pictures(*places: Any, tell: Any) -> dict[str, Any]:
        given.append(places[3])
        return {"pairs": 4, "photo": six, "result": six | {"seconds": 0.5}, "recipe": {"kind": "stylize"}}

    monkeypatch.setattr(bench_pictures, "pictures", pictures)
    words = ("bench", "pictures", "--vgg", "v", "--content", "c", "--style", "s")
    assert (
        velatura(*words, "--method", "adain", "--set", "strength=0.5", "--set", "color=luminance").code == 0
    )
    assert (
        velatura(*words, "--set", "kind=refine", "--set", "iterations=5", "--json").json["result"]["grid"]
        == 1.1
    )
    assert given == [
        {"kind": "stylize", "method": "adain", "strength": 0.5, "color": "luminance"},
        {"kind": "refine", "iterations": 5},
    ]
    lines = velatura(*words).out.splitlines()
    assert lines[0].split() == list(six) and lines[2].split()[1:] == [
        f"{value:.3f}" for value in six.values()
    ]
    assert "4 pairs; 0.50 s each; kind stylize" in lines[3]
    for wrong in ("strength", "strenth=1", "kind=paint"):
        outcome = velatura(*words, "--set", wrong)
        assert outcome.code == exits.BY_CODE["bad_field"] and wrong.partition("=")[0] in outcome.err


@pytest.mark.parametrize("action", ["install", "uninstall"])
def test_installers_are_called_and_their_lines_shown(monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    calls: list[Any] = []

    def act(places: Any, *, dry_run: bool) -> list[str]:
        calls.append((places, dry_run))
        return ["one", "two"]

    monkeypatch.setattr(gimp, action, act)
    assert velatura(action, "gimp", "--dry-run").out == "one\ntwo\n"
    assert velatura(action, "gimp", "--folder", "/x/plug-ins").code == 0
    assert calls == [(None, True), ([Folder("gimp in /x/plug-ins", Path("/x/plug-ins"))], False)]
    assert velatura(action, "photoshop").code == exits.USAGE


def test_letters_that_a_pipe_lacks_are_escaped(tmp_path: Path) -> None:
    """An ASCII pipe, as under cron or on Windows: a line still comes out, JSON stays JSON."""
    outcome = spawned("stylize", "Грусть.png", "-s", "mosaic", "-o", "o.png", PYTHONIOENCODING="ascii")
    assert outcome.code == exits.FILES and r"\u0413" in outcome.err and "defect" not in outcome.err
    code = "from velatura_daemon.cli import show; show.as_json({'title': 'Cœur'})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout) == {"title": "Cœur"}
