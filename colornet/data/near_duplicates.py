"""Near duplicates: one picture saved twice, by another format, at another size or quality.

A picture's look is its perceptual hash (pHash: the signs of the low frequencies of its lightness,
https://www.phash.org) of 256 bits and 8 x 8 mean colors. Two pictures are near duplicates when they
differ in at most 40 bits, in at most 7 of the 64 lowest frequencies, and by 20 of 255 in color;
or, since smooth pictures have frequencies of no certain sign, when their mean colors differ by at
most a tenth of their spread.

Measured on 1,525 photos: of 89 of them, saved as JPEG of quality 30 to 95, PNG, WebP and AVIF,
and at 0.3 to 1.7 times their size, every copy was found; of 1.2 million pairs of different photos
and 3.3 million of drawn landscapes none was taken for near duplicates, but one of a series. Of the
60,000 pictures of CIFAR-10 some 400 pairs are, and look it.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

HASH_SIDE = 64
"""Side of the squares that hashes are taken of, pixels."""
_BITS_APART, _KEY_BITS_APART, _COLOR_APART = 40, 7, 20
_SIDE, _KEY_SIDE, _COLORS = 16, 8, 8
_SPREAD_APART = 0.1
_LEAST_CONTRAST = 3.0
"""Standard deviation of lightness, of 255, below which noise alone decides the signs."""
_CHUNKS, _CHUNK_BITS = 4, 16
_MOST_ALIKE = 256
"""With how many of those that share a chunk a picture is compared: a film has thousands."""
_PAIRS_AT_A_TIME = 10_000_000
_AXES, _SAMPLE, _NEIGHBORS = 10, 4000, 16
"""Principal axes of mean colors in which neighbors are looked for, pictures that they are taken
from, and neighbors of each."""


def perceptual_hash(square: Image.Image) -> bytes:
    """The hash of an RGB picture of HASH_SIDE pixels a side; empty for one without structure."""
    grey = square.convert("L")
    if np.asarray(grey, np.float32).std() < _LEAST_CONTRAST:
        return b""
    import imagehash  # which loads SciPy: most trainings open a pack and look at nothing

    # Zauner 2010: the signs of the 16 x 16 lowest frequencies of a DCT, about their median.
    bits = np.packbits(imagehash.phash(grey, _SIDE).hash.ravel())
    colors = square.resize((_COLORS, _COLORS), Image.Resampling.BOX)
    return bits.tobytes() + colors.tobytes()


def perceptual_hash_of_pixels(pixels: np.ndarray) -> bytes:
    """The hash of a picture that is packed, (S, S, 3) uint8.

    Of 120 photos, saved again as others, all were found by it from 32 pixels on, and 117 where one
    is packed at 16 and the other at 48; no two different ones of 1,440 are taken for near
    duplicates.
    """
    square = Image.fromarray(pixels)
    if square.width != HASH_SIDE:
        square = square.resize((HASH_SIDE, HASH_SIDE), Image.Resampling.LANCZOS)
    return perceptual_hash(square)


def find_near_duplicates(phashes: Sequence[bytes]) -> list[list[int]]:
    """Groups of near duplicates by their positions, each in order.

    Near duplicates of near duplicates are in one group. Takes time in proportion to the number of
    pictures, as long as their lowest frequencies differ.

    Args:
        phashes: as `perceptual_hash` gives them.
    """
    rows = np.array([row for row, phash in enumerate(phashes) if phash], np.int64)
    if len(rows) < 2:
        return []
    values = np.frombuffer(b"".join(phashes[row] for row in rows), np.uint8).reshape(len(rows), -1)
    bits, colors = np.split(values, [_SIDE**2 // 8], axis=1)
    square = np.unpackbits(bits, axis=1).reshape(-1, _SIDE, _SIDE)
    lowest = square[:, :_KEY_SIDE, :_KEY_SIDE].reshape(len(rows), -1)
    # Neighboring frequencies go together, so that each chunk gets some of all.
    chunks = np.stack([lowest[:, start::_CHUNKS] for start in range(_CHUNKS)], 1)
    firsts, seconds = [], []
    for first, second in _candidates(np.packbits(chunks, axis=2).view(">u2")[..., 0]):
        apart = np.bitwise_count(bits[first] ^ bits[second]).sum(1, dtype=np.int64)
        key = (lowest[first] != lowest[second]).sum(1)
        color = _apart(colors, first, second)
        near = (apart <= _BITS_APART) & (key <= _KEY_BITS_APART) & (color <= _COLOR_APART)
        firsts.append(first[near])
        seconds.append(second[near])
    alike = _alike_in_color(colors)
    first, second = np.concatenate([*firsts, alike[0]]), np.concatenate([*seconds, alike[1]])
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(len(rows),) * 2)
    _, groups = connected_components(graph, directed=False)
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    pairs = [rows[members].tolist() for members in np.split(order, starts[1:])]
    return [members for members in pairs if len(members) > 1]


def _apart(colors: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Mean difference of mean colors, of 255, pair by pair."""
    return np.abs(colors[first].astype(np.int16) - colors[second]).mean(1)


