"""Ranges on the way into the networks, and units on the way out."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from colornet.config.sections.discriminators import Patch
from colornet.config.sections.generators import UNet
from colornet.networks.heads import Colorizer, DiscriminatorNetwork, to_units
from colornet.pictures import Pictures, Prediction, Space

BLACK, WHITE, RED = (0, 0, 0), (255, 255, 255), (255, 0, 0)
RED_AB = (80.0923, 67.2028)
RED_L = 53.2406
RED_LUMA = 0.299


def pictures() -> Pictures:
    """A black, a white and a red one, 2 x 2 pixels each."""
    pixels = torch.tensor([BLACK, WHITE, RED], dtype=torch.uint8)
    return Pictures(pixels.view(3, 1, 1, 3).expand(3, 2, 2, 3))


def colorizer(outputs: int = 2, **options: object) -> Colorizer:
    return Colorizer(nn.Conv2d(1, outputs, 1), UNet(**options))  # ty: ignore[invalid-argument-type]


def judge(**options: object) -> DiscriminatorNetwork:
    return DiscriminatorNetwork(nn.Conv2d(3, 1, 1), Patch(**options))  # ty: ignore[invalid-argument-type]


def corner(values: Tensor) -> list[float]:
    """One number per picture."""
    return values[:, 0, 0, 0].tolist()


@pytest.mark.parametrize(
    ("source", "span", "expected"),
    [
        ("lightness", "signed", (-1, 1, RED_L / 50 - 1)),
        ("lightness", "unit", (0, 1, RED_L / 100)),
        ("lightness", "byte", (0, 255, RED_L * 2.55)),
        ("luma", "signed", (-1, 1, RED_LUMA * 2 - 1)),
        ("luma", "unit", (0, 1, RED_LUMA)),
        ("luma", "byte", (0, 255, RED_LUMA * 255)),
    ],
)
def test_grey_pictures_have_the_range_asked_for(source: str, span: str, expected: tuple) -> None:
    grey = colorizer(input=source, input_range=span).grey(pictures())
    assert grey.shape == (3, 1, 2, 2)
    assert corner(grey) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(
    ("head", "low", "high"),
    [
        ("tanh_110", -110, 110),
        ("tanh_127", -127, 127),
        ("tanh_128", -128, 128),
        ("sigmoid", -128, 127),
        ("linear", -60, 60),
    ],
)
def test_heads_of_ab_reach_their_lab_units(head: str, low: float, high: float) -> None:
    raw = torch.tensor([-60.0, 60.0]).view(2, 1, 1, 1).expand(2, 2, 1, 1)
    assert corner(to_units(head, "ab", raw) * 110) == pytest.approx([low, high])


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("tanh", (0, 0.5, 1)),
        ("sigmoid", (0, 0.5, 1)),
        ("relu", (0, 0, 60)),
        ("linear", (-60, 0, 60)),
    ],
)
def test_heads_of_rgb(head: str, expected: tuple) -> None:
    raw = torch.tensor([-60.0, 0.0, 60.0]).view(3, 1, 1, 1).expand(3, 3, 1, 1)
    assert corner(to_units(head, "rgb", raw)) == pytest.approx(expected)


ALIKE: list[tuple[Space, str, str, Callable[[Tensor], Tensor]]] = [
    ("ab", "tanh_110", "signed", torch.tanh),
    ("lab", "tanh_110", "signed", torch.tanh),
    ("ab", "tanh_127", "signed_127", torch.tanh),
    ("lab", "tanh_128", "signed_128", torch.tanh),
    ("ab", "sigmoid", "unit", torch.sigmoid),
    ("lab", "sigmoid", "unit", torch.sigmoid),
    ("ab", "linear", "raw", torch.clone),
    ("lab", "linear", "raw", torch.clone),
    ("rgb", "tanh", "signed", torch.tanh),
    ("rgb", "sigmoid", "unit", torch.sigmoid),
]


@pytest.mark.parametrize(("space", "head", "span", "function"), ALIKE)
def test_a_judge_of_the_same_range_sees_what_the_head_gave(
    space: Space, head: str, span: str, function: Callable[[Tensor], Tensor]
) -> None:
    """Canonical units in between change nothing."""
    raw = torch.randn(3, 2 if space == "ab" else 3, 2, 2)
    prediction = Prediction(space, to_units(head, space, raw), pictures().lightness)
    view = judge(input=space, input_range=span, conditional=False).view(prediction, torch.empty(0))
    assert torch.allclose(view, function(raw), atol=1e-5)


@pytest.mark.parametrize(
    ("space", "span", "expected"),
    [
        ("ab", "signed", [value / 110 for value in RED_AB]),
        ("ab", "unit", [(value + 128) / 255 for value in RED_AB]),
        ("lab", "raw", [RED_L, *RED_AB]),
        ("lab", "signed_127", [RED_L / 50 - 1, *(value / 127 for value in RED_AB)]),
        ("lab", "unit", [RED_L / 100, *((value + 128) / 255 for value in RED_AB)]),
        ("rgb", "signed", [1, -1, -1]),
        ("rgb", "signed_128", [1, -1, -1]),
        ("rgb", "unit", [1, 0, 0]),
        ("rgb", "raw", [255, 0, 0]),
    ],
)
def test_a_judge_sees_true_pictures_in_its_range(
    space: str, span: str, expected: list[float]
) -> None:
    grey = torch.full((3, 1, 2, 2), 7.0)
    view = judge(input=space, input_range=span).view(pictures(), grey)
    assert view[2, 0].unique().tolist() == [7.0]
    assert view[2, 1:, 0, 0].tolist() == pytest.approx(expected, abs=2e-3)


def test_a_prediction_is_judged_in_another_space_than_its_own() -> None:
    """RGB of its own as ab, and ab on the true lightness as RGB."""
    true = pictures()
    own = Prediction("rgb", true.rgb, true.lightness)
    view = judge(conditional=False).view(own, torch.empty(0))
    assert torch.allclose(view, true.ab, atol=2e-3)
    own = Prediction("ab", true.ab, true.lightness)
    view = judge(input="rgb", input_range="unit", conditional=False).view(own, torch.empty(0))
    assert torch.allclose(view, true.rgb, atol=2e-3)


def test_pictures_are_colorized_in_float32_under_autocast() -> None:
    network = colorizer(outputs=3, predicts="lab")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        prediction = network.colorize(pictures())
        logits = judge()(torch.rand(2, 3, 4, 4))
    assert prediction.values.dtype == logits.dtype == torch.float32
    assert prediction.space == "lab"
    assert torch.equal(prediction.lightness, pictures().lightness)
    own = prediction.predicted_lightness
    assert own is not None and not torch.equal(own, prediction.lightness)


def test_a_nan_stays_a_nan() -> None:
    """Nothing on the way hides a diverged network."""
    for space, head, _, _ in ALIKE:
        raw = torch.full((1, 2 if space == "ab" else 3, 1, 1), torch.nan)
        assert to_units(head, space, raw).isnan().all()
    assert to_units("relu", "rgb", torch.full((1, 3, 1, 1), torch.nan)).isnan().all()
