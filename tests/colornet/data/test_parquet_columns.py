"""Which columns of a Parquet file are taken, and what is said when it is not clear."""

import json

import pyarrow as pa
import pytest

from colornet.data.parquet_columns import find_columns
from colornet.errors import InputError

PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


def message(found: pa.Schema, **named: str) -> str:
    with pytest.raises(InputError) as caught:
        find_columns(found, "file", **named)
    text = str(caught.value)
    assert text.startswith("file: ")
    assert len(text.splitlines()) <= 3
    return text


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"image": PICTURE, "label": pa.int64()}, "image"),
        ({"img": PICTURE, "path": pa.string()}, "img"),
        ({"jpeg": pa.binary(), "label": pa.int8()}, "jpeg"),
        ({"id": pa.int64(), "png": pa.large_binary()}, "png"),
        ({"meta": pa.struct([("size", pa.int64())]), "image_bytes": pa.binary()}, "image_bytes"),
    ],
)
def test_the_only_column_of_bytes_is_found(columns: dict[str, pa.DataType], expected: str) -> None:
    assert find_columns(schema(**columns), "file").picture == expected


def test_several_columns_of_bytes_are_named() -> None:
    two = schema(image=PICTURE, mask=PICTURE, label=pa.int64())
    text = message(two)
    assert "2 columns may be the pictures: image, mask" in text
    assert "data.column" in text
    for named in ("mask", "mask.bytes"):
        assert find_columns(two, "file", picture=named).picture == "mask"


def test_no_column_of_bytes() -> None:
    text = message(schema(text=pa.string(), label=pa.int64(), box=pa.struct([("x", pa.int8())])))
    assert "no column of encoded pictures, only text, label, box" in text
    assert "no column of encoded pictures" in message(pa.schema([]))


def test_a_named_column_that_holds_none() -> None:
    there = schema(image=PICTURE, label=pa.int64())
    assert "'imag': no such column" in message(there, picture="imag")
    assert "Did you mean 'image'?" in message(there, picture="imag")
    assert "'label': int64, not encoded pictures" in message(there, picture="label")
    assert "There are none." in message(schema(label=pa.int64()), picture="x")


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"label": pa.int64()}, "label"),
        ({"class": pa.string()}, "class"),
        ({"coarse_label": pa.int64(), "fine_label": pa.int64()}, "fine_label"),
        ({"label": pa.list_(pa.int64()), "class": pa.dictionary(pa.int32(), pa.string())}, "class"),
        ({"labels": pa.uint8()}, "labels"),
        ({"label": pa.float64()}, None),
        ({"caption": pa.string()}, None),
    ],
)
def test_the_column_of_classes_is_found(
    columns: dict[str, pa.DataType], expected: str | None
) -> None:
    assert find_columns(schema(image=PICTURE, **columns), "file").label == expected


def test_a_named_column_of_classes() -> None:
    there = schema(image=PICTURE, label=pa.int64(), kind=pa.string(), score=pa.float64())
    assert find_columns(there, "file", label="kind").label == "kind"
    assert "'score': double, not classes" in message(there, label="score")
    assert "Did you mean 'kind'?" in message(there, label="kin")


def described(value: object) -> pa.Schema:
    there = schema(image=PICTURE, label=pa.int64())
    return there.with_metadata({"huggingface": json.dumps(value)})


def test_class_names_of_hugging_face() -> None:
    feature = {"names": ["cat", "dog"], "_type": "ClassLabel"}
    columns = find_columns(described({"info": {"features": {"label": feature}}}), "file")
    assert [columns.class_of(value) for value in (0, 1, 2, -1, None)] == ["cat", "dog", "2", "", ""]


@pytest.mark.parametrize(
    "value", [{}, [], None, {"info": {"features": {"label": {"names": [1]}}}}, {"info": 3}]
)
def test_without_class_names_the_numbers_serve(value: object) -> None:
    columns = find_columns(described(value), "file")
    assert [columns.class_of(number) for number in (0, 9, None)] == ["0", "9", ""]


def test_metadata_that_is_no_json() -> None:
    there = schema(image=PICTURE, label=pa.int64()).with_metadata({"huggingface": b"\xff{"})
    assert find_columns(there, "file").class_of(3) == "3"


def test_classes_may_be_text() -> None:
    columns = find_columns(schema(image=PICTURE, label=pa.string()), "file")
    assert columns.class_of("sea") == "sea"


def test_a_column_of_splits_must_be_text() -> None:
    assert find_columns(schema(image=PICTURE, split=pa.string()), "file").split
    assert not find_columns(schema(image=PICTURE, split=pa.int64()), "file").split
    assert not find_columns(schema(image=PICTURE), "file").split


@pytest.mark.parametrize("named", [{"picture": "image"}, {"label": "label"}])
def test_a_named_column_that_is_there_twice(named: dict[str, str]) -> None:
    twice = [("image", pa.binary()), ("label", pa.int64())] * 2
    found = pa.schema([*twice, ("png", pa.binary())])
    assert f"'{next(iter(named.values()))}': 2 columns" in message(
        found, **{"picture": "png"} | named
    )


def test_splits_that_are_there_twice_are_none() -> None:
    found = pa.schema([("image", PICTURE), ("split", pa.string()), ("split", pa.string())])
    assert not find_columns(found, "file").split