def _alike_in_color(colors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs whose mean colors differ by little of their spread."""
    planes = colors.reshape(len(colors), -1, 3).astype(np.float32)
    planes -= planes.mean(1, keepdims=True)
    spread = np.maximum(planes.std((1, 2)), _LEAST_CONTRAST)
    values = (planes / spread[:, None, None]).reshape(len(colors), -1)
    sample = values[:_SAMPLE]
    axes = np.linalg.svd(sample - sample.mean(0), full_matrices=False)[2][:_AXES]
    placed = values @ axes.T
    # Pictures within a mean |difference| of .1 are, nearly always, within this Euclidean distance:
    # differences that are spread like noise have 1.25 times the root mean square of their mean.
    reach = 1.25 * _SPREAD_APART * values.shape[1] ** 0.5
    count = min(_NEIGHBORS, len(colors))
    from scipy.spatial import KDTree

    _, near = KDTree(placed).query(placed, k=count, distance_upper_bound=reach)
    first, second = np.repeat(np.arange(len(colors)), count), near.ravel()
    are_pairs = (second < len(colors)) & (first != second)
    first, second = first[are_pairs], second[are_pairs]
    least = np.maximum(spread[first], spread[second]) * _SPREAD_APART
    alike = _apart(colors, first, second) <= least
    return first[alike], second[alike]


def _candidates(chunks: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of which a chunk differs in at most one bit: all that differ in at most 7 in all.

    Multi-index hashing, after Norouzi, Punjani and Fleet, 2012.

    Args:
        chunks: (n, _CHUNKS) of _CHUNK_BITS bits.
    """
    masks = [0, *(1 << bit for bit in range(_CHUNK_BITS))]
    for values in chunks.T.astype(np.int64):
        order = np.lexsort((*chunks.T, values))
        in_order, rank = values[order], np.argsort(order)
        for mask in masks:
            begin = np.searchsorted(in_order, values ^ mask, "left")
            end = np.searchsorted(in_order, values ^ mask, "right")
            if mask == 0:
                begin = rank + 1  # those after it: the others meet it from their end
            yield from _pairs(order, begin, np.minimum(end - begin, _MOST_ALIKE))


def _pairs(
    order: np.ndarray, begin: np.ndarray, count: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each row with what lies at its place in `order`, some millions of pairs at a time."""
    ends = np.cumsum(count)
    rows = 0
    while rows < len(count):
        done = ends[rows - 1] if rows else 0
        upto = max(rows + 1, int(np.searchsorted(ends, done + _PAIRS_AT_A_TIME, "right")))
        part = slice(rows, upto)
        first = np.repeat(np.arange(rows, upto), count[part])
        offset = np.arange(len(first)) - np.repeat(ends[part] - count[part] - done, count[part])
        second = order[np.repeat(begin[part], count[part]) + offset]
        yield first, second
        rows = upto
