"""Backbones, their decoders and metrics: loaded from files, and saved.

`slim` lies in this package; `vgg19` and `vgg19-imagenet` lie in a cache folder that the caller names, where
`velatura_models.store.pull` put them. A decoder names the digest of the encoder that it was trained for.

    <folder>/<backbone>.safetensors             an encoder
    <folder>/<backbone>.<method>.safetensors    a decoder for it
    <folder>/<backbone>.metric.safetensors      how VGG-19 weighs what it sees, for one that is not VGG-19
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from torch import Tensor

from ..networks.decoder import Decoder
from ..networks.encoder import FIRST_LAYERS, Encoder, check_state, encoder_from_state
from .files import Net, WeightsError, header, load, load_into, read, remedy, write
from .manifest import EMBEDDED

BACKBONES = ("slim", "vgg19", "vgg19-imagenet")
DECODERS = ("adain-skip", "adain")
"""The methods that a backbone's decoder is for, the best first."""

ENCODER_FORMAT = "velatura-encoder-1"
DECODER_FORMAT = "velatura-decoder-1"
METRIC_FORMAT = "velatura-metric-1"


def load_backbone(name: str, cache: Path | None = None, pool: str = "max") -> Encoder:
    """A backbone in float32, in evaluation mode, without gradients.

    Args:
        name: one of `BACKBONES`.
        cache: folder of pulled weights; embedded ones need none.
        pool: `max` or `avg`, as for `Encoder`.

    Raises:
        WeightsError: unknown name, or missing, corrupt or other-architecture file.
    """
    about = find_backbone(name, cache)
    encoder = load(about, partial(encoder_from_state, pool=pool))
    if (metric := about.path.with_suffix(".metric.safetensors")).is_file():
        encoder.metric = _metric(metric, encoder, about.digest)
    return encoder


def load_decoder(backbone: str, method: str = "auto", cache: Path | None = None) -> Decoder:
    """The decoder of a backbone for a method, in float32, in evaluation mode, without gradients.

    Args:
        backbone: one of `BACKBONES`; `vgg19-imagenet` has no decoder.
        method: one of `DECODERS`, or `auto` for the best that is installed.
        cache: folder of pulled weights.

    Raises:
        WeightsError: as `load_backbone`; also when the decoder belongs to other encoder weights.
    """
    if method == "auto":
        method = methods_of(backbone, cache)[0]
    return load_into(Decoder, find_pair(backbone, method, cache)[1])


def find_backbone(name: str, cache: Path | None = None) -> Net:
    """What the file of a backbone says of it; raises `WeightsError` as `load_backbone`."""
    path = encoder_path(name, cache)
    about = header(path, ENCODER_FORMAT)
    if about.get("backbone") != name:
        raise WeightsError("architecture", f"{path} holds {about.get('backbone')!r}, not {name!r}")
    return Net(name, "encoder", path, digest=about.get("digest", ""), format=ENCODER_FORMAT)


def find_pair(backbone: str, method: str, cache: Path | None = None) -> tuple[Net, Net]:
    """What a backbone's and its decoder's file say of them; raises `WeightsError` as `load_decoder`."""
    path, encoder = decoder_path(backbone, method, cache), find_backbone(backbone, cache)
    about = header(path, DECODER_FORMAT)
    if about.get("method") != method:
        raise WeightsError("architecture", f"{path} holds method {about.get('method')!r}, not {method!r}")
    try:
        architecture = {
            "widths": [int(width) for width in about["widths"].split(",")],
            "skips": [name for name in about["skips"].split(",") if name],
            "upsampling": about["upsampling"],
        }
    except (KeyError, ValueError) as error:
        raise WeightsError("corrupt", f"{path} has a header that cannot be read: {error}") from error
    needs, digest = about.get("encoder", ""), about.get("digest", "")
    decoder = Net(backbone, method, path, architecture, needs=needs, digest=digest, format=DECODER_FORMAT)
    if decoder.needs != encoder.digest:
        raise WeightsError(
            "architecture",
            f"{path} was trained for encoder weights {decoder.needs[:12]}, but {backbone} holds "
            f"{encoder.digest[:12]}; {remedy(backbone)}",
        )
    return encoder, decoder


