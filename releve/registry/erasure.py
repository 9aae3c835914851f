"""A person leaves every version of the operator: a token takes the place of the pseudonym.

The rows stay in their order and count as before. A block is named by its content, so the changed
block, its sheets and their versions get new names: every digest fits what is stored.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from releve.erasure import Findings
from releve.registry import storage
from releve.registry.blocks import LEVEL, decode_block, operator_digest, sheet_digest
from releve.registry.models import Block, Sheet, SheetBlock, Upload, Version
from releve.registry.storage import load_block_positions, load_sheets

_COLUMNS = {"agents": "id", "shifts": "agent", "absences": "agent", "authorisations": "subject", "teams": "supervisor"}
"""The tables that name agents, and the column that does."""


def count_blocks_naming(agent: str) -> int:
    """Return how many stored blocks, of all versions, name an agent."""
    return sum(1 for _ in _blocks_naming(agent))


def find_rows_naming(agent: str) -> dict[str, list[Any]]:
    """Return the rows that name an agent, by table, each once however many versions have it."""
    found: dict[str, dict[str, Any]] = {}
    for _, text in _blocks_naming(agent):
        content = json.loads(text)
        rows = found.setdefault(content["table"], {})
        for row in _rows_with(content, agent):
            rows[json.dumps(row)] = dict(zip(content["columns"], row, strict=True))
    return {table: list(rows.values()) for table, rows in found.items()}


def rename_agent(agent: str, token: str) -> int:
    """Put a token in the place of an agent's id in every version; return how many blocks changed.

    Inside the caller's transaction. Uploads that wait for confirmation are deleted, because the
    agents in them are not known without reading them.
    """
    Upload.objects.all().delete()
    changed = []
    for block, text in _blocks_naming(agent):
        new = _replace_agent(json.loads(text), agent, token)
        block.digest = hashlib.sha256(new).hexdigest()
        block.data = zlib.compress(new, LEVEL)
        block.save(update_fields=["digest", "data"])
        changed.append(block.pk)
    if changed:
        _update_digests(changed)
    return len(changed)


def _blocks_naming(agent: str) -> Iterator[tuple[Block, str]]:
    """Yield the blocks that name an agent, with their texts; a page of them in memory at a time."""
    sheets = SheetBlock.objects.filter(sheet__table__in=_COLUMNS)
    quoted = json.dumps(agent, ensure_ascii=False)
    for block in Block.objects.filter(pk__in=sheets.values("block")).iterator(chunk_size=100):
        text = decode_block(block.digest, bytes(block.data))
        if quoted in text and _rows_with(json.loads(text), agent):
            yield block, text


def _rows_with(content: dict[str, Any], agent: str) -> list[list[Any]]:
    at = content["columns"].index(_COLUMNS[content["table"]])
    rows = [row for row in content["rows"] if row[at] == agent]
    if content["table"] == "authorisations":
        kind = content["columns"].index("kind")
        rows = [row for row in rows if row[kind] == "agent"]
    return rows


def _replace_agent(content: dict[str, Any], agent: str, token: str) -> bytes:
    at = content["columns"].index(_COLUMNS[content["table"]])
    for row in _rows_with(content, agent):
        row[at] = token
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _update_digests(changed: list[int]) -> None:
    """Name the sheets and versions of changed blocks by what they are made of now."""
    sheets = list(Sheet.objects.filter(blocks__in=changed).distinct())
    placed = load_block_positions(sheets)
    for sheet in sheets:
        digest = sheet_digest(sheet.table, (block.digest for block in placed[sheet.pk]))
        Sheet.objects.filter(pk=sheet.pk).update(digest=digest)
    for version in Version.objects.filter(sheets__in=sheets).distinct():
        names = {table: sheet.digest for table, sheet in load_sheets(version).items()}
        Version.objects.filter(pk=version.pk).update(digest=operator_digest(names))


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
