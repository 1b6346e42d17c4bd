"""Which pictures a generator is measured on, under which name, and that others leave no trace."""

from collections.abc import Callable
from typing import Any

import torch

from colornet.config.config import Config
from colornet.data.packs import Packs
from colornet.evaluation.held_out import held_out, unseen
from colornet.networks.build import build_generator

CPU = torch.device("cpu")


def names(packs: Packs) -> list[tuple[str, Any, str]]:
    return [(one.name, one.pack, one.split) for one in held_out(packs, 16, CPU)]


def test_own_pictures_alone(pack: Any) -> None:
    assert names(Packs(pack)) == [("val", pack, "val")]
    assert unseen(Packs(pack), 16, CPU).pack is pack


def test_common_pictures_beside_them(pack: Any, common: Callable[..., Any]) -> None:
    others = common()
    packs = Packs(pack, others)
    assert names(packs) == [("val", pack, "val"), ("eval", others, "val")]
    test = unseen(packs, 16, CPU)
    assert (test.name, test.pack, test.split) == ("test", others, "test")
    assert set(test.baselines()) == {
        f"test_ab_mae_{name}" for name in ("grey", "mean", "median", "baseline")
    }


def test_only_a_training_s_own_pictures_take_from_its_chance(
    pack: Any, common: Callable[..., Any], tiny: Callable[..., Config]
) -> None:
    options = tiny(generator={"dropout": 0.4, "dropout_at_evaluation": True}).generator
    generator = build_generator(options, 0, CPU)
    packs = Packs(pack, common())
    for pictures in [*held_out(packs, 16, CPU), unseen(packs, 16, CPU)]:
        before = torch.get_rng_state()
        evaluation = pictures.evaluate(generator)
        assert torch.equal(before, torch.get_rng_state()) is (pictures.name != "val")
        assert {row["split"] for row in pictures.rows(evaluation)} == {pictures.name}
