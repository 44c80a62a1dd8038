"""`python -m hazina` is the `hazina` command."""

from hazina.cli import main

main()
