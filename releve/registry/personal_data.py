"""The versions of the reference data, as personal data of agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from releve.erasure import Findings
from releve.registry import storage
from releve.registry.erasure import count_blocks_naming, find_rows_naming, rename_agent

__all__ = ["RegistryData"]


class RegistryData:
    """Rows of people in every version of the tables; a token takes the place of the id."""

    name = "registry"
    tables: Sequence[str] = ("registry_block", "registry_upload")

    def find(self, agent: str) -> Findings:
        return Findings({"blocks": count_blocks_naming(agent)})

    def export(self, agent: str) -> Mapping[str, list[Any]]:
        return find_rows_naming(agent)

    def erase(self, agent: str, token: str, now: datetime) -> Mapping[str, Any]:
        transaction.on_commit(storage.clear_cache)
        return {"blocks": rename_agent(agent, token)}

    def erase_due(self, now: datetime) -> int:
        return 0
