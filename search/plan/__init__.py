"""What running a study would take, before it runs."""
