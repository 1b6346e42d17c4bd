"""Statistics of a sweep: levels, effects, importance, the decision."""
