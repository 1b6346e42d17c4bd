"""Choosing points, stopping trials, ranking them: pure, without Ray."""
