"""The client's pack: what was promised, what was delivered, what was lost, and to what."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from typing import Any

from releve.errors import NumberPhrase, Phrase
from releve.live import api as live
from releve.network import Client, Programme
from releve.network.cell_text import isolate_name
from releve.network.moments import zone
from releve.plugins.evidence.language import DayPhrase, Wording
from releve.plugins.evidence.paper import (
    CLOSURE_KINDS,
    OUTAGE_KINDS,
    describe_happenings,
    find_closures,
    is_of_sites,
    name_event,
    state_closures,
)
from releve.plugins.evidence.records import EvidenceRecord, PackRefused, Statement, load_records
from releve.plugins.evidence.sources import NO_SITE, PackDraft, PackSource, Selection

RELIEF, SEALED = "relief.covered", "service.sealed"
_PROMISES, _SERVICE = "programmes.json", "service.json"


def draft_client_pack(source: PackSource, wording: Wording) -> PackDraft:
    """Return what goes into a client's pack: of its own services and of the sites that serve it."""
    client = _find_client(source)
    promises, sites = _read_versions(source, client)

    def is_kept(one: EvidenceRecord) -> bool:
        if one.kind == RELIEF:
            return one.body.get("client") == client.id and source.holds(one.at)
        if one.kind == SEALED:
            days = source.request.first.isoformat(), source.request.last.isoformat()
            return bool(one.body["client"] == client.id and days[0] <= one.body["day"] <= days[1])
        return is_of_sites(one, sites) and one.at < source.end

    kinds = (*CLOSURE_KINDS, *OUTAGE_KINDS, RELIEF, SEALED)
    found = load_records(kinds, source.root, is_kept)
    closures = [span for span in find_closures(found) if span.overlaps(source)]
    spans = {one.seq for span in closures for one in (span.closed, span.reopened) if one}
    kept = tuple(
        one for one in found if source.holds(one.at) or one.seq in spans or one.kind in ("event.corrected", SEALED)
    )
    service = _describe_service(source, client)
    return PackDraft(
        recipient=isolate_name(client.name),
        records=kept,
        statements=(
            *_state_promises(promises),
            *_state_service(source, service, kept),
            *_state_reliefs(client),
            *state_closures(source, closures),
        ),
        documents={_PROMISES: promises, _SERVICE: service},
        tables=(describe_happenings(source, kept, wording),),
        selections=(
            Selection((*CLOSURE_KINDS, *OUTAGE_KINDS), sites=(*sites, NO_SITE)),
            Selection((RELIEF,), client=client.id),
        ),
    )


def _find_client(source: PackSource) -> Client:
    wanted = source.request.recipient
    found = next((row for row in source.operator.clients if row.id == wanted), None)
    if found is None:
        known = ", ".join(sorted(row.id for row in source.operator.clients))
        raise PackRefused(
            Phrase("no version of the reference data up to the root has a client {0}: choose one of {1}", wanted, known)
        )
    return found


def _read_versions(source: PackSource, client: Client) -> tuple[list[dict[str, Any]], set[str]]:
    """Return what was promised, with each change in the period, and the sites that served it.

    A promise that changed has the day of the change in ``from``. A site whose agents served the
    client on a part of the period alone is one of its sites.
    """
    promises: list[dict[str, Any]] = []
    latest: dict[str, dict[str, object]] = {}
    sites: set[str] = set()
    for version, operator in source.iter_versions():
        own = [row for row in operator.programmes if row.client == client.id]
        served = {row.id for row in own}
        sites |= {agent.home_site for agent in operator.agents if not served.isdisjoint(agent.skills)}
        changed = version.made_at.astimezone(zone(source.operator.row.time_zone)).date()
        for row in own:
            said = _describe_programme(row)
            if latest.get(row.id) != said:
                since = changed.isoformat() if row.id in latest else ""
                promises.append({**said, "from": since})
                latest[row.id] = said
    return promises, sites


def _describe_programme(row: Programme) -> dict[str, object]:
    """Return what the contract says of a programme's service."""
    return {
        "id": row.id,
        "name": row.name,
        "opening": row.opening,
        "time_zone": row.time_zone,
        "service_target": row.service_target,
        "service_threshold_s": row.service_threshold_s,
        "service_definition": row.service_definition,
        "answer_rate": row.answer_rate,
    }


