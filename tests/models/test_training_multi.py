"""The trainers of many-style networks: losses equal their formulas, runs resume, styles are added."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from velatura_models.methods.loading import Loader
from velatura_models.methods.method import FoundStyle
from velatura_models.methods.painter import Painter
from velatura_models.networks.encoder import Encoder
from velatura_models.networks.transform_net import TransformNet
from velatura_models.store.files import WeightsError, load_into
from velatura_models.store.nets import PHOTO, add_net, describe_net, save_net
from velatura_models.training import multi
from velatura_models.training.crops import batches, whole_picture
from velatura_models.training.multi import MultiOptions, begin, resized
from velatura_models.training.multi import main as train_multi
from velatura_models.training.painting import loss_network
from velatura_models.training.perceptual import (
    Perceptual,
    axis_pattern,
    finest,
    gram,
    phase_pattern,
    total_variation,
)
from velatura_models.training.run import average
from velatura_models.training.style_n_plus_one import Judge, StyleNPlusOneOptions, learn, load_painter, row_of
from velatura_models.training.style_n_plus_one import main as add_style

WIDTHS = (4, 6, 8, 8, 8)


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    for folder, names in (("photos", "ab"), ("styles", ["ink", "wool"]), ("mine", ["moss"])):
        (tmp_path / folder).mkdir()
        for name in names:
            coarse = Image.fromarray(rng.integers(0, 255, (6, 6, 3), np.uint8))
            coarse.resize((48, 48), Image.Resampling.BICUBIC).save(tmp_path / folder / f"{name}.png")
    torch.manual_seed(0)
    save_file(Encoder(WIDTHS, preprocess=False).state_dict(), tmp_path / "eyes.safetensors")
    return tmp_path


def options(folder, **kwargs):
    net = {"widths": (4, 6, 8), "blocks": 1}
    small = {"batch": 2, "crop": 32, "style_side": 32, "vgg": folder / "eyes.safetensors", **net}
    usual = {"content": folder / "photos", "styles": folder / "styles", "out": folder / "run", **small}
    return MultiOptions(**{**usual, **kwargs})


def test_gram_and_total_variation_are_their_formulas():
    maps = np.random.default_rng(1).normal(size=(2, 3, 4, 5))
    got = gram(torch.tensor(maps, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(got, np.einsum("bchw,bdhw->bcd", maps, maps) / 20, rtol=1e-5)
    wanted = np.square(np.diff(maps, axis=2)).mean() + np.square(np.diff(maps, axis=3)).mean()
    assert float(total_variation(torch.tensor(maps))) == pytest.approx(wanted)


def test_the_finest_detail_is_told_by_direction():
    rows = torch.tensor([0.0, 1.0]).repeat(8)[:, None].expand(16, 16)
    wide = rows.repeat_interleave(2, 0)[:16]
    pictures = torch.stack([rows, rows.T, (rows - rows.T).abs(), wide.T])[:, None].expand(-1, 3, -1, -1)
    got = finest(pictures)
    wanted = torch.zeros(4, 6)
    wanted[0, 1] = wanted[1, 0] = wanted[2, 2] = wanted[3, 3] = 2
    torch.testing.assert_close(got, wanted[..., None].expand(-1, -1, 3))


def test_a_picture_has_no_loss_to_itself_and_relative_style_is_one_for_nothing():
    torch.manual_seed(0)
    loss = Perceptual(Encoder(WIDTHS, preprocess=False).requires_grad_(False))
    picture = torch.rand(1, 3, 32, 32)
    targets, index = loss.style_targets([picture]), torch.zeros(1, dtype=torch.long)
    same = loss(picture, picture, targets, index)
    assert float(same["content"]) < 1e-6 and float(same["style"]) < 1e-6
    far = loss(torch.zeros_like(picture), picture, {k: v * 1e6 for k, v in targets.items()}, index)
    assert float(far["style"]) == pytest.approx(1, abs=1e-3)


def test_a_run_resumes_where_it_was_and_its_network_paints(pictures):
    train_multi(options(pictures, steps=2, sheet_every=2))
    before = torch.load(pictures / "run" / "checkpoint.pt", weights_only=True)
    steps = []
    path = train_multi(
        options(pictures, steps=4, sheet_every=2), lambda step, of, losses: steps.append((step, of))
    )
    assert steps == [(4, 4)]
    assert (pictures / "run" / "sheet-000004.jpg").is_file() and (pictures / "run" / "loss.png").is_file()
    after = torch.load(pictures / "run" / "checkpoint.pt", weights_only=True)
    for part in ("part.net", "part.mean"):
        assert before[part].keys() == after[part].keys()
        assert not torch.equal(before[part]["convs.0.weight"], after[part]["convs.0.weight"])
    about = describe_net(path)
    assert about.styles == ("ink", "wool", PHOTO) and about.trained["pictures"] == 8
    net = load_into(TransformNet, about)
    assert net.upsampling == "bilinear"
    torch.testing.assert_close(net.convs[0].weight, after["part.mean"]["convs.0.weight"], rtol=0, atol=1e-4)
    made = net(torch.rand(1, 3, 16, 16), torch.tensor([[0.5, 0.25, 0.25]]))
    assert made.shape == (1, 3, 16, 16) and torch.isfinite(made).all()


def test_further_paintings_are_trained_on_and_not_kept(pictures, monkeypatch):
    monkeypatch.setattr(multi, "OTHERS", 1.0)
    path = train_multi(options(pictures, steps=2, others=pictures / "mine", photo_weight=0.0))
    end = torch.load(pictures / "run" / "checkpoint.pt", weights_only=True)["part.net"]
    assert describe_net(path).styles == ("ink", "wool", PHOTO)
    assert load_into(TransformNet, describe_net(path)).gamma.shape == (3, end["gamma"].shape[1])
    ink, wool, _, moss = end["gamma"]
    assert torch.equal(ink, wool) and not torch.equal(moss, ink)  # only moss was painted in


def test_rows_alone_are_trained_where_styles_are_named(pictures):
    begun = train_multi(options(pictures, steps=1))
    again = {"start": begun, "out": pictures / "rows", "steps": 3, "row_rate": 0.5}
    before = load_into(TransformNet, describe_net(begun))
    after = load_into(TransformNet, describe_net(train_multi(options(pictures, only=("wool",), **again))))
    assert torch.equal(before.convs[0].weight, after.convs[0].weight)
    assert (before.gamma != after.gamma).any(1).tolist() == [False, True, False]
    with pytest.raises(ValueError, match="only: moss is not among the styles"):
        train_multi(options(pictures, only=("moss",), **again))
    with pytest.raises(ValueError, match=r"only: .* needs start"):
        train_multi(options(pictures, only=("wool",)))


def test_a_start_gives_its_convolutions_and_its_rows_by_name(pictures):
    path = pictures / "known.transform.safetensors"
    size = {"widths": (4, 6, 8), "blocks": 1}
    torch.manual_seed(3)
    known = TransformNet(2, **size)
    known.gamma.data += torch.randn_like(known.gamma)
    save_net(path, "transform", known, {"styles": 2, **size}, ["wool", "moss"])
    net = TransformNet(3, upsampling="bilinear", **size)
    begin(net, path, ["ink", "wool", PHOTO])
    torch.testing.assert_close(net.convs[2].weight, known.convs[2].weight, rtol=0, atol=1e-3)
    mean = known.gamma.mean(0)
    torch.testing.assert_close(net.gamma, torch.stack([mean, known.gamma[0], mean]), rtol=0, atol=2e-3)
    with pytest.raises(ValueError, match=r"widths \(4, 6, 8\) and 1 blocks, not \(4, 6, 9\) and 1"):
        train_multi(options(pictures, start=path, widths=(4, 6, 9)))


def test_a_narrower_network_begins_as_the_channels_that_paint_and_copies_first(pictures):
    path = pictures / "wide.transform.safetensors"
    wide, narrow = (
        {"styles": 3, "widths": widths, "blocks": 2, "upsampling": "bilinear"}
        for widths in ((4, 6, 8), (4, 5, 6))
    )
    torch.manual_seed(3)
    known = TransformNet(**wide)
    for layer, (scale, shift) in enumerate(
        zip(known.gamma.data.split(known.channels, 1), known.beta.data.split(known.channels, 1), strict=True)
    ):
        silent = {6: [layer % 6], 8: [1, 4] if layer in (2, 4, 6) else [layer % 8, (layer + 3) % 8]}
        scale[:, silent.get(scale.shape[1], [])] = 0
        shift[:, silent.get(shift.shape[1], [])] = 0
    save_net(path, "transform", known, wide, ["ink", "wool", PHOTO])
    net, photo = TransformNet(**narrow), torch.rand(1, 3, 32, 32)
    model = begin(net, path, ["ink", "wool", PHOTO])
    share = torch.tensor([[0.5, 0.2, 0.3]])
    torch.testing.assert_close(net(photo, share), model(photo, share), rtol=0, atol=1e-5)
    said = []
    small = {"start": path, "blocks": 2, "widths": (4, 5, 6), "rate": 1e-6, "row_rate": 1e-6}
    train_multi(options(pictures, steps=2, copied=1, **small), lambda *line: said.append(line[2]))
    assert said[0]["copied"] < 1e-6 < said[0]["style"]


def test_the_row_of_the_photo_comes_to_give_the_photo(pictures):
    said = []
    others = dict.fromkeys(("style_weight", "content_weight", "color_weight", "grid_weight"), 0.0)
    wanted = {"photo_weight": 1000.0, **others, "widths": (8, 8, 8)}
    train_multi(options(pictures, steps=200, rate=3e-3, **wanted), lambda *line: said.append(line[2]))
    assert said[-1]["photo"] < 0.5 * said[0]["photo"]
    path = train_multi(options(pictures, steps=1, photo=False, out=pictures / "plain"))
    assert describe_net(path).styles == ("ink", "wool")


def test_the_running_mean_forgets_slowly_but_its_beginning_at_once():
    net, mean = (TransformNet(1, widths=(2, 2, 2), blocks=0) for _ in range(2))
    net.gamma.data.fill_(3.0), mean.gamma.data.fill_(1.0)
    average(mean, net, 0)
    assert torch.all(mean.gamma == 3)
    net.gamma.data.fill_(0.0)
    average(mean, net, 100_000)
    torch.testing.assert_close(mean.gamma, torch.full_like(mean.gamma, 3 * 0.998))


def test_what_the_loss_sees_is_resized_alike():
    torch.manual_seed(0)
    flat = torch.full((2, 3, 64, 64), 0.25)
    sizes = set()
    for _ in range(20):
        made, photo = resized(flat, flat[:1])
        assert made.shape[-1] == photo.shape[-1] and float((made - 0.25).abs().max()) < 1e-5
        sizes.add(made.shape[-1])
    assert sizes == {48, 56, 64, 72, 80}


def test_style_n_plus_one_trains_its_row_alone(pictures):
    path = train_multi(options(pictures, steps=2))
    made = add_style(
        StyleNPlusOneOptions(
            style=pictures / "mine" / "moss.png",
            content=pictures / "photos",
            out=pictures / "moss",
            net=str(path),
            vgg=pictures / "eyes.safetensors",
            steps=3,
            batch=2,
            crop=32,
            style_side=32,
        )
    )
    assert sum(t.numel() for t in load_state(made).values()) == 2 * (4 + 6 + 8 + 2 * 8 + 6 + 4 + 3)
    weights = pictures / "weights"
    add_net(path, weights), add_net(made, weights)
    painter = Painter(Loader(method="multi", folder=weights))
    moss, ink = (painter.style(FoundStyle(name, 1.0, None, None)).data for name in ("moss", "ink"))
    assert moss.net is ink.net and not torch.equal(moss.gamma, ink.gamma)


def test_learning_a_style_can_stop_at_any_step_goes_on_and_gets_better(pictures):
    """Convolutions stay; the row begins as the nearest style's, never as the photo's."""
    path = train_multi(options(pictures, steps=2))
    about, device = describe_net(path), torch.device("cpu")
    net, (vgg, _) = load_painter(about, device), loss_network(pictures / "eyes.safetensors", device)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    picture = whole_picture(pictures / "mine" / "moss.png")
    said: list[dict[str, float]] = []

    def learning(steps=30):
        photos = batches(pictures / "photos", 32, 2, 0)
        report = lambda step, of, losses: said.append({"step": step, "of": of, **losses})  # noqa: E731
        how = {"steps": steps, "rate": 0.05, "report": report}
        return learn(net, about.styles, photos, Judge(vgg, picture, 32), pictures / "learned", **how)

    first = learning()
    tried = [row_of(next(first)).gamma.detach().clone() for _ in range(2)]  # both styles, not the photo
    assert any(torch.equal(tried[-1], known) for known in net.gamma[:2, None])
    for _ in range(12):
        run = next(first)
    stopped = row_of(run).gamma.detach().clone()
    first.close()
    assert not list(pictures.rglob("*.style.safetensors"))  # no half row
    assert torch.equal(load_row(pictures / "learned"), stopped)
    *_, run = learning(30 - run.step)
    assert not torch.equal(row_of(run).gamma, stopped)
    assert [line["step"] for line in said] == [10, 20, 30] and said[-1]["style"] < said[0]["style"]
    for _ in learning():
        pass
    assert said[-1]["step"] == said[-1]["of"] == 60
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, before[name])


def load_row(folder):
    return torch.load(folder / "checkpoint.pt", weights_only=True)["part.row"]["gamma"]


def test_a_style_cannot_be_added_to_a_network_with_batch_norm(pictures):
    path = pictures / "old.transform.safetensors"
    save_net(path, "transform", TransformNet(norm="batch"), {"norm": "batch"}, ["old"])
    with pytest.raises(WeightsError, match="batch norm; a style can be added to conditional ones only"):
        add_style(
            StyleNPlusOneOptions(
                style=pictures / "mine" / "moss.png",
                content=pictures / "photos",
                out=pictures / "out",
                net=str(path),
            )
        )


def test_a_batch_must_hold_whole_copies(pictures):
    with pytest.raises(ValueError, match="a batch of 3 is no multiple of 2 copies"):
        options(pictures, batch=3)


def load_state(path):
    from safetensors.torch import load_file

    return load_file(path)


def test_a_pattern_of_the_grid_is_told_from_a_picture() -> None:
    noise = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(5))
    checks = torch.zeros(1, 1, 4, 4)
    checks[..., 0, 0] = 0.5  # one bright pixel in every cell
    marked = noise + checks.tile(1, 1, 32, 32)
    assert phase_pattern(noise) < 0.01
    assert phase_pattern(marked) > 10 * phase_pattern(noise)
    torch.testing.assert_close(phase_pattern(noise * 0.5), phase_pattern(noise), rtol=1e-3, atol=1e-5)


def test_a_weave_is_told_from_noise_and_from_lines_askew():
    noise = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 0.1
    along = torch.arange(128) * (2 * torch.pi / 3)
    askew = (along + along[:, None]) * 0.5**0.5
    assert axis_pattern(noise).shape == (1, 3, 2, 7)
    assert axis_pattern(noise).abs().mean() < 0.2
    down, across = axis_pattern(noise + 0.03 * along.sin()).mean((0, 1, 3))
    assert down < 0.2 < 1 < across
    assert axis_pattern(noise + 0.03 * askew.sin()).mean() < 0
    torch.testing.assert_close(axis_pattern(noise[:, :, :64, :64] * 0), torch.zeros(1, 3, 2, 7))
