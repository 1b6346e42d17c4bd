"""What configs cost, counted once for those that differ only in rates and weights."""

from collections.abc import Callable

from search.plan.counting import Counts
from spaces.study import Study


def test_rates_and_weights_are_counted_once_and_widths_anew(
    make_study: Callable[..., Study],
) -> None:
    counts, study = Counts(), make_study()
    point = {"generator.width": 4, "loss.l1_weight": 10, "loss.adversarial": "bce"}
    first = counts.of(study.config(point, 0))
    assert counts.of(study.config({**point, "loss.l1_weight": 20}, 7)) is first
    wide = counts.of(study.config({**point, "generator.width": 8}, 0))
    assert wide.training_gmac > first.training_gmac > 0
    assert wide.generator > first.generator
    assert first.learned > first.generator


def test_a_loss_without_a_distance_is_another_config(make_study: Callable[..., Study]) -> None:
    counts, study = Counts(), make_study()
    first = counts.of(study.config({"loss.l1_weight": 10}, 0))
    assert counts.of(study.config({"loss.l1_weight": 0}, 0)) is not first
