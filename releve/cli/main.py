"""The root of the command line: its subjects, and the language in which commands speak."""

from __future__ import annotations

import gettext
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module, resources
from importlib.abc import InspectLoader
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import click

from releve import __version__, errors
from releve.cli.options import LANGUAGES
from releve.extras import find_extra
from releve.plugin import PluginError, list_plugins

SUBJECTS = {
    "backup": "releve.cli.backup",
    "demand": "releve.cli.demand",
    "desk": "releve.cli.desk",
    "doctor": "releve.cli.doctor",
    "init": "releve.cli.init",
    "ledger": "releve.cli.ledger",
    "live": "releve.cli.live",
    "migrate": "releve.cli.init",
    "network": "releve.cli.network",
    "plan": "releve.cli.plan",
    "registry": "releve.cli.registry",
    "relief": "releve.cli.relief",
    "restore": "releve.cli.backup",
    "routing": "releve.cli.live",
    "serve": "releve.cli.serve",
    "settings": "releve.cli.doctor",
    "transport": "releve.cli.transport",
    "warm": "releve.cli.serve",
    "worktime": "releve.cli.worktime",
}
"""Where the command of each subject of the core stands, under the name of the subject."""


def find_subjects() -> dict[str, str]:
    """Return the module of each subject, those of the plug-ins included, in order of the names."""
    found = SUBJECTS | {name: module for name, module in _list_added() if " " not in name}
    return dict(sorted(found.items()))


def _list_added() -> list[tuple[str, str]]:
    """Return what the plug-ins add, each with its module: a subject, or a command of one."""
    try:
        return [row for plugin in list_plugins() for row in plugin.commands.items()]
    except PluginError as error:
        raise click.ClickException(str(error)) from error


class _Subjects(click.Group):
    """Imports a subject's module when it is called: together they take seconds."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the subjects."""
        return [*find_subjects()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a subject's commands, None when there is no such subject."""
        subjects = find_subjects()
        if cmd_name not in subjects:
            return None
        try:
            found: click.Command = getattr(import_module(subjects[cmd_name]), cmd_name)
            for name, module in _list_added():
                subject, _, own = name.partition(" ")
                if own and subject == cmd_name and isinstance(found, click.Group):
                    found.add_command(getattr(import_module(module), f"{subject}_{own}"))
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
            raise click.ClickException(f"{error.name} is not installed: pip install 'releve[{extra}]'") from error
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the subjects, each with the start of its docstring, which is read where it stands."""
        subjects = find_subjects()
        room = formatter.width - 6 - max(map(len, subjects))
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, click.Command(name, help=_read_help(module, name)).get_short_help_str(room))
                 for name, module in subjects.items()]
            )  # fmt: skip

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error of the house, or a file that cannot be read or written, is one line."""
        try:
            return super().invoke(ctx)
        except errors.ReleveError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.filename is None or isinstance(error, BrokenPipeError):
                raise
            path = Path(str(error.filename))
            shown = path.parent if path.name.startswith(".") else path  # a name that is made up
            raise click.ClickException(f"{shown}: {error.strerror}") from error


def _read_help(module: str, function: str) -> str:
    """Return the docstring of a function of a module, which is not imported; empty where it is not found."""
    spec = find_spec(module)
    source = cast(InspectLoader, spec.loader).get_source(module) if spec else None
    found = re.search(rf'^def {function}\(.*?^    """(.*?)"""', source or "", re.DOTALL | re.MULTILINE)
    return found[1] if found else ""


@click.group(cls=_Subjects, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="releve")
def main() -> None:
    """Keep every client served when a place closes, and prove it."""


def load_gettext(language: str) -> Callable[[str], str]:
    """Return how to translate a sentence into a language; English sentences stay as they are."""
    if language == "en":
        return str
    found = resources.files("releve.desk").joinpath("locale", language, "LC_MESSAGES", "django.mo")
    with found.open("rb") as file:
        return gettext.GNUTranslations(file).gettext


def find_locale_language() -> str | None:
    """Return the language of the user's locale, None where it is none of ours or is not set."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((value for name in names if (value := os.environ.get(name))), "")
    code = re.split("[_.@]", locale.lower())[0]
    return code if code in LANGUAGES else None


@dataclass(frozen=True)
class Speech:
    """What a command says in the language that was chosen."""

    language: str
    gettext: Callable[[str], str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "gettext", load_gettext(self.language))

    def say(self, text: str) -> str:
        """Return a text in the language; one that is not a phrase as it is."""
        return errors.say(text, self.gettext, self.language)

    def say_error(self, error: Exception) -> str:
        """Return what an error says, in the language where it was raised with a phrase."""
        return self.say(error.args[0] if error.args else str(error))
