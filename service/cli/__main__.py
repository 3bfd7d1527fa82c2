"""`python -m service.cli` is `covenantd`."""

from service.cli import main

main()
