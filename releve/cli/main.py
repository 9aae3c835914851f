"""The root of the command line; a subject's commands stand in the module of its name."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from releve import __version__
from releve.extras import MissingExtra, find_extra

__all__ = ["main"]

SUBJECTS = (
    "backup", "charter", "crashtest", "demand", "desk", "doctor", "effect", "evidence", "init",
    "inspection", "ledger", "live", "migrate", "network", "outbound", "plan", "registry", "relief",
    "restore", "routing", "sector", "serve", "spare", "transport", "validate",
)  # fmt: skip


class _Subjects(click.Group):
    """Reads a subject's module when it is asked for: together they take two seconds."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the subjects."""
        return [*SUBJECTS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a subject's commands, None when there is no such subject."""
        if cmd_name not in SUBJECTS:
            return None
        try:
            found: click.Command = getattr(import_module(f"releve.cli.{cmd_name}"), cmd_name)
        except RuntimeError as error:
            if "no locator available" not in str(error):
                raise
            raise click.ClickException(
                "compiled code can be kept nowhere: set RELEVE_CACHE_DIR to a folder of yours"
            ) from error
        except ModuleNotFoundError as error:
            extra = find_extra(error)
            if extra is None:
                raise
            raise click.ClickException(
                f"{error.name} is not installed: pip install 'releve[{extra}]'"
            ) from error
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a file that cannot be read or written is an error of one line."""
        try:
            return super().invoke(ctx)
        except MissingExtra as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.filename is None or isinstance(error, BrokenPipeError):
                raise
            path = Path(str(error.filename))
            shown = path.parent if path.name.startswith(".") else path  # a name that is made up
            raise click.ClickException(f"{shown}: {error.strerror}") from error


@click.group(cls=_Subjects, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="releve")
def main() -> None:
    """Keep every client served when a place closes, and prove it."""
