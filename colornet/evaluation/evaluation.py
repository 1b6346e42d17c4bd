"""A generator on a split of held-out pictures, beside the trivial baselines.

Everything is float32 under inference mode, in batches; what is kept is one number per picture and
metric, and counts of colors.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colornet.color import AB_RANGE
from colornet.config.columns import finite_or_none
from colornet.data.packed import Pack
from colornet.data.packs import Packs, require_pictures
from colornet.evaluation.metrics import (
    OVERALL,
    PER_PICTURE,
    STRONG_CHROMA,
    Pair,
    Tally,
    mean_on_strong_colors,
)
from colornet.evaluation.scaling import colorize_at
from colornet.networks.heads import Colorizer
from colornet.pictures import Pictures, Prediction
from colornet.ranks import Ranks

BATCH = 64
_PIXELS, _GPU_PIXELS = 2**17, 2**22
"""At most so many in a batch: one and its metrics take 500 bytes, and a CPU's caches are small."""
FIXED_PICTURES = 8
"""The first pictures of a split are kept as pictures, the same for every training."""
_BASELINE_PICTURES = 512
_BIN = 0.1
"""Width in Lab units of the bins that the median color is read from."""


@dataclass(frozen=True)
class Evaluation:
    """Per-picture values of one split, in the order of the pack.

    Attributes:
        split: of the pack.
        name: what the split is called in columns and records.
        values: metric name -> (N,) float32, NaN where it does not apply.
        overall: metric name -> value of the split as a whole, NaN where it does not apply.
        fixed_rgb: the first predictions, (up to 8, S, S, 3) uint8.
    """

    split: str
    name: str
    values: dict[str, Tensor]
    overall: dict[str, float]
    fixed_rgb: np.ndarray

    def means(self) -> dict[str, float | None]:
        """Columns `<name>_<metric>`: the mean over the pictures to which the metric applies.

        Metrics of the split as a whole are as they are.
        """
        means = {name: float(value.nanmean()) for name, value in self.values.items()}
        means |= self.overall
        return {f"{self.name}_{name}": finite_or_none(value) for name, value in means.items()}

    def finite(self) -> bool:
        """Whether the generator gave a color for every pixel."""
        return bool(self.values["ab_mae"].isfinite().all())


def evaluate(
    generator: Colorizer,
    pack: Pack,
    split: str,
    device: torch.device,
    *,
    name: str | None = None,
    size: int | None = None,
    ranks: Ranks | None = None,
) -> Evaluation:
    """Colorize every picture of a split and measure it.

    The generator is in evaluation mode meanwhile: no dropout and running statistics, unless its
    options say otherwise. A lightness of its own is replaced by the pictures'.

    Args:
        split: `val` or `test`.
        name: of the split in columns and records; its own by default.
        size: side at which the network sees the pictures (`scaling.colorize_at`); theirs by
            default.
        ranks: that share the batches; each gets the whole evaluation. All have to call it.

    Raises:
        InputError: when the split has no pictures.
    """
    size, ranks = size or pack.pictures.shape[1], ranks or Ranks()
    indices = pack.indices(split)
    require_pictures(pack, split)
    # Zeros: ranks fill in what is theirs, and the sum is what one would have filled in.
    values = torch.zeros(len(PER_PICTURE), len(indices), device=device)
    shape = (min(FIXED_PICTURES, len(indices)), *pack.pictures.shape[1:])
    fixed = torch.zeros(shape, dtype=torch.uint8, device=device)
    tally = Tally(device)
    was_training = generator.training
    generator.eval()
    with torch.inference_mode():
        # Rank by rank whole batches, so that a picture is in the same one on any number of ranks.
        batches = _places(pack, len(indices), device, size)
        for start, stop in batches[ranks.part(len(batches))]:
            pictures = _read(pack, indices[start:stop], device)
            pair = _pair(pictures, colorize_at(generator, pictures, size))
            for row, metric in zip(values[:, start:stop], PER_PICTURE.values(), strict=True):
                row.copy_(metric(pair))
            tally.add(pair)
            if room := len(fixed[start:stop]):
                fixed[start:stop] = pair.predicted_rgb[:room].permute(0, 2, 3, 1).byte()
        for parts in ([values], [fixed], tally.sums()):
            ranks.sum_(parts)
    generator.train(was_training)
    return Evaluation(
        split,
        name or split,
        dict(zip(PER_PICTURE, values.cpu(), strict=True)),
        {column: metric(tally) for column, metric in OVERALL.items()},
        fixed.cpu().numpy(),
    )


