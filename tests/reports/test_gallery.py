"""The same pictures side by side."""

import base64

from reports.gallery import GalleryColumn, prepare
from reports.tables import tables_of
from search.records import read_sweep


def test_no_pictures(build) -> None:
    assert prepare(build().tables()).missing == "No pictures are recorded yet."


def test_nobody_to_rank(build) -> None:
    sweep = build()
    sweep.trial({}, 9.0, "diverged", pictures=1)
    assert prepare(sweep.tables()).missing


def test_columns_are_grey_truth_and_the_best(build) -> None:
    sweep = build()
    for value in (9.0, 5.0, 7.0):
        sweep.trial({}, value, pictures=2)
    info = prepare(sweep.tables(), top=2)
    assert info.columns == (
        GalleryColumn("Grey (input)", "grey", None),
        GalleryColumn("Truth", "truth", None),
        GalleryColumn("#1", "t00001", 1),
        GalleryColumn("#2", "t00002", 2),
    )
    assert [name for name, _ in info.rows] == ["picture 0", "picture 1"]
    tile = info.rows[0][1][2]
    assert base64.b64decode(tile.source.partition(",")[2])[8:12] == b"WEBP"
    assert (tile.small, tile.ab_mae, tile.colorfulness) == (True, 5.0, 18.0)


def test_trials_without_pictures_give_their_place_to_the_next(build) -> None:
    sweep = build()
    sweep.trial({}, 1.0)
    sweep.trial({}, 2.0, pictures=1)
    assert [column.trial for column in prepare(sweep.tables()).columns[2:]] == ["t00001"]


def test_bytes_that_are_no_picture_leave_an_empty_tile(build) -> None:
    sweep = build()
    sweep.trial({}, 1.0, pictures=1)
    row = {"trial_id": "t00000", "number": 0, "attempt": 1, "seed": 0, "tick": 1, "fixed": True}
    row |= {"kind": "prediction", "split": "val", "picture": "p", "picture_hash": "h0"}
    sweep.writer.picture({**row, "webp": b"<svg onload=alert(1)>"})
    sweep.writer.commit()
    info = prepare(tables_of(read_sweep(sweep.folder)))
    assert info.missing or info.rows[0][1][2].source == ""


def test_common_pictures_are_shown_where_there_are_some(build) -> None:
    sweep = build()
    sweep.trial({}, 1.0, pictures=2, label="own")
    sweep.trial({}, 2.0, pictures=2, label="common", split="eval")
    info = prepare(sweep.tables())
    assert [name for name, _ in info.rows] == ["common 0", "common 1"]
    assert [column.trial for column in info.columns[2:]] == ["t00001"]


def test_pictures_of_trials_that_confirm_are_left_out(build) -> None:
    sweep = build()
    sweep.trial({}, 1.0, pictures=1)
    sweep.confirm("p0", {}, [1.0, 2.0], pictures=3, label="test", split="test")
    info = prepare(sweep.tables())
    assert [name for name, _ in info.rows] == ["picture 0"]
    assert [column.trial for column in info.columns[2:]] == ["t00000"]


def test_a_compared_design_shows_one_trial_of_each_level(build) -> None:
    name = "loss.adversarial"
    space = {name: {"type": "choice", "choices": list("abcdef")}}
    sweep = build(space, design="compare")
    levels = {level: [1.0 + index, 9.0 - index] for index, level in enumerate("abcdef")}
    info = prepare(sweep.compare(levels, name, pictures=1).tables())
    titles = {column.title.split()[1]: column.trial for column in info.columns[2:]}
    assert titles == {level: f"t0000{index}" for index, level in enumerate("abcdef")}
    assert info.what == "each level"
