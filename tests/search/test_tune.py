"""How a cluster is shared out among trials."""

import pytest

from search.tune import Share, share

pytestmark = pytest.mark.ray


@pytest.mark.parametrize(
    ("cluster", "gpus", "concurrent", "wanted"),
    [
        ({"CPU": 2.0}, "auto", "auto", Share(1, 0.0, 2)),
        ({"CPU": 1.0}, "auto", "auto", Share(1, 0.0, 1)),
        ({}, "auto", "auto", Share(1, 0.0, 1)),
        ({"CPU": 64.0}, "auto", "auto", Share(1, 0.0, 64)),
        ({"CPU": 8.0}, "auto", 3, Share(1, 0.0, 3)),
        ({"CPU": 2.0}, "auto", 9, Share(1, 0.0, 2)),
        ({"CPU": 2.0}, 0.0, "auto", Share(1, 0.0, 2)),
        ({"CPU": 16.0, "GPU": 2.0}, "auto", "auto", Share(8, 1.0, 2)),
        ({"CPU": 16.0, "GPU": 2.0}, 0.25, "auto", Share(2, 0.25, 8)),
        ({"CPU": 4.0, "GPU": 8.0}, "auto", "auto", Share(1, 1.0, 4)),
        ({"CPU": 16.0, "GPU": 4.0}, 2.0, "auto", Share(8, 2.0, 2)),
        ({"CPU": 16.0, "GPU": 2.0}, 0.0, "auto", Share(1, 0.0, 16)),
        ({"CPU": 16.0, "GPU": 2.0}, 0.25, 1, Share(2, 0.25, 1)),
    ],
)
def test_share(
    monkeypatch: pytest.MonkeyPatch,
    cluster: dict[str, float],
    gpus: str | float,
    concurrent: str | int,
    wanted: Share,
) -> None:
    monkeypatch.setattr("search.tune.ray.cluster_resources", lambda: cluster)
    assert share(gpus, concurrent) == wanted


@pytest.mark.parametrize("gpus", [1.0, 3.0, 1.5])
def test_more_cards_than_there_are(monkeypatch: pytest.MonkeyPatch, gpus: float) -> None:
    """Asked for what the cluster lacks, a sweep would wait for ever."""
    from colornet.errors import InputError

    monkeypatch.setattr(
        "search.tune.ray.cluster_resources",
        lambda: {"CPU": 4.0, "GPU": 2.0 if gpus == 1.5 else 0.5},
    )
    with pytest.raises(InputError, match=r"resources\.gpus"):
        share(gpus, "auto")
