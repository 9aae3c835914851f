"""The command line: ``releve SUBJECT COMMAND``; `main` says where each subject stands."""

from releve.cli.main import main

__all__ = ["main"]
