"""Pulling weights: pinned, resumed, verified, converted once, and never half in place."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import torchvision
from models.fileserver import FileServer, serving
from models.published import adain_decoder, vgg_normalised
from safetensors import safe_open
from torchvision.models import VGG19_Weights
from velatura_models.store import download
from velatura_models.store.convert import read_checkpoint
from velatura_models.store.download import fetch, file_sha256
from velatura_models.store.files import WeightsError
from velatura_models.store.manifest import RemoteFile, backbones
from velatura_models.store.pull import MIRROR, pull
from velatura_models.store.verify import psnr, sample_picture, verify
from velatura_models.store.weights import load_backbone, load_decoder

FILES = {"vgg_normalised.pth": "encoder", "decoder.pth": "adain"}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.nn.Sequential]:
    torch.manual_seed(5)
    return {"vgg_normalised.pth": vgg_normalised().eval(), "decoder.pth": adain_decoder().eval()}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, published) -> Path:
    """A folder with both files as their publisher saves them, with random numbers inside."""
    folder = tmp_path_factory.mktemp("site")
    for name, network in published.items():
        torch.save(network.state_dict(), folder / name)
    return folder


@pytest.fixture
def server(site: Path) -> Iterator[FileServer]:
    with serving(site) as running:
        yield running


@pytest.fixture(scope="module")
def manifest(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped manifest, with the checksums of the synthetic files."""
    data = json.loads(Path(download.__file__).with_name("manifest.json").read_text())
    for entry in data["backbones"]:
        for item in entry.get("files", ()):
            path = site / item["name"]
            item.update(sha256=file_sha256(path), size=path.stat().st_size)
    path = tmp_path_factory.mktemp("manifest") / "manifest.json"
    path.write_text(json.dumps(data))
    return path


@pytest.fixture(scope="module")
def pulled(site: Path, manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = tmp_path_factory.mktemp("cache")
    with serving(site) as server:
        assert pull("vgg19", cache, base=server.base, manifest=manifest)
    return cache


def test_the_shipped_manifest_pins_every_download() -> None:
    known = backbones()
    assert list(known) == ["slim", "vgg19", "vgg19-imagenet"]
    vgg = {file.name: file for file in known["vgg19"].files}
    assert vgg["vgg_normalised.pth"].size == 80_102_481
    assert vgg["vgg_normalised.pth"].sha256.startswith("804ca2835ecf7539")
    assert vgg["decoder.pth"].sha256.startswith("379ca41d59f3a37e")
    assert all(b.licence for b in known.values())


def test_the_pulled_encoder_computes_what_the_published_one_does(pulled: Path, published) -> None:
    picture = torch.rand(1, 3, 48, 32, generator=torch.Generator().manual_seed(2))
    ours = load_backbone("vgg19", pulled)(picture, ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"])
    indices = {"relu1_1": 3, "relu2_1": 10, "relu3_1": 17, "relu4_1": 30, "relu5_1": 43}
    with torch.no_grad():
        for name, index in indices.items():
            theirs = published["vgg_normalised.pth"][: index + 1](picture)
            torch.testing.assert_close(ours[name], theirs, atol=1e-6, rtol=1e-4)


def test_the_pulled_decoder_computes_what_the_published_one_does(pulled: Path, published) -> None:
    features = torch.rand(1, 512, 6, 4, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        theirs = published["decoder.pth"](features)
    ours = load_decoder("vgg19", "adain", pulled)({"relu4_1": features})
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-4)


def test_what_was_pulled_tells_its_licence_and_origin(pulled: Path, manifest: Path) -> None:
    with safe_open(pulled / "vgg19.safetensors", "pt") as file:
        about = file.metadata()
    assert "Oxford" in about["licence"]
    assert about["sha256"] == backbones(manifest)["vgg19"].files[0].sha256
    assert not list((pulled / "downloads").glob("[!.]*")), "the originals are removed once converted"


def test_a_second_pull_fetches_nothing(pulled: Path, manifest: Path, server: FileServer) -> None:
    assert not pull("vgg19", pulled, base=server.base, manifest=manifest)
    assert server.requests == []


def test_a_mirror_can_be_named_in_the_environment(
    tmp_path: Path, manifest: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MIRROR, server.base + "nowhere")
    with pytest.raises(WeightsError, match=r"nowhere/vgg_normalised\.pth answers 404"):
        pull("vgg19", tmp_path, manifest=manifest)


def test_verify_refuses_random_weights_although_their_digests_fit(pulled: Path, manifest: Path) -> None:
    encoder, decoder = verify("vgg19", pulled, manifest)
    assert encoder.ok
    assert decoder.part == "adain" and not decoder.ok
    assert decoder.psnr is not None and decoder.psnr < 14.5


def test_verify_names_what_is_missing(tmp_path: Path) -> None:
    (check,) = verify("vgg19", tmp_path)
    assert not check.ok and "velatura models pull vgg19" in check.detail


def test_no_answer_without_a_network_passes_the_self_test() -> None:
    """One flat colour, or the right picture with red and blue swapped, stay below every bound."""
    picture = sample_picture()
    bound = min(b.least_psnr for b in backbones().values() if b.methods)
    assert psnr(picture.mean((2, 3), keepdim=True).expand_as(picture), picture) < bound - 2
    assert psnr(picture.flip(1), picture) < bound


def test_the_embedded_weights_pass_the_self_test() -> None:
    checks = verify("slim", None)
    assert {check.part for check in checks} >= {"encoder", "adain"}
    assert all(check.ok for check in checks), checks


# A small file serves for how downloads behave.


@pytest.fixture
def small(tmp_path: Path) -> Iterator[tuple[FileServer, RemoteFile, bytes]]:
    folder = tmp_path / "site"
    folder.mkdir()
    data = bytes(range(256)) * 4000
    (folder / "net.pth").write_bytes(data)
    file = RemoteFile("net.pth", "encoder", file_sha256(folder / "net.pth"), size=len(data))
    with serving(folder) as server:
        yield server, file, data


def test_a_broken_download_goes_on_where_it_broke_off(small, tmp_path: Path) -> None:
    server, file, data = small
    server.break_after = 300_000
    seen: list[int] = []
    path = fetch(file, server.base, tmp_path / "to", lambda _, done, total: seen.append(done))
    assert path.read_bytes() == data
    assert [asked for _, asked in server.requests] == ["", "bytes=300000-"]
    assert seen == sorted(seen) and seen[-1] == len(data)


def test_a_partial_file_of_an_earlier_run_is_used(small, tmp_path: Path) -> None:
    server, file, data = small
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "net.pth.part").write_bytes(data[:1000])
    assert fetch(file, server.base, tmp_path / "to").read_bytes() == data
    assert server.requests == [("/net.pth", "bytes=1000-")]


def test_a_server_that_cannot_resume_is_read_from_the_start(small, tmp_path: Path) -> None:
    server, file, data = small
    server.ranges = False
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "net.pth.part").write_bytes(b"x" * 1000)
    assert fetch(file, server.base, tmp_path / "to").read_bytes() == data


