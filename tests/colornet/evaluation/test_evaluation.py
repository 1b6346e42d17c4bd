"""Held-out pictures, measured one by one, beside what trivial predictions reach."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from colornet.color import AB_RANGE, split_lab
from colornet.config.columns import METRICS
from colornet.config.config import Config
from colornet.config.sections.generators import UNet
from colornet.data.packs import Packs
from colornet.errors import InputError
from colornet.evaluation import evaluation
from colornet.evaluation.evaluation import baseline_columns, evaluate, held_out_splits, picture_rows
from colornet.evaluation.metrics import PER_PICTURE
from colornet.networks.build import build_generator
from colornet.networks.heads import Colorizer
from colornet.pictures import Pictures, Prediction

CPU = torch.device("cpu")


class _Grey(nn.Module):
    """Predicts no color."""

    def forward(self, lightness: Tensor) -> Tensor:
        return torch.zeros(len(lightness), 2, *lightness.shape[2:])


class _Broken(nn.Module):
    """Predicts no number for one pixel of the last batch's last picture."""

    def forward(self, lightness: Tensor) -> Tensor:
        ab = torch.zeros(len(lightness), 2, *lightness.shape[2:])
        ab[-1, 0, 0, 0] = torch.nan
        return ab


def grey() -> Colorizer:
    return Colorizer(_Grey(), UNet())


def broken() -> Colorizer:
    return Colorizer(_Broken(), UNet())


def true_ab(pack: Any, split: str) -> Tensor:
    return split_lab(torch.from_numpy(pack.pictures[pack.indices(split)]))[1] * AB_RANGE


def test_columns_are_the_metrics_of_the_split(pack: Any) -> None:
    means = evaluate(grey(), pack, "val", CPU).means()
    assert set(means) == {f"val_{name}" for name in METRICS}
    assert means["val_ab_mae"] == pytest.approx(true_ab(pack, "val").abs().mean().item())
    assert means["val_colorfulness_ratio"] == pytest.approx(0, abs=0.01)


