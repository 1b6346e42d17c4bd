"""Methods: how a training learns, one a file, each with `build(config, device)`."""
