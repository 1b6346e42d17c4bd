"""How trials are chosen, placed on Ray and recorded."""
