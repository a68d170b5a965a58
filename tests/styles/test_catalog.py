"""The catalog: what ships is complete, consistent, and of a work of art it is what Velatura painted."""

from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest
from PIL import Image
from velatura.errors import VelaturaError
from velatura.recipe import Style
from velatura_daemon.styles import build as catalog_build
from velatura_daemon.styles.build import build_cards, refresh_digests, render_thumbnails, render_works
from velatura_daemon.styles.catalogue import KINDS, STYLES, StyleEntry, catalog
from velatura_daemon.styles.library import check_name

WORKS = [entry for entry in catalog().values() if entry.kind == "work"]
PAINTED = [entry for entry in catalog().values() if entry.kind == "procedural"]


def test_there_are_at_least_eight_painted_pictures_and_sixteen_works():
    assert len(PAINTED) >= 8 and len(WORKS) >= 16
    assert {"great-wave", "starry-night", "the-scream", "composition-vii"} <= set(catalog())


@pytest.mark.parametrize("entry", catalog().values(), ids=catalog())
def test_every_entry_says_what_it_is_and_where_it_comes_from(entry):
    assert check_name(entry.name) and entry.kind in KINDS
    assert entry.title and entry.artist and entry.year and entry.rights
    assert Style(name=entry.name).name == entry.name
    with Image.open(entry.thumbnail) as image:
        assert image.size == (256, 256)
        assert np.asarray(image.convert("L"), float).std() > 10


@pytest.mark.parametrize("entry", PAINTED, ids=lambda e: e.name)
def test_painted_pictures_are_the_ones_whose_digest_is_stated(entry):
    data = entry.picture.read_bytes()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (entry.size, entry.digest)


@pytest.mark.parametrize("entry", WORKS, ids=lambda e: e.name)
def test_works_ship_as_cards_and_renderings_with_their_rights_and_an_address_or_none(entry):
    assert entry.picture is None and entry.cards["slim"].is_file()
    assert entry.rendering.stat().st_size <= 300_000
    with Image.open(entry.rendering) as image:
        assert 400 <= min(image.size) <= 512  # the size at which styles are seen at scale 1
    assert "CC0" in entry.rights or "died before 1946" in entry.rights
    if entry.url:
        assert entry.url.startswith("https://") and entry.size > 10_000 and len(entry.digest) == 64
    else:
        assert not entry.size and not entry.digest


def test_nothing_else_ships():
    expected = {STYLES / "catalog.json"}
    for entry in catalog().values():
        expected |= {entry.thumbnail}
        expected |= {entry.cards["slim"], entry.rendering} if entry.kind == "work" else {entry.picture}
    assert {path for path in STYLES.rglob("*") if path.is_file()} == expected


def test_every_card_belongs_to_the_encoder_that_ships_and_holds_sound_statistics():
    from velatura_models.networks.encoder import FIRST_LAYERS
    from velatura_models.store.cards import load_card
    from velatura_models.store.files import weights_digest
    from velatura_models.store.weights import load_backbone

    encoder = load_backbone("slim")
    weights = weights_digest(encoder.state_dict())
    widths = dict(zip(FIRST_LAYERS, encoder.widths, strict=True))
    means = []
    for entry in WORKS:
        card = load_card(entry.cards["slim"], weights)
        for layers in card.stats.values():
            assert {name: len(mean) for name, (mean, _) in layers.items()} == widths
            assert all(bool((std > 0).all()) and bool(mean.isfinite().all()) for mean, std in layers.values())
        for name, gram in card.grams.items():
            assert gram.shape == (widths[name], widths[name]) and bool(gram.isfinite().all())
        means.append(card.stats[1.0]["relu4_1"][0].numpy())
    apart = np.linalg.norm(np.stack(means)[:, None] - np.stack(means), axis=-1) + np.eye(len(means)) * 1e9
    assert apart.min() > 0.01, "no two cards are the same picture's"


@pytest.fixture
def two_works(tmp_path, monkeypatch):
    """A catalog of two works, whose pictures lie in a folder."""
    folder = tmp_path / "works" / "deep"
    folder.mkdir(parents=True)
    entries = {}
    for k, name in enumerate(("first", "second")):
        path = folder / f"source_{name}.png"
        Image.fromarray(np.random.default_rng(k).integers(0, 256, (72, 96, 3), np.uint8)).save(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if k else ""
        entries[name] = StyleEntry(
            name, name, "A", "1900", "work", "CC0", source=f"source_{name}", digest=digest
        )
    monkeypatch.setattr(catalog_build, "catalog", lambda: entries)
    return tmp_path / "works"


def test_build_makes_cards_that_tell_pictures_apart(two_works, tmp_path):
    from velatura_models.store.cards import load_card
    from velatura_models.store.files import weights_digest
    from velatura_models.store.weights import load_backbone

    written = build_cards(two_works, tmp_path / "cards")
    assert [path.name for path in written] == ["first.slim.safetensors", "second.slim.safetensors"]
    weights = weights_digest(load_backbone("slim").state_dict())
    first, second = (load_card(path, weights).grams["relu3_1"] for path in written)
    assert float((first - second).abs().max()) > 1e-3
    assert list((tmp_path / "cards").glob("*.part")) == []


def test_renderings_are_what_paint_makes_of_the_works_small_enough_to_ship(two_works, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(catalog_build, "RENDERING_SIDE", 36)

    def paint(image: Image.Image) -> Image.Image:
        asked.append(image.size)
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)

    (written,) = render_works(two_works, paint, tmp_path / "renderings", ("second",))
    assert written == tmp_path / "renderings" / "second.webp" and asked == [(45, 36)]  # the middle
    (whole,) = render_works(two_works, lambda image: image, tmp_path / "whole", ("second",))
    monkeypatch.setattr(catalog_build, "RENDERING_BYTES", whole.stat().st_size - 1)
    (smaller,) = render_works(two_works, lambda image: image, tmp_path / "smaller", ("second",))
    assert smaller.stat().st_size < whole.stat().st_size


def test_build_refuses_missing_and_wrong_pictures_before_writing(two_works, tmp_path):
    picture = next(two_works.rglob("source_second.png"))
    shutil.copy(next(two_works.rglob("source_first.png")), picture)
    with pytest.raises(VelaturaError, match="not the picture") as wrong:
        build_cards(two_works, tmp_path / "cards")
    picture.unlink()
    with pytest.raises(VelaturaError, match="source_second") as missing:
        build_cards(two_works, tmp_path / "cards")
    assert (wrong.value.code, missing.value.code) == ("digest_mismatch", "unknown_style")
    assert not (tmp_path / "cards").exists()


def test_thumbnails_show_the_sample_scene_in_every_style(tmp_path):
    asked = []

    def stylize(image: Image.Image, name: str) -> Image.Image:
        asked.append(name)
        assert np.asarray(image, float).std() > 20
        return image

    written = render_thumbnails(stylize, tmp_path)
    assert asked == list(catalog()) and {path.stem for path in written} == set(catalog())
    with Image.open(written[0]) as image:
        assert image.size == (256, 256)


def test_digests_are_those_of_the_files(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "one.webp").write_bytes(b"picture")
    path = tmp_path / "catalog.json"
    path.write_text(
        json.dumps({"styles": [{"name": "one", "kind": "procedural"}, {"name": "é", "kind": "work"}]})
    )
    refresh_digests(path)
    one, work = json.loads(path.read_text(encoding="utf-8"))["styles"]
    assert (one["size"], one["sha256"]) == (7, hashlib.sha256(b"picture").hexdigest())
    assert work == {"name": "é", "kind": "work"}
