"""How one training learns: configs, data, networks, methods, metrics, models."""
