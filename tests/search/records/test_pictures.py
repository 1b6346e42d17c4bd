"""On which pictures a sweep was judged, by the columns that decide and its provenance."""

from typing import Any

from search.records.pictures import judged_on, recorded_pictures, splits


def test_held_out_ones_judge_unless_there_are_common_ones() -> None:
    assert judged_on(["val_ab_mae"], ["b", "a", "b"], None) == ["a", "b"]
    assert judged_on(["eval_ab_mae"], ["b"], "c") == ["c"]
    assert judged_on(["eval_ab_mae", "val_psnr"], ["b"], "c") == ["b", "c"]


def test_by_provenance() -> None:
    data = [{"content_hash": "b"}, {"content_hash": "a"}]
    recorded: dict[str, Any] = {"data": data, "evaluation": {"content_hash": "c"}}
    assert recorded_pictures(["val_ab_mae"], recorded) == ["a", "b"]
    assert recorded_pictures(["eval_ab_mae"], recorded) == ["c"]
    assert recorded_pictures(["val_ab_mae"], {}) == []
    assert recorded_pictures(["eval_ab_mae"], {"data": data}) == []


def test_the_split_is_that_of_what_judges() -> None:
    base = {"data": {"split": "content"}, "evaluate_on": None}
    assert splits(["val_ab_mae"], base) == {"data": "content"}
    assert splits(["eval_ab_mae", "val_psnr"], base) == {"data": "content", "evaluate_on": None}
    assert splits(["val_ab_mae"], {}) == {"data": None}
