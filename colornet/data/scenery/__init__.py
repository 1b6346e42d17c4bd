"""What the built-in landscapes are drawn with: light, canvas, terrain and things."""
