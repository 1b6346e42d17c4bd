"""FID and LPIPS, with a feature extractor that the caller brings; no sweep needs them.

Both compare pictures by what a network trained on other pictures makes of them, and both belong to
that very network: its weights, its input size and how it resizes. Values of two extractors, or of
two libraries' copies of the same one, do not compare, and neither do those of this module with a
paper's unless the extractor is the paper's. Nothing is downloaded here.

Pictures come in batches (N, H, W, 3) uint8, as tensors or arrays. The extractor is given
(N, 3, H, W) float32 in [0, 1], on the batch's own device, and has to do what else its weights
expect (resizing, mean and deviation); it runs in evaluation mode, without gradients.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest

import numpy as np
import torch
from torch import Tensor, nn

from colornet.errors import InputError

Pixels = Tensor | np.ndarray
_TINY = 1e-10
"""Keeps the length of a feature vector from being 0, as LPIPS does."""


def fid(extractor: nn.Module, predicted_rgb: Iterable[Pixels], true_rgb: Iterable[Pixels]) -> float:
    """Fréchet distance of two sets of pictures (Heusel et al. 2017), which need not be paired.

    What is called FID takes the 2,048 features of Inception v3's last pooling and at least 10,000
    pictures of each kind. It falls as pictures are added: only values from equally many compare.

    Args:
        extractor: (N, 3, H, W) -> features (N, D).
        predicted_rgb: batches of pictures; `true_rgb` likewise.

    Returns:
        0 for equal sets, no upper end.

    Raises:
        InputError: when there are not more pictures than features; see `frechet_distance`.
    """
    return frechet_distance(_features(extractor, predicted_rgb), _features(extractor, true_rgb))


def frechet_distance(first: Pixels, second: Pixels) -> float:
    """Fréchet distance of two sets of features, each taken for a Gaussian (Dowson & Landau 1982).

    |m1 - m2|² + trace(C1 + C2 - 2 (C1 C2)^½), with means m and covariances C, in float64.

    Args:
        first: (N, D); `second` (M, D).

    Raises:
        InputError: when N or M is not above D, where the covariance has no full rank and the
            distance says more about the number of pictures than about them; when the features
            are no such tables, or are not finite.
    """
    tables = [_table(features) for features in (first, second)]
    if tables[0].shape[1] != tables[1].shape[1]:
        raise InputError(
            f"features: {tables[0].shape[1]} and {tables[1].shape[1]} a picture: "
            "cannot be compared.\nTake both from the same extractor."
        )
    means = [table.mean(0) for table in tables]
    first_cov, second_cov = (np.atleast_2d(np.cov(table, rowvar=False)) for table in tables)
    values, vectors = np.linalg.eigh(first_cov)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    # C1 C2 has the eigenvalues of this symmetric matrix, whose root needs no complex numbers.
    common = np.linalg.eigvalsh(root @ second_cov @ root).clip(0)
    distance = np.square(means[0] - means[1]).sum()
    return float(max(0.0, distance + np.trace(first_cov + second_cov) - 2 * np.sqrt(common).sum()))


def _table(features: Pixels) -> np.ndarray:
    table = torch.as_tensor(features).detach().cpu().double().numpy()
    if table.ndim != 2:
        raise InputError(
            f"features: shape {table.shape}: is not (pictures, features).\n"
            "Let the extractor average over places."
        )
    if len(table) <= table.shape[1]:
        raise InputError(
            f"features: {len(table):,} pictures for {table.shape[1]:,} features: are too few.\n"
            "Give more pictures than features, or an extractor with fewer."
        )
    if not np.isfinite(table).all():
        raise InputError("features: some are not finite.\nCheck the pictures and the extractor.")
    return table


def lpips(
    extractor: nn.Module,
    predicted_rgb: Iterable[Pixels],
    true_rgb: Iterable[Pixels],
    weights: Sequence[Tensor] | None = None,
) -> Tensor:
    """Perceptual distance of each picture to its truth (Zhang et al. 2018, equation 1).

    LPIPS is this with the maps of an AlexNet or VGG and the weights per channel that its authors
    fitted to people's judgment; without weights every channel counts the same. Weights multiply
    the squared differences, as in the authors' code; the paper's equation squares them too.

    Args:
        extractor: (N, 3, H, W) -> feature maps, a sequence of (N, C, h, w).
        predicted_rgb: batches of pictures; `true_rgb` has the same ones, in the same order.
        weights: per map the weights (C,) of its channels.

    Returns:
        (pictures,) float32 on the CPU, 0 for equal pictures.

    Raises:
        InputError: when the batches do not pair up, or the weights do not fit the maps.
    """
    distances = []
    with _evaluating(extractor):
        for predicted, true in _pairs(predicted_rgb, true_rgb):
            maps = zip(extractor(predicted), extractor(true), strict=True)
            distances.append(map_distance(list(maps), weights).float().cpu())
    return torch.cat(distances) if distances else torch.empty(0)


def map_distance(
    maps: Sequence[tuple[Tensor, Tensor]], weights: Sequence[Tensor] | None = None
) -> Tensor:
    """The distance behind `lpips` of feature maps that are already there.

    At each place the two feature vectors are brought to length 1; their squared differences are
    weighted and summed over channels, averaged over places, and summed over maps.

    Args:
        maps: pairs of (N, C, h, w).

    Returns:
        (N,).

    Raises:
        InputError: when the weights do not fit the maps.
    """
    wanted = [first.shape[1] for first, _ in maps]
    if weights is not None and [tuple(w.shape) for w in weights] != [(c,) for c in wanted]:
        raise InputError(
            f"weights: {[tuple(w.shape) for w in weights]}: do not fit the maps.\n"
            f"Give one weight a channel; the maps have {wanted}."
        )
    total = torch.zeros(())
    for index, (first, second) in enumerate(maps):
        # Vectors of length 1; those of length 0 stay.
        unit_first, unit_second = (
            features / (features.square().sum(1, keepdim=True).sqrt() + _TINY)
            for features in (first, second)
        )
        square = (unit_first - unit_second).square()
        if weights is not None:
            square = square * weights[index].to(square).view(1, -1, 1, 1)
        total = total.to(square) + square.sum(1).mean((1, 2))
    return total


def _features(extractor: nn.Module, batches: Iterable[Pixels]) -> Tensor:
    with _evaluating(extractor):
        features = [extractor(_planes(batch)).float().cpu() for batch in batches]
    return torch.cat(features) if features else torch.empty(0, 1)


def _pairs(
    predicted_rgb: Iterable[Pixels], true_rgb: Iterable[Pixels]
) -> Iterator[tuple[Tensor, Tensor]]:
    for predicted, true in zip_longest(predicted_rgb, true_rgb):
        if predicted is None:
            raise InputError("pictures: more are true than predicted.\nGive a prediction for each.")
        if true is None or predicted.shape != true.shape:
            shape = None if true is None else tuple(true.shape)
            raise InputError(
                f"pictures: {tuple(predicted.shape)} predicted, {shape} true: do not pair up.\n"
                "Give both in batches of the same shape."
            )
        yield _planes(predicted), _planes(true)


def _planes(batch: Pixels) -> Tensor:
    """(N, H, W, 3) uint8 -> (N, 3, H, W) float32 in [0, 1]."""
    pixels = torch.as_tensor(batch)
    if pixels.dtype != torch.uint8 or pixels.ndim != 4 or pixels.shape[-1] != 3:
        raise InputError(
            f"pictures: {tuple(pixels.shape)} {pixels.dtype}: is no batch of pictures.\n"
            "Give (N, H, W, 3) uint8."
        )
    return pixels.permute(0, 3, 1, 2).float() / 255


@contextmanager
def _evaluating(extractor: nn.Module) -> Generator[None, None, None]:
    was_training = extractor.training
    extractor.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        extractor.train(was_training)
