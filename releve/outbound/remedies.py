"""What a refused call lacks, by table and column: where a fact would stand that could allow it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from releve.outbound.rows import Row, Words

__all__ = ["lacking"]

_BY_KIND: Mapping[str, Words] = {
    "consent_required": Words(
        "consents : une ligne avec client, person, collected_at, objects, items, proof, act",
        "consents: a row with client, person, collected_at, objects, items, proof, act",
    ),
    "consent_proof": Words("consents.proof", "consents.proof"),
    "consent_items": Words("consents.items, consents.act", "consents.items, consents.act"),
    "consent_period": Words(
        "consents : un consentement plus récent (collected_at, until)",
        "consents: a newer consent (collected_at, until)",
    ),
    "consent_object": Words("consents.objects", "consents.objects"),
    "scrub": Words("scrubs : list, client, at", "scrubs: list, client, at"),
    "caller_mandate": Words("mandates : client, number, first", "mandates: client, number, first"),
    "caller_link": Words("mandates.linked", "mandates.linked"),
    "caller_shown": Words("option --caller", "option --caller"),
}
_BY_DATUM: Mapping[str, Words] = {
    "person": Words("people : person, number", "people: person, number"),
    "zone": Words("people.address", "people.address"),
    "consent": Words("consents.collected_at", "consents.collected_at"),
    "stale": Words("feeds : feed, read_at", "feeds: feed, read_at"),
    "object": Words("option --object", "option --object"),
    "sector": Words("option --sector", "option --sector"),
    "caller": Words("option --caller", "option --caller"),
}


def lacking(rows: Iterable[Row]) -> tuple[Words, ...]:
    """Return where facts that could allow a call would stand, for the rows that refuse it."""
    found = (
        _BY_DATUM.get(row.parameters["what"]) if row.kind == "data" else _BY_KIND.get(row.kind)
        for row in rows
    )
    return tuple(dict.fromkeys(one for one in found if one is not None))
