"""How a cluster is shared out among trials."""

import pytest

from colornet.errors import InputError
from search.run.tune import Allocation, allocation
from spaces.study import Resources

pytestmark = pytest.mark.ray


@pytest.mark.parametrize(
    ("cluster", "gpus", "concurrent", "wanted"),
    [
        ({"CPU": 2.0}, "auto", "auto", Allocation(1, 0.0, 2)),
        ({"CPU": 1.0}, "auto", "auto", Allocation(1, 0.0, 1)),
        ({"CPU": 0.0}, "auto", "auto", Allocation(1, 0.0, 1)),
        ({"CPU": 64.0}, "auto", "auto", Allocation(1, 0.0, 64)),
        ({"CPU": 8.0}, "auto", 3, Allocation(1, 0.0, 3)),
        ({"CPU": 2.0}, "auto", 9, Allocation(1, 0.0, 2)),
        ({"CPU": 2.0}, 0.0, "auto", Allocation(1, 0.0, 2)),
        ({"CPU": 16.0, "GPU": 2.0}, "auto", "auto", Allocation(8, 1.0, 2)),
        ({"CPU": 16.0, "GPU": 2.0}, 0.25, "auto", Allocation(2, 0.25, 8)),
        ({"CPU": 4.0, "GPU": 8.0}, "auto", "auto", Allocation(1, 1.0, 4)),
        ({"CPU": 16.0, "GPU": 4.0}, 2.0, "auto", Allocation(8, 2.0, 2)),
        ({"CPU": 16.0, "GPU": 2.0}, 0.0, "auto", Allocation(1, 0.0, 16)),
        ({"CPU": 16.0, "GPU": 2.0}, 0.25, 1, Allocation(2, 0.25, 1)),
    ],
)
def test_share(
    monkeypatch: pytest.MonkeyPatch,
    cluster: dict[str, float],
    gpus: str | float,
    concurrent: str | int,
    wanted: Allocation,
) -> None:
    monkeypatch.setattr(
        "search.run.tune.ray.nodes", lambda: [{"Alive": True, "Resources": cluster}]
    )
    assert allocation(Resources(gpus=gpus, concurrent=concurrent)) == wanted


def test_nodes_that_are_gone_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    node = {"Alive": True, "Resources": {"CPU": 2.0}}
    nodes = [node, {**node, "Alive": False}, node, {"Alive": True, "Resources": {}}]
    monkeypatch.setattr("search.run.tune.ray.nodes", lambda: nodes)
    assert allocation(Resources()) == Allocation(1, 0.0, 4)
    assert allocation(Resources(workers=2)) == Allocation(1, 0.0, 2, 2)
    assert allocation(Resources(workers=3)) == Allocation(1, 0.0, 1, 3)
    with pytest.raises(InputError, match=r"resources\.workers: 5: there is room for 4 workers"):
        allocation(Resources(workers=5))


@pytest.mark.parametrize("gpus", [1.0, 3.0, 1.5])
def test_more_cards_than_there_are(monkeypatch: pytest.MonkeyPatch, gpus: float) -> None:
    """Asked for what the cluster lacks, a sweep would wait for ever."""
    there = {"CPU": 4.0, "GPU": 2.0 if gpus == 1.5 else 0.5}
    monkeypatch.setattr("search.run.tune.ray.nodes", lambda: [{"Alive": True, "Resources": there}])
    with pytest.raises(InputError, match=r"resources\.gpus"):
        allocation(Resources(gpus=gpus))