def _pair(pictures: Pictures, prediction: Prediction) -> Pair:
    true_rgb = pictures.pixels.permute(0, 3, 1, 2).contiguous().float()
    ab, lightness = prediction.ab.float(), prediction.predicted_lightness
    return Pair(pictures.lightness, ab, pictures.ab, true_rgb, lightness)


def _batches(pack: Pack, indices: np.ndarray, device: torch.device) -> Iterator[Pictures]:
    """Pictures of a pack, in the order of the indices."""
    for start, stop in _places(pack, len(indices), device):
        yield _read(pack, indices[start:stop], device)


def _places(pack: Pack, count: int, device: torch.device, size: int = 0) -> list[tuple[int, int]]:
    """Where batches of `count` pictures begin and end.

    Args:
        size: side at which a network sees them, where that may be larger.
    """
    pixels = _PIXELS if device.type == "cpu" else _GPU_PIXELS
    batch = max(1, min(BATCH, pixels // max(pack.pictures.shape[1], size) ** 2))
    return [(start, min(start + batch, count)) for start in range(0, count, batch)]


def _read(pack: Pack, indices: np.ndarray, device: torch.device) -> Pictures:
    return Pictures(torch.from_numpy(np.array(pack.pictures[indices])).to(device))


def baseline_columns(
    pack: Pack, split: str, device: torch.device, name: str | None = None
) -> dict[str, float]:
    """ab MAE of the trivial predictions: grey, the pack's training pictures' mean and median color.

    Args:
        name: of the split in columns; its own by default.

    Returns:
        columns `<name>_ab_mae_<grey|mean|median>`, `<name>_ab_mae_baseline`, the least, and
        `<name>_strong_ab_mae_baseline`, the least on strong colors, where any picture has these.
    """
    colors = {"grey": torch.zeros(2), **_typical_colors(pack, device)}
    indices, name = pack.indices(split), name or split
    sums, strong_sums, with_strong = dict.fromkeys(colors, 0.0), dict.fromkeys(colors, 0.0), 0
    with torch.inference_mode():
        for pictures in _batches(pack, indices, device):
            chroma = pictures.ab.square().sum(1).sqrt() * AB_RANGE
            for guess, color in colors.items():
                error = (pictures.ab - color.to(device).view(1, 2, 1, 1)).abs()
                sums[guess] += float(error.mean((1, 2, 3)).sum())
                strong_sums[guess] += float(mean_on_strong_colors(error, chroma).nansum())
            with_strong += int((chroma > STRONG_CHROMA).any(2).any(1).sum())
    errors = {guess: total * AB_RANGE / len(indices) for guess, total in sums.items()}
    errors["baseline"] = min(errors.values())
    columns = {f"{name}_ab_mae_{guess}": error for guess, error in errors.items()}
    if with_strong:
        columns[f"{name}_strong_ab_mae_baseline"] = (
            min(strong_sums.values()) * AB_RANGE / with_strong
        )
    return columns


def _typical_colors(pack: Pack, device: torch.device) -> dict[str, Tensor]:
    """Mean and median ab (2,) of up to 512 training pictures; the median to 0.1 Lab units."""
    indices = pack.indices("train")[:_BASELINE_PICTURES]
    bins = 2 * round(AB_RANGE / _BIN)
    histogram = torch.zeros(2, bins, dtype=torch.float64)
    sums, pixels = torch.zeros(2, dtype=torch.float64), 0
    for pictures in _batches(pack, indices, device):
        ab = pictures.ab
        sums += ab.double().sum((0, 2, 3)).cpu()
        pixels += ab[:, 0].numel()
        for channel in range(2):
            histogram[channel] += torch.histc(ab[:, channel], bins, -1.0, 1.0).double().cpu()
    # The median of each channel is the middle of the bin in which half of the pixels are reached.
    middle = (histogram.cumsum(1) >= pixels / 2).int().argmax(1)
    median = (middle + 0.5) * (2.0 / bins) - 1.0
    return {"mean": (sums / pixels).float(), "median": median.float()}


def picture_rows(evaluation: Evaluation, pack: Pack, device: torch.device) -> list[dict[str, Any]]:
    """One row per picture of the split, and the fixed ones as pictures beside grey and truth.

    Returns:
        rows with kind (`prediction`, `truth`, `grey`), picture, picture_hash, split, fixed, webp
        (lossless; fixed pictures only) and the per-picture metrics (None where they do not apply).
    """
    indices = pack.indices(evaluation.split)
    fixed = len(evaluation.fixed_rgb)
    rows = _rows("prediction", evaluation, pack, indices)
    for kind, rgb, values in _references(pack, indices[:fixed], device):
        reference = Evaluation(evaluation.split, evaluation.name, values, {}, rgb)
        rows += _rows(kind, reference, pack, indices[:fixed])
    return rows


def _references(
    pack: Pack, indices: np.ndarray, device: torch.device
) -> Iterator[tuple[str, np.ndarray, dict[str, Tensor]]]:
    """The fixed pictures as they are and in grey: kind, RGB uint8, metrics."""
    true = _read(pack, indices, device)
    for kind, ab in (("truth", true.ab), ("grey", torch.zeros_like(true.ab))):
        pair = _pair(true, Prediction("ab", ab, true.lightness))
        values = {name: metric(pair).cpu() for name, metric in PER_PICTURE.items()}
        rgb = pair.predicted_rgb.permute(0, 2, 3, 1).byte().cpu().numpy()
        yield kind, true.pixels.cpu().numpy() if kind == "truth" else rgb, values


def _rows(
    kind: str, evaluation: Evaluation, pack: Pack, indices: np.ndarray
) -> list[dict[str, Any]]:
    rows = []
    for position, index in enumerate(indices):
        row = {
            "kind": kind,
            "picture": pack.names[index],
            "picture_hash": pack.hashes[index],
            "split": evaluation.name,
            "fixed": position < FIXED_PICTURES,
        }
        values = evaluation.values.items()
        row |= {name: finite_or_none(float(value[position])) for name, value in values}
        picture = io.BytesIO()
        if position < len(evaluation.fixed_rgb):
            rgb = Image.fromarray(evaluation.fixed_rgb[position])
            rgb.save(picture, "WEBP", lossless=True)
        rows.append(row | {"webp": picture.getvalue() or None})
    return rows


@dataclass(frozen=True)
class HeldOutSplit:
    """A split of a pack that a generator is measured on.

    Attributes:
        name: `val` (the training's own), `eval` (those of `evaluate_on`) or `test`: the prefix of
            columns, and the split in the records of pictures.
        split: of the pack.
        size: side at which the network sees the pictures, pixels.
    """

    name: str
    pack: Pack
    split: str
    size: int
    device: torch.device

    def evaluate(self, generator: Colorizer) -> Evaluation:
        """Measure a generator, sharing the pictures with the other ranks if there are any.

        The random state is as before, but for `val`: a generator that drops features when it is
        evaluated has always drawn from the training's stream there.
        """
        devices = [self.device] if self.device.type == "cuda" else []
        where, ranks = (self.pack, self.split, self.device), Ranks.here(self.device)
        with torch.random.fork_rng(devices, enabled=self.name != "val"):
            return evaluate(generator, *where, name=self.name, size=self.size, ranks=ranks)


def held_out_splits(
    packs: Packs, size: int, device: torch.device, *, test: bool = False
) -> list[HeldOutSplit]:
    """`val`, where there are common pictures `eval`, and where it is wanted `test`.

    `test` has the pictures that nothing was chosen by, of the common ones where there are any.
    """
    splits = [("val", packs.training, "val")]
    splits += [("eval", packs.common, "val")] if packs.common else []
    splits += [("test", packs.evaluation, "test")] if test else []
    return [HeldOutSplit(name, pack, split, size, device) for name, pack, split in splits]
