"""Pictures: where they come from, and the packed file every training maps."""
