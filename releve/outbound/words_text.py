"""The vocabularies as Markdown: every word with its labels and spellings."""

from __future__ import annotations

from collections.abc import Iterable

from releve.outbound.vocabulary import Vocabulary, Word, get_vocabularies

__all__ = ["render_vocabularies", "render_vocabulary"]

_HEADS = ("word", "French", "English", "also written")
_INTRODUCTION = """# The words that the rules read

Written by `releve outbound words`; do not edit. Each table is one closed vocabulary. A word may be
given by its id, its French or English label or another spelling, in any case, with or without
accents, with hyphens, underscores or spaces. Anything else is a fault on import and refuses the
call (`FR-DATA-WORD`): an unknown word never counts as none. A coarse word (marked so) names no
nature of goods: rows of the law may use it, tables and campaigns name a finer word of its family.
The heading of a vocabulary names the columns that hold its words; one without columns is of calls
and campaigns alone.
"""


def render_vocabularies() -> str:
    """Return the page of all vocabularies."""
    parts = (render_vocabulary(one) for one in get_vocabularies().values())
    return "\n".join((_INTRODUCTION, *parts))


def render_vocabulary(vocabulary: Vocabulary) -> str:
    """Return one vocabulary as a section with a table."""
    columns = ", ".join(f"`{column}`" for column in vocabulary.columns)
    heads = [*_HEADS, "family", "sector"] if any(w.sector for w in vocabulary.words) else _HEADS
    lines = [
        f"## {vocabulary.name}",
        "",
        f"{vocabulary.title.en} ({vocabulary.title.fr})" + (f": {columns}" if columns else ""),
        "",
        _render_line(heads),
        "|" + "---|" * len(heads),
        *(_render_line(_build_cells(word)[: len(heads)]) for word in vocabulary.words),
    ]
    return "\n".join(lines) + "\n"


def _build_cells(word: Word) -> tuple[str, ...]:
    also = ", ".join(word.also)
    family = f"{word.family} (coarse)".strip() if word.coarse else word.family
    return f"`{word.id}`", word.label.fr, word.label.en, also, family, word.sector


def _render_line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
