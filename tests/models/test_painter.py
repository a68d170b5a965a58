"""`fast` and `multi`: installed networks paint, blend, and treat large pictures as one."""

from dataclasses import replace

import pytest
import torch
from models.driving import stylized
from velatura_models.maths.grain import grain
from velatura_models.maths.tiling import Box, tiles
from velatura_models.methods.loading import Loader, load_method
from velatura_models.methods.method import FoundStyle, StyleShare, framed, work
from velatura_models.networks.transform_net import TransformNet
from velatura_models.store.files import WeightsError
from velatura_models.store.nets import PHOTO, add_net, describe_net, installed, remove_net, save_net
from velatura_models.store.verify import verify_networks

STYLES = ("ink", "tiles", "wool")


def trained(seed, styles, **kwargs):
    torch.manual_seed(seed)
    net = TransformNet(styles, **kwargs)
    for rows in (net.gamma, net.beta):
        rows.data += 0.3 * torch.randn_like(rows)
    return net.eval()


@pytest.fixture
def weights(tmp_path):
    save_net(
        tmp_path / "nets" / "three.transform.safetensors", "transform", trained(0, 3), {"styles": 3}, STYLES
    )
    alone = trained(1, 1)
    save_net(tmp_path / "nets" / "sand.transform.safetensors", "transform", alone, {"styles": 1}, ["sand"])
    return tmp_path


def source(name):
    def never():
        raise AssertionError("these methods need neither card nor picture")

    return FoundStyle(name, 1.0, never, never)


def painter(weights, method="multi", **kwargs):
    return load_method(Loader(method=method, folder=weights, **kwargs))


def smooth(height, width):
    torch.manual_seed(3)
    coarse = torch.rand(1, 3, height // 8, width // 8)
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)


def test_a_style_is_painted_as_its_network_paints_it(weights):
    method, rgb = painter(weights), torch.rand(1, 3, 32, 40)
    got, _ = stylized(method, rgb, [StyleShare(method.style(source("tiles")))])
    wanted = trained(0, 3)(rgb, torch.tensor([[0.0, 1.0, 0.0]]))
    assert (got - wanted).abs().max() < 2e-3  # files hold float16


def test_a_flat_ground_is_painted_in_one_way_whatever_the_tiles(weights):
    method, flat = painter(weights), torch.full((1, 3, 64, 96), 0.6)
    share = [StyleShare(method.style(source("tiles")))]
    got, _ = stylized(method, flat, share)
    assert float(got[..., 16:-16, 16:-16].std()) > 0.01
    seen = torch.cat([grain(flat, box) for box in (Box(0, 0, 64, 40), Box(0, 40, 64, 96))], 3)
    torch.testing.assert_close(seen, grain(flat, Box(0, 0, 64, 96)))


def test_styles_of_one_network_blend_by_their_scales_and_shifts(weights):
    method, rgb = painter(weights), torch.rand(1, 3, 32, 40)
    styles = [StyleShare(method.style(source(name)), w) for name, w in (("ink", 1.0), ("wool", 3.0))]
    got, _ = stylized(method, rgb, styles)
    wanted = trained(0, 3)(rgb, torch.tensor([[0.25, 0.0, 0.75]]))
    assert (got - wanted).abs().max() < 2e-3


def test_strength_and_mask_lay_the_picture_over_the_photo(weights):
    method, rgb = painter(weights), torch.rand(1, 3, 32, 40)
    target = [StyleShare(method.style(source("ink")))]
    full, _ = stylized(method, rgb, target)
    assert torch.equal(stylized(method, rgb, target, 0.0)[0], rgb)
    mask = torch.rand(1, 1, 32, 40)
    faded, _ = stylized(method, rgb, target, mask)
    torch.testing.assert_close(faded, rgb + mask * (full - rgb))