@pytest.mark.parametrize("held", [b"wrong beginning", b"y" * 1_024_000, b"z" * 1_024_001])
def test_a_partial_file_with_wrong_bytes_is_found_out_and_discarded(
    small, tmp_path: Path, held: bytes
) -> None:
    server, file, data = small
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "net.pth.part").write_bytes(held)
    if len(held) <= len(data):
        with pytest.raises(WeightsError, match="not the pinned file"):
            fetch(file, server.base, tmp_path / "to")
        assert not list((tmp_path / "to").glob("net.pth*"))
    assert fetch(file, server.base, tmp_path / "to").read_bytes() == data


def test_another_file_under_the_name_is_refused_before_it_is_read(small, tmp_path: Path) -> None:
    server, file, data = small
    (server.folder / "net.pth").write_bytes(data + b"more")
    with pytest.raises(WeightsError, match="announces 1024004 bytes, pinned are 1024000"):
        fetch(file, server.base, tmp_path / "to")
    assert not list((tmp_path / "to").glob("net.pth*"))


def test_a_file_over_its_bound_is_refused(small, tmp_path: Path) -> None:
    server, file, _ = small
    bound = RemoteFile(file.name, file.part, file.sha256, at_most=1000)
    with pytest.raises(WeightsError, match="at most 1000"):
        fetch(bound, server.base, tmp_path / "to")


def test_a_file_whose_size_is_unknown_is_held_to_its_checksum(small, tmp_path: Path) -> None:
    server, file, data = small
    bound = RemoteFile(file.name, file.part, file.sha256, at_most=2_000_000)
    server.break_after = 1000
    assert fetch(bound, server.base, tmp_path / "to").read_bytes() == data


def test_server_errors_are_reported_in_words(small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, file, _ = small
    monkeypatch.setattr(download.time, "sleep", lambda _: None)
    server.fail = 503
    with pytest.raises(WeightsError, match="answers 503"):
        fetch(file, server.base, tmp_path / "to")
    assert len(server.requests) == download.ATTEMPTS
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(WeightsError, match=r"could not be fetched.*try again later"):
        fetch(file, f"http://127.0.0.1:{port}/", tmp_path / "to")


def test_two_pulls_at_once_fetch_a_file_once(small, tmp_path: Path) -> None:
    server, file, data = small
    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(lambda _: fetch(file, server.base, tmp_path / "to"), range(2)))
    assert paths[0].read_bytes() == data and paths[0] == paths[1]
    assert len(server.requests) == 1


