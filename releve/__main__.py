"""``python -m releve`` is ``releve``."""

from __future__ import annotations

import sys

from releve.extras import find_extra


def start() -> None:
    """Run the command line; where its extra is not installed, say so in one line."""
    try:
        from releve.cli import main
    except ModuleNotFoundError as error:
        if find_extra(error) is None:
            raise
        sys.exit(
            f"Error: {error.name} is not installed: the command line comes with "
            "pip install 'releve[desk]', on a gate's host with 'releve[gate]'"
        )
    main()


if __name__ == "__main__":
    start()
