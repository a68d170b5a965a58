"""Weights come back as they were saved, and anything else is refused with a reason."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from velatura_models.networks.decoder import Decoder
from velatura_models.networks.encoder import Encoder
from velatura_models.store import weights
from velatura_models.store.files import WeightsError, weights_digest
from velatura_models.store.weights import load_backbone, load_decoder

WIDTHS = (4, 6, 8, 10, 10)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache with a small sound `vgg19` and both kinds of decoder."""
    torch.manual_seed(1)
    digest = weights.save_encoder(
        weights.encoder_path("vgg19", tmp_path), "vgg19", Encoder(WIDTHS).state_dict(), {"licence": "MIT"}
    )
    for method, skips in (("adain", ()), ("adain-skip", ("relu3_1", "relu1_1"))):
        decoder = Decoder(WIDTHS, skips, "bilinear" if skips else "nearest")
        weights.save_decoder(weights.decoder_path("vgg19", method, tmp_path), decoder, method, digest, {})
    return tmp_path


def refusal(code: str, cache: Path, load=load_backbone, *more: str) -> str:
    """The message of a load that must fail with `code`."""
    with pytest.raises(WeightsError) as caught:
        load("vgg19", *more, cache=cache)
    assert caught.value.code == code
    return str(caught.value)


def test_an_encoder_comes_back_with_its_widths_and_half_precision_values(tmp_path: Path) -> None:
    encoder = Encoder(WIDTHS, preprocess=False)
    weights.save_encoder(weights.encoder_path("vgg19", tmp_path), "vgg19", encoder.state_dict(), {})
    loaded = load_backbone("vgg19", tmp_path)
    assert loaded.widths == WIDTHS and loaded.conv0 is None and not loaded.training
    for name, tensor in encoder.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor.half().float())
        assert not loaded.state_dict()[name].requires_grad


def test_the_pool_is_the_callers_choice(cache: Path) -> None:
    assert load_backbone("vgg19", cache, pool="avg").pool == "avg"


def test_a_decoder_comes_back_with_its_form(cache: Path) -> None:
    plain, skipping = load_decoder("vgg19", "adain", cache), load_decoder("vgg19", "auto", cache)
    assert (plain.skips, plain.upsampling) == ((), "nearest")
    assert (skipping.skips, skipping.upsampling) == (("relu3_1", "relu1_1"), "bilinear")
    assert skipping.convs[0].weight.shape == (WIDTHS[2], WIDTHS[3], 3, 3)


def test_the_digest_names_values_not_storage(cache: Path) -> None:
    stored = load_file(weights.encoder_path("vgg19", cache))
    encoder = load_backbone("vgg19", cache)
    assert weights_digest(stored) == weights_digest(encoder.state_dict())
    with torch.no_grad():
        encoder.get_parameter("conv3_2.bias")[0] += 1e-3
    assert weights_digest(stored) != weights_digest(encoder.state_dict())


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="known: slim, vgg19, vgg19-imagenet") as caught:
        load_backbone("vgg16", tmp_path)
    assert caught.value.code == "unknown"
    assert "adain" in refusal("unknown", tmp_path, load_decoder, "wct")


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    assert "velatura models pull vgg19" in refusal("missing", tmp_path)
    assert "velatura models pull vgg19" in refusal("missing", tmp_path, load_decoder)


def test_the_imagenet_backbone_says_that_it_has_no_decoder(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no decoder"):
        load_decoder("vgg19-imagenet", "auto", tmp_path)


@pytest.mark.parametrize("kept", [0, 5, 400, -1])
def test_a_truncated_file_is_corrupt(cache: Path, kept: int) -> None:
    path = weights.encoder_path("vgg19", cache)
    path.write_bytes(path.read_bytes()[:kept])
    assert str(path) in refusal("corrupt", cache)


def test_one_flipped_bit_is_corrupt(cache: Path) -> None:
    path = weights.encoder_path("vgg19", cache)
    data = bytearray(path.read_bytes())
    data[-9] ^= 1
    path.write_bytes(data)
    assert "digest does not fit" in refusal("corrupt", cache)


class Bomb:
    """Would run code when unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("the pickle was executed",))


def test_a_pickle_is_never_loaded(cache: Path) -> None:
    weights.encoder_path("vgg19", cache).write_bytes(pickle.dumps(Bomb(), protocol=2))
    assert "a pickle, which is never loaded" in refusal("corrupt", cache)
    torch.save({"conv1_1.weight": torch.zeros(1)}, weights.encoder_path("vgg19", cache))
    assert "a pickle, which is never loaded" in refusal("corrupt", cache)


def test_a_decoder_where_an_encoder_belongs_is_refused(cache: Path) -> None:
    weights.decoder_path("vgg19", "adain", cache).replace(weights.encoder_path("vgg19", cache))
    assert "velatura-decoder-1" in refusal("architecture", cache)


def test_weights_without_velaturas_header_are_refused(cache: Path) -> None:
    save_file(Encoder(WIDTHS).state_dict(), weights.encoder_path("vgg19", cache))
    refusal("architecture", cache)


def test_an_encoder_of_another_shape_is_refused_naming_the_tensor(tmp_path: Path) -> None:
    state = Encoder(WIDTHS).state_dict()
    state["conv4_2.weight"] = torch.zeros(10, 9, 3, 3)
    with pytest.raises(
        WeightsError, match=r"conv4_2\.weight has shape \(10, 9, 3, 3\), expected \(10, 10, 3, 3\)"
    ):
        weights.save_encoder(tmp_path / "vgg19.safetensors", "vgg19", state, {})
    del state["conv4_2.weight"]
    with pytest.raises(WeightsError, match=r"lacks 'conv4_2\.weight'"):
        weights.save_encoder(tmp_path / "vgg19.safetensors", "vgg19", state, {})
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_are_not_finite_are_never_written(tmp_path: Path) -> None:
    state = Encoder(WIDTHS).state_dict()
    state["conv2_1.bias"][0] = 1e6  # infinite as fp16
    with pytest.raises(WeightsError, match=r"conv2_1\.bias is not finite"):
        weights.save_encoder(tmp_path / "vgg19.safetensors", "vgg19", state, {})
    assert list(tmp_path.iterdir()) == []


def test_a_decoder_of_other_encoder_weights_is_refused(cache: Path) -> None:
    path = weights.encoder_path("vgg19", cache)
    weights.save_encoder(path, "vgg19", Encoder(WIDTHS).state_dict(), {})
    assert "was trained for encoder weights" in refusal("architecture", cache, load_decoder, "adain")


def test_a_backbone_under_another_name_is_refused(cache: Path) -> None:
    weights.encoder_path("vgg19", cache).replace(weights.encoder_path("vgg19-imagenet", cache))
    with pytest.raises(WeightsError, match="holds 'vgg19', not 'vgg19-imagenet'"):
        load_backbone("vgg19-imagenet", cache)
