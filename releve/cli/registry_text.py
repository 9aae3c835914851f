"""Versions and changes of the registry as lines of text and as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # models can be imported once Django is set up, text needs none
    from releve.registry.changes import RowChange, TableChanges
    from releve.registry.models import Version

__all__ = ["change_lines", "counts_text", "version_line", "version_values"]

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def change_lines(tables: Mapping[str, TableChanges], most: int) -> Iterator[str]:
    """Yield a line a table and, under it, ``most`` of its rows."""
    for table, changes in tables.items():
        counts = changes.counts()
        yield f"{table}: {_counts(counts)}"
        total = sum(counts.values()) - counts.get("moved", 0)
        for _, change in zip(range(most), changes.rows(), strict=False):
            yield f"  {_SIGNS[change.kind]} {change.key}{_fields(change)}"
        if total > most > 0:
            yield f"  ... and {total - most} more"


def _fields(change: RowChange) -> str:
    if change.kind != "changed":
        return ""
    parts = (
        f"{f.column} {_show_value(f.before)} → {_show_value(f.after)}" for f in change.fields()
    )
    return f": {', '.join(parts)}"


def _show_value(value: object) -> str:
    if value is None or value in ("", ()):
        return "(empty)"
    return "|".join(value) if isinstance(value, tuple) else str(value)


def _counts(counts: Mapping[str, int]) -> str:
    words = [f"{count} {kind}" for kind, count in counts.items() if kind != "moved"]
    return ", ".join(words) or "the same rows in another order"


def counts_text(summary: Mapping[str, Mapping[str, int]]) -> str:
    """Return what a version changed, in one line."""
    return "; ".join(f"{table} {_counts(counts)}" for table, counts in summary.items())


def version_line(version: Version) -> str:
    """Return a version in one line."""
    said = f" “{version.comment}”" if version.comment else ""
    undoes = f" (undoes {version.undoes})" if version.undoes else ""
    return (
        f"{version.number:>4}  {version.made_at:%Y-%m-%d %H:%M} UTC  {version.made_by}"
        f"{undoes}{said}  {counts_text(version.summary)}"
    )


def version_values(version: Version) -> dict[str, Any]:
    """Return a version as plain values by name."""
    return {
        "version": version.number,
        "made_at": version.made_at.isoformat(timespec="seconds"),
        "made_by": version.made_by,
        "comment": version.comment,
        "source": version.source,
        "undoes": version.undoes,
        "digest": version.digest,
        "changes": version.summary,
    }
