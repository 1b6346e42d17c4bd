"""What one training is: the config, its sections, presets and columns."""
