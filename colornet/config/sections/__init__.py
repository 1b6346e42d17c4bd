"""The sections of a config, one file each: what may be set, its range, and what it means."""
