"""Discriminators: one architecture a file, each with `build(options, image_size)`."""
