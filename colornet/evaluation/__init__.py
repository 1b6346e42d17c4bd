"""Metrics of predicted colors, and diagnostics of a training."""
