"""Names of clients and campaigns: case, accents and hyphens make no difference."""

from __future__ import annotations

from functools import lru_cache

from releve.network.table_words import fold


@lru_cache(maxsize=4096)
def fold_client_name(name: str) -> str:
    """Return what the spellings of a client's or a campaign's name have in common."""
    return fold(name) or name.strip().casefold()
