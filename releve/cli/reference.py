"""The reference of the command line as Markdown, made from the commands themselves.

``python -m releve.cli.reference`` prints it; ``scripts/docs`` writes ``docs/made/cli.md``.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator

import click

_INTRODUCTION = """\
# The command line

`releve SUBJECT COMMAND`, in the environment that `scripts/setup` makes: `.venv/bin/releve`, or
`releve` after `. .venv/bin/activate`. Every command answers `--help`. A command that can print
`--json` prints nothing else on its standard output. Exit status: 0 when it went well, 2 when the
call was wrong (an option or a folder that is not there), 1 when anything else was."""


def cli_markdown(root: click.Command, name: str = "releve") -> str:
    """Return the reference of ``root`` and every command below it."""
    parts = [_INTRODUCTION, *(_section(command, path) for path, command in _leaf_commands(root, name))]
    return "\n\n".join(parts) + "\n"


def _leaf_commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield the commands that do something, with their full names, in the order of the help."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name, below in list_commands(command).items():
        yield from _leaf_commands(below, f"{path} {name}")


def list_commands(group: click.Group) -> dict[str, click.Command]:
    """Return the commands of a group by name, in order."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in sorted(group.list_commands(context))}
    return {name: command for name, command in found.items() if command is not None}


def _section(command: click.Command, path: str) -> str:
    context = click.Context(command, info_name=path)
    usage = f"    {path} {' '.join(command.collect_usage_pieces(context))}"
    rows = [
        _row(option, context) for option in command.params if isinstance(option, click.Option) and not option.hidden
    ]
    table = ["| option | meaning | default |", "|---|---|---|", *rows] if rows else []
    help_text = inspect.cleandoc(command.help or "")
    return "\n\n".join(filter(None, [f"## {path}", usage, help_text, "\n".join(table)]))


def _row(option: click.Option, context: click.Context) -> str:
    names = " / ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else f" {_value(option, context)}"
    cells = (names + value, option.help or "", _default(option, context))
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _value(option: click.Option, context: click.Context) -> str:
    kind = option.type
    if not isinstance(kind, click.IntRange | click.FloatRange):
        return option.make_metavar(context)
    name = "INTEGER" if isinstance(kind, click.IntRange) else "FLOAT"
    low = "" if kind.min is None else f" {'above' if kind.min_open else 'from'} {kind.min}"
    high = "" if kind.max is None else f" {'below' if kind.max_open else 'to'} {kind.max}"
    return name + low + high


def _default(option: click.Option, context: click.Context) -> str:
    """Return what the option is when it is not given, where that says something."""
    if option.required:
        return "**required**"
    default = option.get_default(context, call=False)
    if option.is_flag:
        on_off = dict(zip((True, False), (*option.opts, *option.secondary_opts), strict=False))
        return f"`{on_off[bool(default)]}`" if option.secondary_opts else ""
    plain = isinstance(default, str | int | float) and default != ""
    return f"`{default}`" if plain else ""


if __name__ == "__main__":
    from releve.cli import main

    sys.stdout.write(cli_markdown(main))
