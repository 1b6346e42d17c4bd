"""Training: the loop, methods, losses, checkpoints and final training."""
