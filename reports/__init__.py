"""How people read a sweep and decide."""