class Bomb:
    """Would run code when unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("the pickle was executed",))


@pytest.mark.parametrize("kind", ["garbage", "truncated", "code", "a list", "numbers", "empty"])
def test_what_is_no_plain_checkpoint_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "net.pth"
    if kind in ("garbage", "empty"):
        path.write_bytes(b"not a checkpoint" if kind == "garbage" else b"")
    elif kind == "truncated":
        torch.save({"0.weight": torch.zeros(1000)}, path)
        path.write_bytes(path.read_bytes()[:2000])
    else:
        held = {"code": Bomb(), "a list": [torch.zeros(1)], "numbers": {"0.weight": 1.0}}[kind]
        torch.save(held, path)
    with pytest.raises(WeightsError, match=r"net\.pth") as caught:
        read_checkpoint(path)
    assert caught.value.code == "corrupt"


def test_a_checkpoint_of_another_network_leaves_the_cache_empty(
    site: Path, manifest: Path, tmp_path: Path
) -> None:
    """Both files are sound and verified; the decoder's place holds something else."""
    swapped = tmp_path / "site"
    swapped.mkdir()
    (swapped / "vgg_normalised.pth").symlink_to(site / "vgg_normalised.pth")
    torch.save({"1.weight": torch.zeros(2)}, swapped / "decoder.pth")
    data = json.loads(manifest.read_text())
    item = data["backbones"][1]["files"][1]
    item.update(sha256=file_sha256(swapped / "decoder.pth"), size=(swapped / "decoder.pth").stat().st_size)
    (tmp_path / "manifest.json").write_text(json.dumps(data))
    with serving(swapped) as server, pytest.raises(WeightsError, match=r"lacks '1\.bias'") as caught:
        pull("vgg19", tmp_path / "cache", base=server.base, manifest=tmp_path / "manifest.json")
    assert caught.value.code == "architecture"
    assert not list((tmp_path / "cache").glob("*.safetensors"))


def test_torchvisions_network_agrees_away_from_the_borders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(7)
    with torch.device("meta"):  # the classifier, half a gigabyte, is never allocated
        network = torchvision.models.vgg19(weights=None, init_weights=False)
    features = network.features.to_empty(device="cpu")
    for parameter in features.parameters():
        torch.nn.init.normal_(parameter, std=0.03)
    state = {f"features.{name}": tensor for name, tensor in features.state_dict().items()}
    asked = {}

    def get_state_dict(self: VGG19_Weights, **options: object) -> dict[str, torch.Tensor]:
        asked.update(options)
        return state

    monkeypatch.setattr(VGG19_Weights, "get_state_dict", get_state_dict)
    assert pull("vgg19-imagenet", tmp_path)
    assert asked["check_hash"] is True and asked["weights_only"] is True
    torch.save(state, tmp_path / "mine.pth")
    assert pull("vgg19-imagenet", tmp_path / "other", file=tmp_path / "mine.pth")
    loaded = (load_backbone("vgg19-imagenet", cache).state_dict() for cache in (tmp_path, tmp_path / "other"))
    for here, there in zip(*(tensors.values() for tensors in loaded), strict=True):
        assert torch.equal(here, there)
    picture = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(2))
    ours = load_backbone("vgg19-imagenet", tmp_path)(picture, ["relu2_1", "relu3_1"])
    normalised = VGG19_Weights.IMAGENET1K_V1.transforms()
    mean = torch.tensor(normalised.mean).reshape(3, 1, 1)
    std = torch.tensor(normalised.std).reshape(3, 1, 1)
    with torch.no_grad():
        for name, index, border in (("relu2_1", 6, 4), ("relu3_1", 11, 5)):
            theirs = features[: index + 1]((picture - mean) / std)
            inner = (..., slice(border, -border), slice(border, -border))
            torch.testing.assert_close(ours[name][inner], theirs[inner], atol=1e-5, rtol=1e-3)


def test_a_file_that_holds_another_network_than_torchvisions_is_refused(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(2)}, tmp_path / "other.pth")
    for name, file, code in (
        ("vgg19-imagenet", "other.pth", "architecture"),
        ("vgg19-imagenet", "none.pth", "missing"),
        ("vgg19", "other.pth", "unknown"),
    ):
        with pytest.raises(WeightsError) as caught:
            pull(name, tmp_path / "cache", file=tmp_path / file)
        assert caught.value.code == code
    assert not list(tmp_path.rglob("*.safetensors"))
