"""What configs cost a machine, counted by torch without training anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from colornet.config.config import Config


@dataclass(frozen=True)
class Count:
    """Of one config.

    Attributes:
        training_gmac: multiply-accumulates per picture of a training step, in 1e9.
        learned: weights of all players. generator: those of the generator.
    """

    training_gmac: float
    learned: int
    generator: int


class Counts:
    """Counts configs, those that differ only in rates and weights once. Needs torch."""

    def __init__(self) -> None:
        self._known: dict[str, Count] = {}

    def of(self, config: Config) -> Count:
        """Count a config. Raises InputError when its networks do not fit its pictures."""
        from colornet.training.cost import count, training_macs

        key = repr(_signs(config.model_dump(exclude={"about", "evaluate_on", "training"})))
        if key not in self._known:
            cost = count(config)
            self._known[key] = Count(
                training_gmac=training_macs(config) / 1e9,
                learned=cost.generator_parameters + cost.discriminator_parameters,
                generator=cost.generator_parameters,
            )
        return self._known[key]


def _signs(values: Any) -> Any:
    """The same with each real number replaced by whether it is zero: none shapes a network."""
    if isinstance(values, Mapping):
        return {name: _signs(value) for name, value in values.items()}
    return values != 0 if isinstance(values, float) else values
