"""Sources of pictures, one per file."""
