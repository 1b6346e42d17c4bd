"""Discriminators: one architecture a file, each with `build(options, inputs, image_size)`."""
