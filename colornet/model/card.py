"""The model card: what a model is, how it was trained, how it does on pictures it never saw."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from colornet.cli_result import count_text
from colornet.config.columns import METRICS
from colornet.config.config import Config
from colornet.config.paths import flatten

_SHOWN = (
    *("ab_mae", "strong_ab_mae", "ciede2000", "psnr", "ssim", "auc_rebalanced"),
    *("colorfulness_ratio", "colorfulness_gap"),
)


_USE = """
## Use

```
colorsweep colorize FOLDER_OF_THIS_CARD PICTURE… -o colorized
```
"""


def model_card(
    name: str,
    config: Config,
    metrics: Mapping[str, Any],
    data: Mapping[str, Any] | None,
    origin: Mapping[str, Any] | None = None,
    split: str = "test",
    common: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    first: Sequence[str] = (),
) -> str:
    """Markdown for people.

    Args:
        metrics: columns of `split`, baselines among them, and `images` and `seconds` of training.
        data: summary of the pack it was trained on, None when that is not known.
        origin: the `from` part of a best.yaml, when the config was picked from a sweep.
        split: which held-out pictures it was measured on; `val` ones have helped to choose it.
        common: summary of the pack of `evaluate_on`, where that is what it was measured on.
        notes: sentences on its training.
        first: sentences on why it should not be used.
    """
    lines = [f"# {name}", "", *(f"**{sentence}**\n" for sentence in first)]
    lines += [_sentence(config, metrics), "", f"## On the {split} pictures", ""]
    if common:
        pictures = count_text(common["splits"][split], f"{split} picture")
        lines += [
            f"Measured on the {pictures} of `evaluate_on` at "
            f"{common['image_size']} pixels, content hash `{common['content_hash']}`.",
            "",
        ]
    lines += _results(metrics, split)
    if notes:
        lines += ["", "## Training", "", *(f"- {note}" for note in notes)]
    if origin:
        lines += ["", "## From", "", *(f"- {key}: {value}" for key, value in origin.items())]
    lines += ["", "## Data", "", *_data(data)] if data else []
    lines += ["", "## Config", "", "| setting | value |", "|---|---|"]
    lines += [f"| `{path}` | {value} |" for path, value in flatten(config.to_dict()).items()]
    return "\n".join([*lines, _USE])


def _sentence(config: Config, metrics: Mapping[str, Any]) -> str:
    seconds, images = ((metrics.get(name) or 0) for name in ("seconds", "images"))
    return (
        f"A `{config.generator.kind}` generator that colorizes grey pictures, trained by "
        f"`{config.loss.method}` for {count_text(int(images), 'picture')} seen at "
        f"{config.data.image_size} pixels in {seconds / 60:.1f} minutes, "
        f"{time.strftime('%Y-%m-%d')}."
    )


def _results(metrics: Mapping[str, Any], split: str) -> list[str]:
    lines = ["| metric | value | unit |", "|---|---|---|"]
    for name in _SHOWN:
        value = metrics.get(f"{split}_{name}")
        text = "–" if value is None else f"{value:.4g}"
        lines.append(f"| {METRICS[name].label} | {text} | {METRICS[name].unit} |")
    baseline, error = (metrics.get(f"{split}_ab_mae{suffix}") for suffix in ("_baseline", ""))
    if not baseline:
        return [*lines, "", f"No {split} pictures with color: the set is too small, or grey."]
    trivial = {name: metrics.get(f"{split}_ab_mae_{name}") for name in ("grey", "mean", "median")}
    each = ", ".join(f"{name} {value:.4g}" for name, value in trivial.items() if value is not None)
    sentence = f"One color everywhere would be off by {baseline:.4g} Lab units at best"
    if each:
        sentence += f" ({each})"
    if error is not None:
        sentence += f"; the model's error is {error / baseline:.2f} times that"
    return [*lines, "", f"{sentence}."]


def _data(data: Mapping[str, Any]) -> list[str]:
    splits = ", ".join(f"{count:,} {split}" for split, count in data["splits"].items())
    pictures = count_text(data["pictures"], "picture")
    lines = [f"{pictures} ({splits}), content hash `{data['content_hash']}`."]
    if lightness := data.get("lightness"):
        ranges = (item for item in lightness.items() if item[0] != "image_size")
        each = ", ".join(f"{name} {low:.3g} to {high:.3g}" for name, (low, high) in ranges)
        lines += ["", f"Lightness of 98% of the training pictures, L* in 0 to 255: {each}."]
    return lines
