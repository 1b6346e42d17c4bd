"""How many training pictures it takes to beat one color everywhere: a measured rule."""

FEW = 400
"""Training pictures below which a warning is due."""


def few_pictures(count: int) -> str | None:
    """A sentence where there are too few training pictures to learn colors from, else None.

    Args:
        count: training pictures, those of the train split.
    """
    if count >= FEW:
        return None
    return f"{count:,} training pictures are few: take at least {FEW}."