def test_strength_fades_between_the_rows_of_style_and_photo(tmp_path):
    net, known = trained(0, 3, widths=(8, 8, 8), blocks=1), ("ink", "wool", PHOTO)
    shape = {"styles": 3, "widths": (8, 8, 8), "blocks": 1}
    save_net(tmp_path / "nets" / "three.transform.safetensors", "transform", net, shape, known)
    method, rgb = painter(tmp_path), smooth(64, 80)
    ink = [StyleShare(method.style(source("ink")))]
    got, seen = stylized(method, rgb, ink, 0.25)
    between, photo = (net(rgb, torch.tensor([row])) for row in ([0.25, 0.0, 0.75], [0.0, 0.0, 1.0]))
    assert (got - (between + 0.75 * (rgb - photo))).abs().max() < 3e-3
    assert len(seen.pictures) == 2  # the photo's row is kept: the next strength costs one pass
    assert torch.equal(stylized(method, rgb, ink, 0.0)[0], rgb)
    half = torch.zeros(1, 1, 64, 80)
    half[..., 40:] = 0.25  # a hard selection at the same strength
    inside, _ = stylized(method, rgb, ink, half)
    torch.testing.assert_close(inside[..., 48:], got[..., 48:], rtol=0, atol=2e-3)
    assert torch.equal(inside[..., :32], rgb[..., :32])
    with pytest.raises(WeightsError, match="no network of this method paints in the style 'photo'"):
        method.style(source(PHOTO))


def test_regions_are_painted_in_their_own_style_and_the_rest_stays(weights):
    method, rgb = painter(weights), torch.rand(1, 3, 32, 48)
    left, middle = torch.zeros(1, 1, 32, 48), torch.zeros(1, 1, 32, 48)
    left[..., :16], middle[..., 16:32] = 1, 1
    ink, wool = (method.style(source(name)) for name in ("ink", "wool"))
    got, _ = stylized(method, rgb, [StyleShare(ink, 1.0, left), StyleShare(wool, 1.0, middle)])
    for part, region in ((ink, slice(0, 16)), (wool, slice(16, 32))):
        alone, _ = stylized(method, rgb, [StyleShare(part)])
        torch.testing.assert_close(got[..., region], alone[..., region], rtol=0, atol=1e-5)
    torch.testing.assert_close(got[..., 32:], rgb[..., 32:])


def test_a_painted_picture_is_kept_for_the_next_strength(weights, monkeypatch):
    method, rgb = painter(weights), torch.rand(1, 3, 32, 40)
    target = [StyleShare(method.style(source("ink")))]
    full, kept = stylized(method, rgb, target)
    monkeypatch.setattr(method, "tile", None)  # it could not paint again
    half, _ = stylized(method, rgb, target, 0.5, known=kept)
    torch.testing.assert_close(half, (rgb + full) / 2)


@pytest.mark.parametrize("side", [4096, 32])
def test_what_every_strength_needs_is_painted_once(tmp_path, monkeypatch, side):
    """A whole picture's ahead of the first strength below 1, a cut one's with it."""
    shape = {"styles": 2, "widths": (8, 8, 8), "blocks": 1}
    net = trained(0, **shape)
    save_net(tmp_path / "nets" / "two.transform.safetensors", "transform", net, shape, ["ink", PHOTO])
    method, rgb = painter(tmp_path), smooth(48, 64)
    styles = [StyleShare(method.style(source("ink")))]
    cut = tiles(48, 64, side, 16)
    _, known = stylized(method, rgb, styles, 1.0, cut=cut)
    todo = work(replace(framed(rgb, None, method.footprint, side), tiles=cut), styles)
    todo.seen = known
    with torch.inference_mode():
        for _ in method.ahead(todo):
            pass
    wanted, known = stylized(method, rgb, styles, 0.3, known=known if side > 48 else None, cut=cut)
    painted, tile = [], method.tile
    monkeypatch.setattr(method, "tile", lambda rgb, how, by: painted.append(how.key) or tile(rgb, how, by))
    got, _ = stylized(method, rgb, styles, 0.6, known=known, cut=cut)
    assert sum(key[1] == PHOTO for key in painted) == 0 and len(painted) == len(cut) + (len(cut) > 1)
    again, _ = stylized(method, rgb, styles, 0.3, known=known, cut=cut)
    torch.testing.assert_close(again, wanted, rtol=0, atol=1e-5)
    assert not torch.equal(got, again)


