"""The command line: ``releve SUBJECT COMMAND``; each subject has a module of its own."""

from releve.cli.main import main

__all__ = ["main"]
