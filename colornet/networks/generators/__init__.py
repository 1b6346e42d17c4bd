"""Generators: one architecture a file, each with `build(options, inputs, outputs)`."""
