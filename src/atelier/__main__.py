"""`python -m atelier` is `atelier`."""

from atelier.cli import main

main()