@pytest.mark.parametrize("valid", [False, True])
def test_exact_tiles_equal_the_whole(tmp_path, valid):
    form = {"valid": valid, "widths": (4, 6, 8), "blocks": 2}
    path = tmp_path / "nets" / "sand.transform.safetensors"
    save_net(path, "transform", trained(2, 1, **form), {"styles": 1, **form}, ["sand"], half=False)
    rgb = smooth(256, 384)
    method = painter(tmp_path, "fast")
    assert len(method.footprint.cut(256, 384, 64)) > 4
    target = [StyleShare(method.style(source("sand")))]
    wanted, _ = stylized(method, rgb, target)
    exact, kept = stylized(method, rgb, target, exact=True, tile=64)
    assert kept.nbytes == 0
    assert (exact - wanted).abs().max() < 1e-3
    thumbnail, _ = stylized(method, rgb, target, tile=64)
    assert (thumbnail - wanted).abs().mean() < 0.1  # a random network's; nothing breaks at the seams
    assert torch.isfinite(thumbnail).all()


def test_a_picture_smaller_than_a_network_needs_is_painted_all_the_same(tmp_path):
    form = {"valid": True, "widths": (4, 6, 8), "blocks": 2}
    path = tmp_path / "nets" / "sand.transform.safetensors"
    save_net(path, "transform", trained(2, 1, **form), {"styles": 1, **form}, ["sand"], half=False)
    method = painter(tmp_path, "fast")
    got, _ = stylized(method, smooth(16, 24), [StyleShare(method.style(source("sand")))])
    assert torch.isfinite(got).all() and got.shape == (1, 3, 16, 24)


def test_a_batch_norm_network_needs_no_statistics(tmp_path):
    form = {"norm": "batch", "widths": (4, 6, 8), "blocks": 2}
    path = tmp_path / "nets" / "sand.transform.safetensors"
    save_net(path, "transform", trained(2, 1, **form), {"styles": 1, **form}, ["sand"], half=False)
    rgb = smooth(208, 336)
    method = painter(tmp_path, "fast")
    target = [StyleShare(method.style(source("sand")))]
    wanted, _ = stylized(method, rgb, target)
    got, _ = stylized(method, rgb, target, tile=64)
    assert (got - wanted).abs().max() < 1e-4


def test_fast_and_multi_know_their_own_networks_only(weights):
    assert set(STYLES) <= painter(weights).known.keys()
    assert "sand" in painter(weights, "fast").known
    with pytest.raises(WeightsError, match=r"'sand'.*knows.*style-n-plus-one"):
        painter(weights).style(source("sand"))


def test_an_added_style_needs_the_network_it_was_trained_on(weights):
    trunk = describe_net(weights / "nets" / "three.transform.safetensors")
    row = {"gamma": torch.full((1, 1603), 0.5), "beta": torch.zeros(1, 1603)}
    path = weights / "moss.style.safetensors"
    save_net(path, "style", row, {}, ["moss"], needs=trunk.digest)
    add_net(path, weights)
    assert torch.equal(painter(weights).style(source("moss")).data.gamma, row["gamma"])
    save_net(path, "style", {"gamma": torch.zeros(1, 7)}, {}, ["moss"], needs=trunk.digest)
    add_net(path, weights)
    with pytest.raises(WeightsError, match="no gamma of shape"):
        painter(weights).style(source("moss"))
    save_net(path, "style", row, {}, ["moss"], needs="0" * 32)
    add_net(path, weights)
    assert "moss" not in painter(weights).known
    remove_net("moss.style", weights)
    assert "moss" not in [net.name for net in installed("style", weights)]


def test_files_that_are_no_networks_are_refused(weights, tmp_path):
    good = weights / "nets" / "three.transform.safetensors"
    other = tmp_path / "other.transform.safetensors"
    save_net(other, "transform", {"x": torch.zeros(3)}, {"styles": 3}, STYLES)
    add_net(other, weights)
    (weights / "nets" / "sand.transform.safetensors").unlink()
    good.unlink()
    with pytest.raises(WeightsError, match="is no TransformNet"):
        method = painter(weights)
        method.style(source("ink"))
    (weights / "nets" / "cut.transform.safetensors").write_bytes(other.read_bytes()[:-5])
    checks = {check.backbone: check for check in verify_networks(weights)}
    assert checks["other"].ok and not checks["cut"].ok and "truncated" in checks["cut"].detail
    other.write_bytes(other.read_bytes()[:-5])
    with pytest.raises(WeightsError, match="truncated or damaged"):
        add_net(other, weights)
    torch.save({"x": 1}, other)
    with pytest.raises(WeightsError, match="pickle"):
        add_net(other, weights)