def test_batches_make_no_difference(
    pack: Any, tiny: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = build_generator(tiny().generator, 0, CPU)
    whole = evaluate(generator, pack, "val", CPU)
    monkeypatch.setattr(evaluation, "BATCH", 3)
    parts = evaluate(generator, pack, "val", CPU)
    for name in PER_PICTURE:
        torch.testing.assert_close(
            whole.values[name], parts.values[name], equal_nan=True, atol=1e-3, rtol=1e-3
        )
    assert whole.overall == pytest.approx(parts.overall, rel=1e-3)
    assert np.array_equal(whole.fixed_rgb, parts.fixed_rgb)


@pytest.mark.parametrize(
    ("size", "device", "expected"),
    [(32, "cpu", 64), (64, "cpu", 32), (256, "cpu", 2), (2048, "cpu", 1), (256, "meta", 64)],
)
def test_batches_hold_so_many_pixels(size: int, device: str, expected: int) -> None:
    class Large:
        pictures = np.broadcast_to(np.uint8(7), (100, size, size, 3))

    batches = evaluation._batches(cast(Any, Large()), np.arange(100), torch.device(device))
    assert len(next(iter(batches))) == expected


def test_a_lightness_of_its_own_is_judged_and_replaced(pack: Any) -> None:
    class Bright(Colorizer):
        def colorize(self, pictures: Pictures) -> Prediction:
            lab = torch.cat((pictures.lightness + 0.1, pictures.ab), 1)
            return Prediction("lab", lab, pictures.lightness)

    means = evaluate(Bright(_Grey(), UNet()), pack, "val", CPU).means()
    assert means["val_eps_accuracy"] == 0  # 5 Lab units too bright
    assert means["val_eps_accuracy_ab"] == 1
    assert means["val_rgb_mae"] == 0
    assert evaluate(grey(), pack, "val", CPU).means()["val_eps_accuracy"] is None


def test_evaluating_leaves_the_generator_as_it_was(pack: Any, tiny: Callable[..., Config]) -> None:
    generator = build_generator(tiny(generator={"dropout": 0.5}).generator, 0, CPU)
    before = [value.clone() for value in generator.state_dict().values()]
    first, second = (evaluate(generator, pack, "val", CPU) for _ in range(2))
    assert generator.training
    assert torch.equal(first.values["ab_mae"], second.values["ab_mae"])
    for one, two in zip(generator.state_dict().values(), before, strict=True):
        assert torch.equal(one, two)


def test_a_picture_without_a_color_is_not_finite(pack: Any) -> None:
    assert evaluate(grey(), pack, "val", CPU).finite()
    assert not evaluate(broken(), pack, "val", CPU).finite()


def test_baselines_are_those_of_numpy(pack: Any) -> None:
    columns = baseline_columns(pack, "val", CPU)
    train, val = true_ab(pack, "train"), true_ab(pack, "val")
    pixels = train.permute(1, 0, 2, 3).reshape(2, -1)
    guesses = {
        "grey": torch.zeros(2),
        "mean": pixels.mean(1),
        "median": torch.from_numpy(np.median(pixels.numpy(), 1)),
    }
    for name, guess in guesses.items():
        error = (val - guess.view(1, 2, 1, 1)).abs().mean().item()
        assert columns[f"val_ab_mae_{name}"] == pytest.approx(error, abs=0.06)
    least = min(columns[f"val_ab_mae_{name}"] for name in guesses)
    assert columns["val_ab_mae_baseline"] == least
    chroma = val.square().sum(1).sqrt().numpy()
    errors = [
        [
            np.abs(picture - guess.view(2, 1, 1).numpy()).mean(0)[strong].mean()
            for picture, strong in zip(val.numpy(), chroma > 40, strict=True)
            if strong.any()
        ]
        for guess in guesses.values()
    ]
    assert errors[0]
    least = min(np.mean(of_guess) for of_guess in errors)
    assert columns["val_strong_ab_mae_baseline"] == pytest.approx(least, abs=0.06)


def test_grey_on_strong_colors_is_what_evaluating_grey_gives(pack: Any) -> None:
    values = evaluate(grey(), pack, "val", CPU).values["strong_ab_mae"]
    columns = baseline_columns(pack, "val", CPU)
    assert columns["val_strong_ab_mae_baseline"] <= float(values.nanmean()) + 1e-4


def test_without_strong_colors_there_is_no_baseline_on_them(pack: Any) -> None:
    pale = replace(pack, pictures=np.full_like(np.array(pack.pictures), 128))
    columns = baseline_columns(pale, "val", CPU)
    assert set(columns) == {f"val_ab_mae_{n}" for n in ("grey", "mean", "median", "baseline")}


def test_rows_of_pictures(pack: Any) -> None:
    rows = picture_rows(evaluate(grey(), pack, "val", CPU), pack, CPU)
    kinds = [row["kind"] for row in rows]
    assert [kinds.count(kind) for kind in ("prediction", "truth", "grey")] == [10, 8, 8]
    assert all(row["split"] == "val" for row in rows)
    assert [row["fixed"] for row in rows] == [True] * 8 + [False] * 2 + [True] * 16
    assert all((row["webp"] is not None) is row["fixed"] for row in rows)
    names = [row["picture"] for row in rows]
    assert names[:8] == names[10:18] == names[18:]
    assert all(set(PER_PICTURE) <= set(row) for row in rows)
    predicted, reference = rows[0], rows[18]
    assert predicted["ab_mae"] == pytest.approx(reference["ab_mae"])
    assert rows[10]["ab_mae"] == 0 and rows[10]["psnr"] is None


def test_pictures_are_kept_without_loss(pack: Any) -> None:
    rows = picture_rows(evaluate(grey(), pack, "val", CPU), pack, CPU)
    truth = next(row for row in rows if row["kind"] == "truth")
    shown = np.array(Image.open(io.BytesIO(truth["webp"])))
    index = pack.names.index(truth["picture"])
    assert (shown == pack.pictures[index]).all()
    assert truth["picture_hash"] == pack.hashes[index]
    for row in (rows[0], rows[18]):
        drawn = np.array(Image.open(io.BytesIO(row["webp"]))).astype(int)
        assert np.ptp(drawn, axis=-1).max() <= 1


def test_few_pictures_are_all_fixed(pack: Any) -> None:
    rows = picture_rows(evaluate(grey(), pack, "test", CPU), pack, CPU)
    assert len(rows) == 18
    assert all(row["fixed"] for row in rows)


def test_an_empty_split_is_refused(pack: Any) -> None:
    pack.splits["test"] = pack.splits["test"][:0]
    with pytest.raises(InputError, match="the test split has no pictures"):
        evaluate(grey(), pack, "test", CPU)


def test_a_name_of_its_own_stands_in_columns_and_rows(pack: Any) -> None:
    found = evaluate(grey(), pack, "val", CPU, name="eval")
    assert set(found.means()) == {f"eval_{name}" for name in METRICS}
    assert {row["split"] for row in picture_rows(found, pack, CPU)} == {"eval"}
    columns, own = baseline_columns(pack, "val", CPU, "eval"), baseline_columns(pack, "val", CPU)
    assert list(columns.values()) == list(own.values())
    assert all(name.startswith(("eval_ab_mae_", "eval_strong_ab_mae_")) for name in columns)


def test_at_the_pictures_own_size_nothing_changes(pack: Any, tiny: Callable[..., Config]) -> None:
    generator = build_generator(tiny().generator, 0, CPU)
    plain = evaluate(generator, pack, "val", CPU)
    sized = evaluate(generator, pack, "val", CPU, size=pack.pictures.shape[1])
    for name in PER_PICTURE:
        assert torch.equal(plain.values[name].nan_to_num(), sized.values[name].nan_to_num())
    assert plain.overall == pytest.approx(sized.overall, rel=0, abs=0, nan_ok=True)
    assert np.array_equal(plain.fixed_rgb, sized.fixed_rgb)


def test_at_another_size_pictures_are_measured_and_kept_at_their_own(
    pack: Any, tiny: Callable[..., Config]
) -> None:
    generator = build_generator(tiny().generator, 0, CPU)
    coarse = evaluate(generator, pack, "val", CPU, size=8)
    assert coarse.fixed_rgb.shape == (8, 16, 16, 3)
    assert coarse.finite()
    assert coarse.values["ab_mae"].shape == (10,)
    one_color = evaluate(grey(), pack, "val", CPU, size=8)
    exact = evaluate(grey(), pack, "val", CPU)
    assert torch.equal(one_color.values["ab_mae"], exact.values["ab_mae"])


def test_batches_of_a_network_with_larger_pictures_are_as_small_as_its_own() -> None:
    class Small:
        pictures = np.broadcast_to(np.uint8(7), (100, 16, 16, 3))

    assert evaluation._places(cast(Any, Small()), 100, CPU, 256)[0] == (0, 2)


CPU = torch.device("cpu")


def names(packs: Packs) -> list[tuple[str, Any, str]]:
    return [(one.name, one.pack, one.split) for one in held_out_splits(packs, 16, CPU)]


def test_own_pictures_alone(pack: Any) -> None:
    assert names(Packs(pack)) == [("val", pack, "val")]
    assert held_out_splits(Packs(pack), 16, CPU, test=True)[-1].pack is pack


def test_common_pictures_beside_them(pack: Any, common: Callable[..., Any]) -> None:
    others = common()
    packs = Packs(pack, others)
    assert names(packs) == [("val", pack, "val"), ("eval", others, "val")]
    test = held_out_splits(packs, 16, CPU, test=True)[-1]
    assert (test.name, test.pack, test.split) == ("test", others, "test")
    assert set(baseline_columns(test.pack, test.split, CPU, test.name)) == {
        "test_strong_ab_mae_baseline",
        *(f"test_ab_mae_{name}" for name in ("grey", "mean", "median", "baseline")),
    }


def test_only_a_training_s_own_pictures_take_from_its_chance(
    pack: Any, common: Callable[..., Any], tiny: Callable[..., Config]
) -> None:
    options = tiny(generator={"dropout": 0.4, "dropout_at_evaluation": True}).generator
    generator = build_generator(options, 0, CPU)
    packs = Packs(pack, common())
    for pictures in held_out_splits(packs, 16, CPU, test=True):
        before = torch.get_rng_state()
        evaluation = pictures.evaluate(generator)
        assert torch.equal(before, torch.get_rng_state()) is (pictures.name != "val")
        assert {row["split"] for row in picture_rows(evaluation, pictures.pack, CPU)} == {
            pictures.name
        }
