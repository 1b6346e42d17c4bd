"""Generators and discriminators, and the layers they are built of."""
