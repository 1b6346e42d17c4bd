"""Values that lie far from all others, and what is done with them."""

import numpy as np

FAR = 3.0
"""Interquartile ranges beyond the middle half at which a value is an outlier."""


def winsorize(values: np.ndarray) -> np.ndarray:
    """Values with outliers moved to the limit beyond which they are such.

    Fences of Tukey (1977), three interquartile ranges beyond the quartiles, which hardly
    touch a sample of a normal distribution; a fixed share at each end would bend every sample.
    """
    first, third = np.quantile(values, [0.25, 0.75])
    reach = FAR * (third - first)
    return np.clip(values, first - reach, third + reach) if reach > 0 else values
