"""What a plug-in adds to the core, and the list of the plug-ins that are installed.

A plug-in is a package with a ``PLUGIN``. Those of Relève itself are the packages of
``releve.plugins``; another distribution names its own by an entry point of the group
``releve.plugins``, whose object is the ``Plugin``. What it adds is named by dotted text, so that
listing the plug-ins imports nothing of theirs, and the core imports no plug-in. Two that claim the
same command, address, application or folder are refused: neither may silently take the other's place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module, metadata
from importlib.util import find_spec
from pkgutil import iter_modules

from releve.errors import ReleveError

GROUP = "releve.plugins"


class PluginError(ReleveError):
    """A plug-in cannot be used: what it names is no ``Plugin``, or another one has it."""


@dataclass(frozen=True)
class Plugin:
    """What one plug-in adds: each value is a dotted name, of a module where nothing else is said."""

    name: str
    commands: Mapping[str, str] = field(default_factory=dict)
    """Subject of the command line -> the module that holds the command of that name.

    ``network sector`` is the command ``sector`` of the subject ``network``, and its module holds
    it as ``network_sector``.
    """
    apps: tuple[str, ...] = ()
    """Django applications with its tables."""
    permissions: tuple[str, ...] = ()
    """Each a tuple of ``releve.accounts.permissions.Permission``."""
    menu: tuple[str, ...] = ()
    """Each a tuple of ``releve.desk.navigation.Entry``: its pages in the menus."""
    api: tuple[str, ...] = ()
    """Modules that register operations of the API, and what it answers to their errors."""
    entry_kinds: Mapping[str, str] = field(default_factory=dict)
    """Kind of its entries in the ledger -> what happened, in English."""
    streams: Mapping[str, str] = field(default_factory=dict)
    """Stream of the ledger -> what it is called, in English."""
    keys: tuple[str, ...] = ()
    """Each a ``releve.ledger.keys.InstallationKey``: made by `releve init`, checked, backed up."""
    checks: Mapping[str, str] = field(default_factory=dict)
    """Name of a check of `releve doctor` -> function of an ``Examination`` that yields findings.

    It runs after the core's check of that name; where there is none, with those of the database.
    """
    daily_jobs: tuple[str, ...] = ()
    """Functions of the instant, for what a day's root is to cover: called once a day before it."""
    call_records: tuple[str, ...] = ()
    """Functions of a folder of RELEVE_CALL_RECORDS: each files what is new, and returns how much."""
    acts: Mapping[str, str] = field(default_factory=dict)
    """Act of the journal -> function of what was noted, which repeats it after a restore."""
    restore_notes: tuple[str, ...] = ()
    """What is to be done after a restore, in English sentences that `releve restore` prints."""
    urls: Mapping[str, str] = field(default_factory=dict)
    """First part of the address, such as ``packs/`` -> module with ``urlpatterns``."""
    template_libraries: Mapping[str, str] = field(default_factory=dict)
    """Name that a template loads -> module with the filters and tags."""
    event_checks: tuple[str, ...] = ()
    """Functions of an event and its stream, which return what refuses it in a situation."""
    jobs: Mapping[str, str] = field(default_factory=dict)
    """Folder of a kind of long work under the home -> its ``releve.runs.job_store.JobKind``."""


@cache
def list_plugins() -> tuple[Plugin, ...]:
    """Return the installed plug-ins, our own first, each by name; PluginError says which clash."""
    found = (*_list_own(), *_list_foreign())
    taken: dict[tuple[str, str], str] = {}
    for plugin in found:
        claims = [("plug-in", plugin.name), *(("application", app) for app in plugin.apps)]
        claims += [("act of the journal", name) for name in plugin.acts]
        claims += [("kind of entry", name) for name in plugin.entry_kinds]
        claims += [("stream", name) for name in plugin.streams]
        claims += [("command", name) for name in plugin.commands]
        claims += [("address", prefix) for prefix in plugin.urls]
        claims += [("template library", name) for name in plugin.template_libraries]
        claims += [("folder of jobs", name) for name in plugin.jobs]
        for kind, name in claims:
            if (kind, name) in taken:
                raise PluginError(
                    f"plug-in {plugin.name!r}: the {kind} {name!r} is taken by the plug-in "
                    f"{taken[kind, name]!r}; uninstall one of the two"
                )
            taken[kind, name] = plugin.name
    return found


def _list_own() -> Iterator[Plugin]:
    """Yield the plug-ins of this distribution; none where it was built without them."""
    spec = find_spec(GROUP)
    folders = spec.submodule_search_locations if spec else []
    for name in sorted(module.name for module in iter_modules(folders)):
        yield import_module(f"{GROUP}.{name}").PLUGIN


def _list_foreign() -> Iterator[Plugin]:
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        plugin = entry.load()
        if not isinstance(plugin, Plugin):
            raise PluginError(
                f"plug-in {entry.name!r}: expected a releve.plugin.Plugin at {entry.value}, found "
                f"{type(plugin).__name__}"
            )
        yield plugin
