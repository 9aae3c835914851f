"""Names of clients as they stand in the tables: one a client, however it is spelled.

A name is registered when a fact or a campaign first carries it; other spellings and aliases are
brought to it before anything is written or looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from releve.errors import Phrase
from releve.network.faults import Fault
from releve.plugins.outbound.engine.clients import fold_client_name
from releve.plugins.outbound.engine.facts import EVERY_CLIENT
from releve.plugins.outbound.gate.errors import LoadRefused
from releve.plugins.outbound.gate.models import ClientName


def resolve_client(name: str) -> str:
    """Return the name that stands for a client in the tables, the one given when none does."""
    found = ClientName.objects.filter(key=fold_client_name(name)).values_list("name", flat=True).first()
    return name if found is None else found


def register_client(name: str) -> str:
    """Return the name that stands for a client; this one from now on when none did."""
    found, _ = ClientName.objects.get_or_create(key=fold_client_name(name), defaults={"name": name})
    return found.name


def register_aliases(aliases: Iterable[tuple[str, str]]) -> None:
    """Let each alias (client, alias) stand for its client.

    LoadRefused where facts stand under the alias already: they would no longer be found.
    """
    for client, alias in aliases:
        name = register_client(client)
        if not alias:
            continue
        there, new = ClientName.objects.get_or_create(key=fold_client_name(alias), defaults={"name": name})
        if not new and there.name != name:
            reason = Phrase("stands for the client {0!r} already, not for {1!r}", there.name, name)
            fix = Phrase("give the alias before the facts that use it")
            raise LoadRefused.of([Fault("clients", 0, "alias", alias, reason, fix)])


def normalize_client_names(frames: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    found = {}
    for name, frame in frames.items():
        if "client" in frame.columns:
            names = frame["client"].drop_nulls().unique(maintain_order=True).to_list()
            renames = {one: register_client(one) for one in names if one != EVERY_CLIENT}
            frame = frame.with_columns(pl.col("client").replace(renames))
        found[name] = frame
    return found