def _state_promises(promises: list[dict[str, Any]]) -> Iterator[Statement]:
    for place, row in enumerate(promises):
        name, within = isolate_name(row["name"]), NumberPhrase(row["service_threshold_s"])
        text = Phrase("Promised, {0}: share of calls answered within {1} s", name, within)
        if row["from"]:
            day = DayPhrase(date.fromisoformat(row["from"]))
            text = Phrase("Promised, {0}, from {1}: share of calls answered within {2} s", name, day, within)
        yield Statement(
            f"promise-{row['id']}-{row['from']}".removesuffix("-"),
            "document",
            text,
            unit="share",
            document=_PROMISES,
            path=f"{place}.service_target",
        )


def _describe_service(source: PackSource, client: Client) -> dict[str, Any]:
    """Return what the service record says of the period; unknown figures are null."""
    request = source.request
    found = live.build_statement(source.operator, client.id, request.first, request.last, source.until)
    return {
        "programmes": [
            {
                "programme": row.programme,
                "offered": _known(row.offered),
                "answered": _known(row.answered),
                "level": _known(row.level),
                "half_hours": row.half_hours,
            }
            for row in found.lines
        ],
        "losses": [
            {
                "entries": list(row.seqs),
                "kinds": list(row.kinds),
                "places": list(row.places),
                "offered": _known(row.offered),
                "missed": _known(row.missed),
            }
            for row in found.losses
        ],
    }


def _known(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def _state_service(
    source: PackSource, service: dict[str, Any], records: tuple[EvidenceRecord, ...]
) -> Iterator[Statement]:
    """Yield what was delivered and lost, and on how many days the record behind it is sealed."""
    names = {row.id: isolate_name(row.name) for row in source.operator.programmes}
    for place, row in enumerate(service["programmes"]):
        name, path = names[row["programme"]], f"programmes.{place}"
        for figure, text in (
            ("offered", Phrase("Delivered, {0}: calls offered", name)),
            ("answered", Phrase("Delivered, {0}: calls answered", name)),
            ("level", Phrase("Delivered, {0}: service level, as the contract defines it", name)),
        ):
            yield Statement(
                f"{figure}-{row['programme']}",
                "document",
                text,
                unit="share" if figure == "level" else "",
                document=_SERVICE,
                path=f"{path}.{figure}",
            )
    for place, row in enumerate(service["losses"]):
        yield Statement(
            f"lost-{place}", "document", _describe_loss(source, row), document=_SERVICE, path=f"losses.{place}.missed"
        )
    yield Statement(
        "sealed-days",
        "distinct",
        Phrase("Days whose service record is sealed in the ledger"),
        path="day",
        of=tuple(one.seq for one in records if one.kind == SEALED),
    )


def _describe_loss(source: PackSource, row: dict[str, Any]) -> Phrase:
    """Return during which event calls were lost, with its entry; of several, the first."""
    if not row["entries"]:
        return Phrase("Lost: calls not answered while no event lasted")
    place = row["places"][0]
    return Phrase(
        "Lost: calls not answered during “{0}”, {1}, entry {2}",
        name_event(row["kinds"][0]),
        source.name_site(place) if place in source.sites else place,
        row["entries"][0],
    )


def _state_reliefs(client: Client) -> Iterator[Statement]:
    where = {"client": client.id}
    yield Statement(
        "reliefs",
        "count",
        Phrase("Delivered: reliefs that were made for the service after a loss"),
        kinds=(RELIEF,),
        where=where,
    )
    yield Statement(
        "worst-coverage",
        "min",
        Phrase("Delivered: least share of the need covered in any half hour, as announced"),
        unit="share",
        kinds=(RELIEF,),
        where=where,
        path="worst",
    )
    yield Statement(
        "most-missing",
        "max",
        Phrase("Lost: largest share of the need of the next 48 hours not covered"),
        unit="share",
        kinds=(RELIEF,),
        where=where,
        path="missing",
    )
