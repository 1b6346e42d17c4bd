"""The model card: what a model is, how it was trained, how it does on pictures it never saw."""

import time
from collections.abc import Mapping
from typing import Any

from colornet.config import METRICS, Config, flatten

_SHOWN = ("ab_mae", "psnr", "ssim", "colorfulness_ratio", "colorfulness_gap", "strong_ab_mae")


def model_card(
    name: str,
    config: Config,
    metrics: Mapping[str, Any],
    data: Mapping[str, Any],
    origin: Mapping[str, Any] | None = None,
) -> str:
    """Markdown for people.

    Args:
        metrics: `test_*` columns, baselines among them, and `images` and `seconds` of training.
        data: the pack's summary.
        origin: the `from` part of a best.yaml, when the config was picked from a sweep.
    """
    lines = [f"# {name}", "", _sentence(config, metrics, data), "", "## On the test pictures", ""]
    lines += _results(metrics)
    if origin:
        lines += ["", "## From", "", *_origin(origin)]
    lines += ["", "## Data", "", *_data(data), "", "## Config", ""]
    lines += ["| setting | value |", "|---|---|"]
    lines += [f"| `{path}` | {value} |" for path, value in flatten(config.to_dict()).items()]
    lines += [
        "",
        "## Use",
        "",
        "```",
        f"colorsweep colorize {name} PICTURE… -o colorized",
        "```",
        "",
    ]
    return "\n".join(lines)


def _sentence(config: Config, metrics: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    minutes = (metrics.get("seconds") or 0) / 60
    return (
        f"A `{config.generator.kind}` generator that colorizes grey pictures, trained by "
        f"`{config.loss.method}` on {metrics['images']:,} pictures at {data['image_size']} pixels "
        f"in {minutes:.1f} minutes, {time.strftime('%Y-%m-%d')}."
    )


def _results(metrics: Mapping[str, Any]) -> list[str]:
    lines = ["| metric | value | unit |", "|---|---|---|"]
    for name in _SHOWN:
        value = metrics.get(f"test_{name}")
        shown = "–" if value is None else f"{value:.4g}"
        lines.append(f"| {METRICS[name].label} | {shown} | {METRICS[name].unit} |")
    baseline = metrics.get("test_ab_mae_baseline")
    if not baseline:
        return [*lines, "", "No test pictures with color: the set is too small, or grey."]
    each = ", ".join(f"{n} {metrics[f'test_ab_mae_{n}']:.4g}" for n in ("grey", "mean", "median"))
    share = metrics["test_ab_mae"] / baseline
    lines += [
        "",
        f"One color everywhere would be off by {baseline:.4g} Lab units at best ({each}); "
        f"the model's error is {share:.2f} times that.",
    ]
    return lines


def _origin(origin: Mapping[str, Any]) -> list[str]:
    return [f"- {key}: {value}" for key, value in origin.items()]


def _data(data: Mapping[str, Any]) -> list[str]:
    splits = ", ".join(f"{count:,} {split}" for split, count in data["splits"].items())
    return [f"{data['pictures']:,} pictures ({splits}), content hash `{data['content_hash']}`."]
