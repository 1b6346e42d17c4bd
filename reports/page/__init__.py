"""The page: a sweep's report and the comparison of several, as one HTML file."""
