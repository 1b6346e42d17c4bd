"""`python -m search`: the `colorsweep` command where its script is not on the path."""

from search.cli import main

main()
