"""Three separate random streams: initial weights, order of the data, noise.

Two trainings with the same seed start alike and see the same pictures, mirrored alike, in the same
order, whatever else differs between them: a change of dropout, of a rate or of the batch size
shifts no stream, and a discriminator does not change the generator's first weights. That pairing
is what lets a small sweep see a difference.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch


def derive(seed: int, *names: str | int) -> int:
    """A seed of its own, 63 bits, for each path of names under `seed`."""
    # Hashed, so that neighboring seeds and names have streams that share nothing; 63 bits, since
    # torch takes signed ones.
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def weights_generator(seed: int, network: str) -> torch.Generator:
    """The stream that a network's initial weights are drawn from."""
    return torch.Generator().manual_seed(derive(seed, "weights", network))


def noise_seed(seed: int, rank: int = 0) -> int:
    """What torch's own generators, which dropout draws from, are seeded with.

    Each rank of a training has a stream of its own, the first that of a training on one rank.
    """
    return derive(seed, "noise", rank) if rank else derive(seed, "noise")


@dataclass
class PictureOrder:
    """An endless sequence of training pictures: one permutation of all of them after the other.

    The sequence depends on the seed and the number of pictures alone, and any place in it can be
    computed, so that the count of pictures seen is all that a resumed training needs.

    Args:
        pictures: number of training pictures.
        seed: the training's seed.
        name: of the sequence; those of other names are independent.
    """

    pictures: int
    seed: int
    name: str = "order"
    _epoch: int = -1

    def take(self, start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The pictures at places start .. start + count - 1.

        Returns:
            positions in the training split (count,) int64, and whether each is to be mirrored
            (count,) bool.
        """
        positions, mirrored = [], []
        while count:
            epoch, first = divmod(start, self.pictures)
            if epoch != self._epoch:
                stream = np.random.Generator(np.random.PCG64(derive(self.seed, self.name, epoch)))
                self._epoch = epoch
                self._permutation = stream.permutation(self.pictures)
                self._mirrored = stream.random(self.pictures) < 0.5
            last = min(first + count, self.pictures)
            positions.append(self._permutation[first:last])
            mirrored.append(self._mirrored[first:last])
            start, count = start + last - first, count - (last - first)
        return np.concatenate(positions), np.concatenate(mirrored)
