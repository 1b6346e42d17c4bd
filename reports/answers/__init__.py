"""A study's answers: what its dimensions do, as data and in sentences."""
