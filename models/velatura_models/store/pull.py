"""Getting a backbone's weights: download, verify, convert, put in place.

The caller names the cache folder; nothing here knows of a daemon. Originals are removed once they are
converted, since every converted file carries the sha256 of what it was made from. torch is imported when
there is something to convert or to check, so that a download begins, and breaks off, at once.
"""

from __future__ import annotations

import os
import urllib.error
from collections.abc import Mapping
from pathlib import Path

from .download import DownloadProgress, fetch
from .files import WeightsError, read
from .manifest import MANIFEST, Backbone, backbones, describe

MIRROR = "VELATURA_MODELS_URL"
"""Environment variable with an address to fetch from instead of the manifest's."""


def pull(
    name: str,
    cache: Path,
    base: str = "",
    manifest: Path = MANIFEST,
    progress: DownloadProgress | None = None,
    file: Path | None = None,
) -> bool:
    """Makes a backbone's weights available in the cache.

    Args:
        name: a backbone of the manifest.
        cache: folder to put them in.
        base: address to fetch from instead of the manifest's; the environment's `MIRROR` otherwise.
        manifest: path of the manifest.
        progress: told of every piece that arrives.
        file: torchvision's weights where they lie already, instead of downloading them; for a backbone of
            torchvision's only.

    Returns:
        Whether anything was fetched; False when sound weights were there already.

    Raises:
        WeightsError: `unknown`, `missing`, `download`, `corrupt` or `architecture`; the cache is then
            unchanged.
    """
    known = backbones(manifest)
    if name not in known:
        raise WeightsError("unknown", f"no backbone is called {name!r}; known: {', '.join(known)}")
    backbone = known[name]
    if file is not None and backbone.source != "torchvision":
        raise WeightsError("unknown", f"{name} is not torchvision's: it cannot be read from a file of that")
    if backbone.source == "embedded" or _sound(backbone, cache):
        return False
    base = base or os.environ.get(MIRROR, "") or backbone.base
    if backbone.source == "torchvision":
        _pull_torchvision(backbone, cache, file)
        return True
    downloads = cache / "downloads"
    _convert(backbone, {file.part: fetch(file, base, downloads, progress) for file in backbone.files}, cache)
    return True


def _convert(backbone: Backbone, fetched: Mapping[str, Path], cache: Path) -> None:
    """Puts what was fetched, by the part that it becomes, in place, and removes the originals."""
    from .convert import decoder_from_sequential, encoder_from_sequential, read_checkpoint
    from .weights import decoder_path, encoder_path, save_decoder, save_encoder

    name = backbone.name
    hashes = {file.part: file.sha256 for file in backbone.files}
    about = {"licence": backbone.licence, "source": backbone.base}
    encoder = encoder_from_sequential(read_checkpoint(fetched["encoder"]))
    decoders = {
        part: decoder_from_sequential(read_checkpoint(path))
        for part, path in fetched.items()
        if part != "encoder"
    }
    digest = save_encoder(
        encoder_path(name, cache), name, encoder, {**about, "sha256": hashes["encoder"]}, half=False
    )
    for method, decoder in decoders.items():
        path = decoder_path(name, method, cache)
        save_decoder(path, decoder, method, digest, {**about, "sha256": hashes[method]}, half=False)
    for path in fetched.values():
        path.unlink()


def _sound(backbone: Backbone, cache: Path) -> bool:
    """Whether the cache holds intact weights made from exactly the pinned files."""
    if not describe(backbone, cache)["installed"]:
        return False
    from .weights import DECODER_FORMAT, ENCODER_FORMAT, decoder_path, encoder_path

    pinned: Mapping[str, str] = {file.part: file.sha256 for file in backbone.files}
    try:
        _, about = read(encoder_path(backbone.name, cache), ENCODER_FORMAT)
        if about.get("sha256", "") != pinned.get("encoder", ""):
            return False
        for method in backbone.methods:
            _, told = read(decoder_path(backbone.name, method, cache), DECODER_FORMAT)
            if told.get("sha256") != pinned[method] or told.get("encoder") != about["digest"]:
                return False
    except WeightsError:
        return False
    return True


def _pull_torchvision(backbone: Backbone, cache: Path, file: Path | None) -> None:
    """From a file, or through torchvision's own loading code, which checks the hash in the file's name."""
    from torchvision.models import VGG19_Weights

    from .convert import encoder_from_torchvision, read_checkpoint
    from .weights import encoder_path, save_encoder

    weights = VGG19_Weights.IMAGENET1K_V1
    folder = cache / "downloads"
    if file is not None:
        if not file.is_file():
            raise WeightsError("missing", f"there is no file {file}")
        state = read_checkpoint(file)
    else:
        try:
            state = weights.get_state_dict(model_dir=str(folder), check_hash=True, weights_only=True)
        except (urllib.error.URLError, OSError, RuntimeError) as error:
            raise WeightsError("download", f"torchvision could not load {weights.url}: {error}") from error
    about = {"licence": backbone.licence, "source": weights.url if file is None else file.name}
    encoder = encoder_from_torchvision(state)
    save_encoder(encoder_path(backbone.name, cache), backbone.name, encoder, about, half=False)
    (folder / Path(weights.url).name).unlink(missing_ok=True)
