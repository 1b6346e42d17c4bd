"""Model folders, and colorizing pictures of any size and mode with lightness kept."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from torch import Tensor, nn

from colornet.color import split_lab
from colornet.config.config import Config
from colornet.config.sections.generators import UNet
from colornet.data.decode import open_picture, to_square_rgb, working_mode
from colornet.data.source import UnusablePicture
from colornet.errors import InputError
from colornet.model.model import Model, load_model, save_model
from colornet.networks.build import build_generator
from colornet.networks.heads import Colorizer

CPU = torch.device("cpu")
MODES = ("L", "RGB", "RGBA", "LA", "P", "CMYK", "1", "I;16", "I", "HSV")


class Vivid(nn.Module):
    """Predicts the strongest colors, most of them beyond sRGB."""

    def forward(self, lightness: Tensor) -> Tensor:
        count, _, height, width = lightness.shape
        wave = torch.arange(count * 2 * height * width).view(count, 2, height, width)
        return torch.sin(wave * 0.37) * 3


@pytest.fixture
def vivid(tiny: Callable[..., Config]) -> Model:
    return Model(Colorizer(Vivid(), UNet()), tiny(), CPU)


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
    if mode in ("I;16", "I"):
        levels = np.array(picture.convert("L")).astype(np.uint16) * 257
        wide = Image.fromarray(levels)
        return wide if mode == "I;16" else wide.convert("I")
    return picture.convert(mode)


def lightness(picture: Image.Image) -> Tensor:
    """L of the picture, (H, W) in Lab units."""
    if picture.mode.startswith("I"):
        picture = Image.fromarray((np.array(picture) // 257).astype(np.uint8))
    rgb = torch.from_numpy(np.array(picture.convert("RGB")))
    return (split_lab(rgb[None])[0][0, 0] + 1) * 50


class Broken(nn.Module):
    """Predicts a color that is none, at one place."""

    def forward(self, lightness: Tensor) -> Tensor:
        ab = torch.zeros(len(lightness), 2, *lightness.shape[2:])
        ab[0, 1, -1, -1] = float("nan")
        return ab


def test_colors_that_are_not_finite_are_no_picture(tiny: Callable[..., Config]) -> None:
    model = Model(Colorizer(Broken(), UNet()), tiny(), CPU)
    with pytest.raises(UnusablePicture, match="not finite"):
        model.colorize(noise(16, 16))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(1, 1), (40, 3), (33, 47)])
def test_lightness_is_kept(vivid: Model, mode: str, size: tuple[int, int]) -> None:
    picture = noise(*size, mode)
    result = vivid.colorize(picture)
    assert result.size == size
    assert result.mode == ("RGBA" if mode in ("RGBA", "LA") else "RGB")
    assert (lightness(result) - lightness(picture)).abs().max() < 0.5


def test_it_puts_color_in(vivid: Model) -> None:
    result = np.array(vivid.colorize(Image.new("L", (50, 40), 128))).astype(int)
    assert np.ptp(result, axis=-1).mean() > 20


def test_very_wide_pictures(vivid: Model) -> None:
    picture = noise(20_000, 2, "L")
    result = vivid.colorize(picture)
    assert result.size == (20_000, 2)
    assert (lightness(result) - lightness(picture)).abs().max() < 0.5


def test_strips_meet(vivid: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = noise(60, 90, "L")
    whole = np.array(vivid.colorize(picture)).astype(int)
    monkeypatch.setattr("colornet.model.model._STRIP_PIXELS", 60 * 7)
    strips = np.array(vivid.colorize(picture)).astype(int)
    assert np.abs(strips - whole).max() <= 1


def test_transparency_is_kept(vivid: Model) -> None:
    picture = noise(20, 20, "RGBA")
    alpha = Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20).astype(np.uint8))
    picture.putalpha(alpha)
    assert vivid.colorize(picture).getchannel("A").tobytes() == alpha.tobytes()


def test_the_network_may_see_another_size(vivid: Model) -> None:
    picture = noise(60, 40, "L")
    sizes = {side: vivid.at(side)._predict(picture.convert("RGB"))[0].size for side in (16, 32, 64)}
    assert sizes == {16: (24, 16), 32: (48, 32), 64: (96, 64)}
    result = vivid.at(32).colorize(picture)
    assert result.size == (60, 40)
    assert (lightness(result) - lightness(picture)).abs().max() < 0.5


@pytest.mark.parametrize("side", [0, 1, 4096])
def test_a_size_that_no_network_takes(vivid: Model, side: int) -> None:
    with pytest.raises(InputError, match=f"--size: {side}"):
        vivid.at(side)


def test_a_picture_in_memory_is_not_painted_over(vivid: Model, tmp_path: Path) -> None:
    picture = noise(30, 20)
    before = picture.tobytes()
    result = vivid.colorize(picture)
    assert picture.tobytes() == before
    picture.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as opened:
        assert vivid.colorize(opened).tobytes() == result.tobytes()


@pytest.mark.parametrize("change", ["turned", "clear", "deep"])
def test_of_a_large_picture_no_copies_stay_in_memory(
    vivid: Model, tmp_path: Path, change: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6 if change == "turned" else 1
    mode = {"turned": "RGB", "clear": "RGBA", "deep": "I;16"}[change]
    noise(30, 20, mode).save(tmp_path / "a.png", exif=exif)
    with open_picture(tmp_path / "a.png") as opened:
        vivid.colorize(opened)
        with pytest.raises(ValueError, match="closed image"):
            opened.getpixel((0, 0))


def test_a_picture_that_is_rgba_already_is_not_copied() -> None:
    picture = noise(30, 20, "RGBA")
    assert working_mode(picture) is picture


def test_rotation_is_applied(vivid: Model) -> None:
    picture = noise(20, 30, "L")
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.info["exif"] = exif.tobytes()
    result = vivid.colorize(picture)
    assert result.size == (30, 20)
    turned = picture.transpose(Image.Transpose.ROTATE_270)
    assert (lightness(result) - lightness(turned)).abs().max() < 0.5


def test_an_embedded_profile_is_applied(vivid: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = noise(20, 20)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture.info["icc_profile"] = profile
    assert (lightness(vivid.colorize(picture)) - lightness(picture)).abs().max() < 1
    brighter = picture.point(lambda value: value // 2 + 100)
    monkeypatch.setattr(ImageCms, "profileToProfile", lambda *_, **__: brighter)
    assert (lightness(vivid.colorize(picture)) - lightness(brighter)).abs().max() < 0.5


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "PA", "YCbCr", "L", "LA"])
def test_a_profile_means_what_it_means_to_a_training(
    vivid: Model, mode: str, tmp_path: Path
) -> None:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    picture = Image.new("RGB", (16, 16), (200, 30, 40)).convert(mode)
    picture.save(tmp_path / "a.tif", icc_profile=bytes(profile))
    with open_picture(tmp_path / "a.tif") as opened:
        trained_on = Image.fromarray(to_square_rgb(opened, 16))
    with open_picture(tmp_path / "a.tif") as opened:
        result = vivid.colorize(opened)
    assert (lightness(result) - lightness(trained_on)).abs().max() < 0.6


def test_a_broken_profile_is_passed_over(vivid: Model) -> None:
    picture = noise(20, 20)
    plain = vivid.colorize(picture)
    picture.info["icc_profile"] = b"no profile"
    assert vivid.colorize(picture).tobytes() == plain.tobytes()


def test_color_of_the_input_is_not_used(vivid: Model, tiny: Callable[..., Config]) -> None:
    """Two pictures of equal lightness are colorized alike."""
    generator = build_generator(tiny().generator, 0, CPU).eval()
    model = Model(generator, tiny(), CPU)
    grey = noise(40, 40, "L")
    colored = vivid.colorize(grey)
    one, two = (np.array(model.colorize(p)).astype(int) for p in (grey, colored))
    assert np.abs(one - two).max() <= 6


def test_the_training_size_passes_unscaled(tiny: Callable[..., Config]) -> None:
    generator = build_generator(tiny().generator, 0, CPU).eval()
    picture = noise(16, 16, "L")
    light, _ = split_lab(torch.from_numpy(np.array(picture.convert("RGB")))[None])
    expected = generator(light)
    a, b = Model(generator, tiny(), CPU)._predict(picture.convert("RGB"))
    found = torch.from_numpy(np.stack((np.array(a), np.array(b))))[None]
    torch.testing.assert_close(found, expected.detach(), atol=1e-6, rtol=1e-4)


def test_a_saved_model_is_the_same(tiny: Callable[..., Config], tmp_path: Path) -> None:
    config = tiny()
    generator = build_generator(config.generator, 3, CPU)
    generator(torch.rand(4, 1, 16, 16))
    save_model(tmp_path / "model", generator.state_dict(), config, "# A card\n")
    model = load_model(tmp_path / "model")
    assert model.config == config
    assert not model.generator.training
    assert (tmp_path / "model" / "card.md").read_text() == "# A card\n"
    light = torch.rand(2, 1, 32, 16)
    assert torch.equal(model.generator(light), generator.eval()(light))


def test_folders_that_are_no_model(tiny: Callable[..., Config], tmp_path: Path) -> None:
    model = tmp_path / "model"
    with pytest.raises(InputError, match="missing: not found"):
        load_model(tmp_path / "missing")
    with pytest.raises(InputError, match=r"no model\.safetensors"):
        load_model(tmp_path)
    config = tiny()
    state = build_generator(config.generator, 0, CPU).state_dict()
    save_model(model, state, config, "")
    other = tiny(generator={"width": 2})
    save_model(tmp_path / "other", build_generator(other.generator, 0, CPU).state_dict(), other, "")
    weights = (tmp_path / "other" / "model.safetensors").read_bytes()
    for damaged in (weights, b"", b"not tensors", (model / "model.safetensors").read_bytes()[:-9]):
        (model / "model.safetensors").write_bytes(damaged)
        with pytest.raises(InputError, match="not the weights") as caught:
            load_model(model)
        assert len(str(caught.value).splitlines()) <= 3
    (model / "config.yaml").write_text("version: 1\nnonsense: 2\n")
    with pytest.raises(InputError, match="nonsense"):
        load_model(model)


def test_a_model_is_loaded_without_torch_s_compiler() -> None:
    """It costs a second and 80 MB."""
    model = Path(__file__).parents[2] / "golden" / "model-1"
    code = (
        "import sys; from pathlib import Path; from colornet.model.model import load_model; "
        f"load_model(Path({str(model)!r})); sys.exit('torch._dynamo' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
