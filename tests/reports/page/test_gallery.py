"""The same pictures side by side."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from reports.page.gallery import LARGE, GalleryColumn, embedded, prepare, side_by_side
from reports.tables import tables_of
from search.records.reader import read_sweep


def test_no_pictures(build) -> None:
    assert prepare(build().tables()).missing == "No pictures are recorded yet."


def test_columns_are_grey_truth_and_the_best(build) -> None:
    sweep = build()
    for value in (9.0, 5.0, 7.0):
        sweep.trial({}, value, pictures=2)
    info = prepare(sweep.tables(), most=2)
    assert info.columns == (
        GalleryColumn("Grey (input)", "grey", None, -1, "", True),
        GalleryColumn("Truth", "truth", None, -1, "", True),
        GalleryColumn("#1", "t00001", 1, 1, "", True),
        GalleryColumn("#2", "t00002", 2, 2, "", True),
    )
    assert info.recorded == 3
    assert [name for name, _ in info.rows] == ["picture 0", "picture 1"]
    tile = info.rows[0][1][2]
    assert base64.b64decode(tile.source.partition(",")[2])[8:12] == b"WEBP"
    assert (tile.small, tile.ab_mae, tile.ratio) == (True, 5.0, pytest.approx(0.6))
    assert info.rows[0][1][0].ratio is None  # grey is meant to be pale


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
    sweep.writer.add("pictures", {**row, "webp": b"<svg onload=alert(1)>"})
    sweep.writer.commit()
    info = prepare(tables_of(read_sweep(sweep.folder)))
    assert info.missing == ""
    assert info.rows[0][1][2].source == ""


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
    assert all(column.shown for column in info.columns)


def test_a_trial_that_cannot_be_ranked_is_shown_by_how_it_ended(build) -> None:
    sweep = build()
    sweep.trial({}, 9.0, "diverged", pictures=1)
    assert [c.title for c in prepare(sweep.tables()).columns[2:]] == ["diverged"]


def test_none_where_none_are_wanted(build) -> None:
    sweep = build()
    sweep.trial({}, 9.0, pictures=1)
    assert prepare(sweep.tables(), 0).missing == "This page was built without pictures."


def test_starting_points_and_ways_of_failing_are_among_the_embedded(build) -> None:
    sweep = build()
    for index in range(12):
        origin = "start_from" if index == 8 else "search"
        ratio = {"val_colorfulness_ratio": 0.3 if index == 7 else 0.9, "diag_collapsed": 0.0}
        if index == 6:
            ratio["diag_collapsed"] = 1.0 / (1 + 1 / 4 - 1 / 4)
        sweep.trial({}, 5.0 + index, pictures=1, origin=origin, metrics=ratio)
    sweep.trial({}, 20.0, "oom", pictures=1)
    tables = sweep.tables()
    found = embedded(tables, tables.records.pictured(), 9)
    assert list(found) == ["t00000", "t00001", "t00002", "t00003", *list(found)[4:]]
    assert {why for why in found.values() if why} == {
        "a starting point",
        "oom",
        "contest collapsed",
        "the palest",
        "the worst",
    }
    assert len(embedded(tables, tables.records.pictured(), 2)) == 2


def test_large_pictures_are_packed_and_carry_nothing_along(build) -> None:
    sweep = build()
    sweep.trial({}, 1.0, pictures=1)
    noise = np.random.default_rng(0).integers(0, 255, (2 * LARGE, 2 * LARGE, 3), dtype=np.uint8)
    for index, (side, kind) in enumerate([(2 * LARGE, "prediction"), (32, "truth")]):
        picture, stream = Image.fromarray(noise[:side, :side]), io.BytesIO()
        exif = picture.getexif()
        exif[0x010E] = "at home"
        picture.save(stream, "WEBP", lossless=True, exif=exif)
        row = {"trial_id": "t00000", "number": 0, "attempt": 1, "seed": 0, "tick": 9 + index}
        row |= {"kind": kind, "split": "val", "picture": "p", "picture_hash": "h0", "fixed": True}
        sweep.writer.add("pictures", {**row, "webp": stream.getvalue()})
        assert b"at home" in stream.getvalue()
    sweep.writer.commit()
    tables = tables_of(read_sweep(sweep.folder))
    sources = [tile.source for tile in prepare(tables).rows[0][1][1:]]
    assert side_by_side(["a"], [tables], ["t00000"]).rows[0][1][1:] == tuple(sources)
    for source, side in zip(sources, (32, 2 * LARGE), strict=True):
        data = base64.b64decode(source.partition(",")[2])
        assert b"at home" not in data
        with Image.open(io.BytesIO(data)) as shown:
            assert shown.size == (side, side) and not shown.getexif()
