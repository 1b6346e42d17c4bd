"""Sweeps on clusters: jobs, tokens, manifests, and `doctor`."""
