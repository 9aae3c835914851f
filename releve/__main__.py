"""``python -m releve`` is ``releve``."""

from releve.cli import main

main()
