"""Weights are those that were written, and finite, or they are not used."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

from colornet.config.config import Config
from colornet.errors import InputError
from colornet.model.folder import manifest, read_weights
from colornet.model.model import load_model, save_model
from colornet.networks.build import build_generator
from colornet.storage import Storage

CPU = torch.device("cpu")


@pytest.fixture
def folder(tiny: Callable[..., Config], tmp_path: Path) -> Path:
    config = tiny()
    save_model(
        tmp_path / "model", build_generator(config.generator, 3, CPU).state_dict(), config, ""
    )
    return tmp_path / "model"


def refused(folder: Path, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        load_model(folder)
    assert len(str(caught.value).splitlines()) <= 3


def test_any_flipped_bit_is_found(folder: Path) -> None:
    weights = (folder / "model.safetensors").read_bytes()
    for place in range(0, len(weights), max(1, len(weights) // 40)):
        flipped = bytearray(weights)
        flipped[place] ^= 1
        (folder / "model.safetensors").write_bytes(flipped)
        refused(folder, "not the weights that were written")


def test_weights_of_another_model_are_not_taken(folder: Path, tiny: Callable[..., Config]) -> None:
    other = build_generator(tiny().generator, 4, CPU).state_dict()
    whole = {name: value.contiguous() for name, value in other.items()}
    (folder / "model.safetensors").write_bytes(save(whole))
    refused(folder, "not the weights that were written")


@pytest.mark.parametrize("text", ["{}", '{"sha256": null}', "[]", "", "{", "[" * 10_000, "\0"])
def test_a_damaged_manifest_vouches_for_nothing(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    refused(folder, "manifest.json")


def test_a_model_of_before_has_no_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    load_model(folder)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("vouched", [True, False])
def test_weights_that_are_not_finite_are_refused(
    folder: Path, number: float, vouched: bool
) -> None:
    weights = load((folder / "model.safetensors").read_bytes())
    name = sorted(weights)[-1]
    weights[name].view(-1)[-1] = number
    data = save(weights)
    (folder / "model.safetensors").write_bytes(data)
    if vouched:
        (folder / "manifest.json").write_bytes(manifest(data))
    else:
        (folder / "manifest.json").unlink()
    refused(folder, f"{name} holds numbers that are not finite")


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (torch.bfloat16, float("nan")),
        (torch.bfloat16, -float("inf")),
        (torch.float16, float("inf")),
        (torch.float64, 1e300),
    ],
)
def test_no_kind_of_number_hides_what_is_not_finite(
    folder: Path, kind: torch.dtype, number: float
) -> None:
    (folder / "manifest.json").unlink()
    weights = load((folder / "model.safetensors").read_bytes())
    name = next(name for name, value in weights.items() if value.dtype == torch.float32)
    (folder / "model.safetensors").write_bytes(save(weights | {name: weights[name].to(kind)}))
    load_model(folder)
    other = torch.full_like(weights[name], number, dtype=kind)
    (folder / "model.safetensors").write_bytes(save(weights | {name: other}))
    refused(folder, f"{name} holds numbers that are not finite")


@pytest.mark.parametrize("kind", [torch.complex64, torch.float8_e4m3fn, torch.float8_e5m2])
def test_numbers_of_kinds_that_no_model_has_are_refused(folder: Path, kind: torch.dtype) -> None:
    (folder / "manifest.json").unlink()
    weights = load((folder / "model.safetensors").read_bytes())
    name = next(name for name, value in weights.items() if value.dtype == torch.float32)
    (folder / "model.safetensors").write_bytes(save(weights | {name: weights[name].to(kind)}))
    refused(folder, f"{name} is of [CF]")


@pytest.mark.parametrize("version", ["99", '"1"', "true", "null", "[]"])
def test_a_manifest_of_another_version_is_not_guessed_at(folder: Path, version: str) -> None:
    written = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(written.replace('"version": 1', f'"version": {version}'))
    refused(folder, r"manifest\.json: version .* is not known")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 8,
        b"\x08\0\0\0\0\0\0\0[[[[[[[[",
        (9).to_bytes(8, "little") + b'{"a": {}}',
        (14).to_bytes(8, "little") + b'{"a": {"dtype"',
        (55).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[5,-99]}}',
        (2**63).to_bytes(8, "little") + b"{}",
    ],
)
def test_what_is_no_file_of_weights(tmp_path: Path, folder: Path, data: bytes) -> None:
    shutil.copytree(folder, tmp_path / "other")
    (tmp_path / "other" / "manifest.json").unlink()
    (tmp_path / "other" / "model.safetensors").write_bytes(data)
    refused(tmp_path / "other", "not the weights")


def test_a_kept_generator_has_its_own_manifest(tmp_path: Path) -> None:
    storage = Storage.at(tmp_path)
    data = save({"a": torch.ones(3)})
    storage.write("checkpoints/t00000.safetensors", data)
    assert read_weights(storage, "checkpoints/t00000.safetensors", "checkpoints/t.json") == data
    storage.write("checkpoints/t.json", manifest(data + b" "))
    with pytest.raises(InputError, match="not the weights that were written"):
        read_weights(storage, "checkpoints/t00000.safetensors", "checkpoints/t.json")


@pytest.mark.parametrize("width", [10**5, 10**18, 2**62, 10**40])
def test_a_config_of_absurd_size_is_refused_before_it_is_built(folder: Path, width: int) -> None:
    text = (folder / "config.yaml").read_text()
    lines = [
        line.partition("width: ")[0] + f"width: {width}" if "width: " in line else line
        for line in text.splitlines()
    ]
    (folder / "config.yaml").write_text("\n".join(lines))
    refused(folder, r"generator: .*(weights|larger than any tensor)")


def test_one_that_only_the_weights_do_not_fit_is_not_built(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (folder / "config.yaml").read_text()
    assert "  width: 4\n" in text
    (folder / "config.yaml").write_text(text.replace("  width: 4\n", "  width: 1000\n", 1))
    real = torch.empty

    def small(*size: object, **options: object) -> torch.Tensor:
        made = real(*size, **options)
        assert made.device.type == "meta" or made.numel() < 10**6
        return made

    monkeypatch.setattr(torch, "empty", small)
    refused(folder, "not the weights of the generator in config.yaml")
