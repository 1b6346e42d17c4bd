"""Running a sweep: trials on Ray, and what is recorded of them."""
