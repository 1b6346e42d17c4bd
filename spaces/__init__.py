"""What is asked: studies and the spaces they search."""
