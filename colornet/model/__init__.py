"""Trained models: their files, their card, and colorizing with them."""