def methods_of(backbone: str, cache: Path | None = None) -> tuple[str, ...]:
    """The feed-forward methods installed for a backbone, best first.

    Raises:
        WeightsError: when there is none.
    """
    found = tuple(m for m in DECODERS if decoder_path(backbone, m, cache).is_file())
    if found:
        return found
    if backbone == "vgg19-imagenet":
        raise WeightsError(
            "unknown", "vgg19-imagenet has no decoder: it serves refine and texture; use slim or vgg19"
        )
    raise WeightsError("missing", f"no decoder for {backbone!r} is installed; {remedy(backbone)}")


def save_encoder(
    path: Path, name: str, state: Mapping[str, Tensor], about: Mapping[str, str], half: bool = True
) -> str:
    """Writes a backbone's file atomically and gives the digest that its decoders must name.

    Args:
        path: where; `EMBEDDED / "slim.safetensors"` for the shipped one.
        name: one of `BACKBONES`.
        state: an `Encoder`'s state.
        about: further header entries: source, licence, steps.
        half: whether to store fp16, else float32.
    """
    try:
        check_state(state)
    except ValueError as error:
        raise WeightsError("architecture", f"{path} is no encoder: {error}") from error
    return write(path, state, {**about, "format": ENCODER_FORMAT, "backbone": name}, half)


def save_decoder(
    path: Path, decoder: Decoder, method: str, encoder: str, about: Mapping[str, str], half: bool = True
) -> str:
    """Writes a decoder's file atomically and gives its digest.

    Args:
        path: where; `EMBEDDED / "slim.adain.safetensors"` for a shipped one.
        decoder: the trained network.
        method: one of `DECODERS`.
        encoder: digest of the encoder weights it was trained for, from `save_encoder`.
        about: further header entries.
        half: whether to store fp16, else float32.
    """
    state = decoder.state_dict()
    widths = [state[f"convs.{index}.weight"].shape[1] for index in (7, 6, 4, 0)]
    return write(
        path,
        state,
        {
            **about,
            "format": DECODER_FORMAT,
            "method": method,
            "encoder": encoder,
            "widths": ",".join(str(w) for w in widths),
            "skips": ",".join(decoder.skips),
            "upsampling": decoder.upsampling,
        },
        half,
    )


def save_metric(path: Path, metric: Mapping[str, Tensor], encoder: str, about: Mapping[str, str]) -> str:
    """Writes an encoder's metric atomically and gives its digest.

    Args:
        metric: `(C, C)` for each of `FIRST_LAYERS`.
        encoder: digest of the encoder's weights.
        about: further header entries.
    """
    return write(path, metric, {**about, "format": METRIC_FORMAT, "encoder": encoder}, half=True)


def encoder_path(backbone: str, cache: Path | None = None) -> Path:
    """Where a backbone's weights lie or would lie; raises `WeightsError` for an unknown name."""
    return _folder(backbone, cache) / f"{backbone}.safetensors"


def decoder_path(backbone: str, method: str, cache: Path | None = None) -> Path:
    """Where a decoder's weights lie or would lie; raises `WeightsError` for an unknown name."""
    if method not in DECODERS:
        raise WeightsError("unknown", f"no method is called {method!r}; known: {', '.join(DECODERS)}")
    return _folder(backbone, cache) / f"{backbone}.{method}.safetensors"


def _folder(backbone: str, cache: Path | None) -> Path:
    if backbone not in BACKBONES:
        raise WeightsError("unknown", f"no backbone is called {backbone!r}; known: {', '.join(BACKBONES)}")
    if backbone == "slim":
        return EMBEDDED
    if cache is None:
        raise WeightsError("missing", f"{backbone!r} is not installed; {remedy(backbone)}")
    return cache


def _metric(path: Path, encoder: Encoder, digest: str) -> dict[str, Tensor]:
    """An encoder's metric in float32; raises `WeightsError` as `load_backbone`."""
    state, about = read(path, METRIC_FORMAT)
    shapes = {layer: (channels,) * 2 for layer, channels in zip(FIRST_LAYERS, encoder.widths, strict=True)}
    if {name: tuple(matrix.shape) for name, matrix in state.items()} != shapes:
        raise WeightsError("architecture", f"{path} is not a metric of {', '.join(FIRST_LAYERS)}")
    if about.get("encoder") != digest:
        raise WeightsError("architecture", f"{path} is for other weights than {digest[:12]}")
    return {name: matrix.float() for name, matrix in state.items()}
