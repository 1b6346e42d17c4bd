"""The first lines of every process that trains."""

import torch


def prepare_worker(threads: int) -> None:
    """Give this thread its CPUs; call it before the first tensor operation.

    More threads than CPUs make trainings that run side by side several times slower. Denormal
    numbers, which a decaying Adam moment can turn into, make a convolution a hundred times slower;
    the setting holds for the calling thread and for threads that torch starts later.

    Args:
        threads: CPUs that belong to this worker.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
