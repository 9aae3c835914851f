"""What an incident's entries tell: its events, reliefs with their delays, messages, answers, coverage.

All of it is read from entries under the root, and each figure is computed from them: the delays between
the records of two entries, the counts of messages and answers, the coverage of each half hour by what the
last relief before its end announced. An answer is awaited until it comes, or a newer message to the same
person replaces the one that asked for it, or the agent is counted as absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from releve.demand.requirement import INTERVAL
from releve.errors import Phrase
from releve.ledger.digests import format_instant, parse_canonical
from releve.ledger.models import LedgerEntry
from releve.live import api as live
from releve.network.cell_text import isolate_name
from releve.plugins.evidence.paper import CLOSURE_KINDS, OUTAGE_KINDS
from releve.plugins.evidence.records import EvidenceRecord, Statement, load_records
from releve.plugins.evidence.sources import PackSource
from releve.situation import AgentUnavailable, ClosureRule

ROOM_KINDS = tuple(f"incident.{act}" for act in (
    "opened", "role_taken", "place_added", "decided", "task_set", "task_done", "noted", "reviewed", "closed"
))  # fmt: skip
RELIEF, COVERED, CORRECTED = "relief.made", "relief.covered", "event.corrected"
ROUTED, NOTIFIED, ANSWERED = "routing.published", "people.notified", "message.acknowledged"
ABSENT, RELEASED = "message.absent", "people.released"
ALERT_KINDS = tuple(f"alert.{act}" for act in ("raised", "unmanned", "sent", "taken", "released", "ended"))
CLIENT_KINDS = tuple(f"client.{act}" for act in ("approved", "edited", "stopped"))
SENT_KINDS = ("message.sent", "message.written")
MESSAGE_KINDS = (*SENT_KINDS, "message.escalated", "message.unanswered", ABSENT, ANSWERED)
_LOSSES = ("site.closed", "link.down", "power.down")
STORY, COVERAGE, CALLS = "story.json", "coverage.json", "calls.json"
_ANSWERS = (
    ("yes", Phrase("Answers: comes")),
    ("late", Phrase("Answers: comes late")),
    ("transport", Phrase("Answers: needs transport")),
    ("no", Phrase("Answers: does not come")),
    (None, Phrase("Answers: has read it, without saying more")),
)
_INWARD = ("incident.noted", "incident.reviewed")
_UNTOLD = frozenset({*MESSAGE_KINDS, COVERED})
"""Kinds that are counted, and have no line of their own."""


def recorded(one: EvidenceRecord) -> datetime:
    """Return when an entry was recorded."""
    return datetime.fromisoformat(one.row.recorded_at)


@dataclass(frozen=True)
class StoryScope:
    """What a story is of: a stream, its sites (none: the operator as a whole), and from when to when.

    ``rooms``: the incident rooms whose entries it has. ``whole``: it tells what clients got, calls, notes and
    the review, too; else of the sites alone who decided what, and its reliefs.
    """

    stream: str
    sites: tuple[str, ...]
    start: datetime
    end: datetime | None = None
    rooms: tuple[str, ...] = ()
    whole: bool = True

    def concerns(self, site: object) -> bool:
        """Return whether an entry of a site, or of none, is of these sites."""
        return not site or not self.sites or site in self.sites

    def spans(self, at: datetime) -> bool:
        return self.start <= at and (self.end is None or at <= self.end)


@dataclass(frozen=True)
class ToldRelief:
    """A relief with what followed: its event, routes, messages; None, or empty, where there is none.

    ``sent``: the first send of each message to an agent or a manager; ``news``: the first one to a client.
    """

    made: EvidenceRecord
    event: EvidenceRecord | None
    routed: EvidenceRecord | None
    notified: EvidenceRecord | None
    sent: tuple[EvidenceRecord, ...]
    news: EvidenceRecord | None

    @property
    def generation(self) -> int:
        return int(self.made.body["generation"])


@dataclass(frozen=True)
class Story:
    """The entries of a story, in the order of the ledger."""

    source: PackSource
    scope: StoryScope
    records: tuple[EvidenceRecord, ...]

    def pick(self, *kinds: str) -> tuple[EvidenceRecord, ...]:
        return tuple(one for one in self.records if one.kind in kinds)

    @cached_property
    def by_id(self) -> Mapping[str, EvidenceRecord]:
        return {one.id: one for one in self.records if one.id}

    @cached_property
    def lines(self) -> tuple[EvidenceRecord, ...]:
        """The entries that have a line of their own, as they were recorded."""
        return tuple(one for one in self.records if one.kind not in _UNTOLD)

    @cached_property
    def losses(self) -> tuple[EvidenceRecord, ...]:
        """What took places away from the start on, also what was corrected since; else how the room opened."""
        return tuple(one for one in self.pick(*_LOSSES) if recorded(one) >= self.scope.start)

    @cached_property
    def begin(self) -> EvidenceRecord | None:
        """The event from whose record times count: the loss, or that the room was opened."""
        opened = next(iter(self.pick("incident.opened")), None)
        closure = self.by_id.get(str(opened.body["closure"])) if opened is not None else None
        return closure or next(iter(self.losses), None) or opened

    @cached_property
    def reliefs(self) -> tuple[ToldRelief, ...]:
        return tuple(self._follow(one) for one in self.pick(RELIEF) if _concerns_relief(self.scope, one))

    def _follow(self, made: EvidenceRecord) -> ToldRelief:
        generation, routes = made.body["generation"], made.body["routes"]
        own = [one for one in self.records if one.body.get("generation") == generation and one.kind != RELIEF]
        return ToldRelief(
            made,
            self._find_event(made),
            next((one for one in self.pick(ROUTED) if one.body["routes"] == routes), None),
            next((one for one in own if one.kind == NOTIFIED), None),
            tuple(_list_first_sends(one for one in own if one.body.get("letter") != "client")),
            next(_list_first_sends(one for one in own if one.body.get("letter") == "client"), None),
        )

    def _find_event(self, made: EvidenceRecord) -> EvidenceRecord | None:
        """Return the event that a relief answers; of one after a case, the closure that was recorded with it.

        Of one for absences it is the answer, or the silence, whose absence it follows; None for any other absence,
        since its entry goes into no pack.
        """
        if made.body["source"] == "absences":
            return self._find_refusal(made)
        cause = int(made.body["cause"])
        events = self.pick(*CLOSURE_KINDS, *OUTAGE_KINDS, CORRECTED)
        named = next((one for one in events if one.seq == cause), None)
        if named is not None:
            return named
        at = LedgerEntry.objects.filter(seq=cause).values_list("recorded_at", flat=True).first()
        return next((one for one in events if one.seq > cause and one.row.recorded_at == at), None)

    def _find_refusal(self, made: EvidenceRecord) -> EvidenceRecord | None:
        """Return the entry of the message for whose absence a relief was made: it follows its absences at once.

        The cause of such a relief is the last entry when it was requested. What it is made for is the newest
        absence by then, unless an earlier relief knew it.
        """
        rows = LedgerEntry.objects.filter(stream=self.scope.stream).order_by("seq")
        row = rows.filter(seq__lte=made.body["cause"], kind=AgentUnavailable.kind).last()
        if row is None or parse_canonical(row.body).get("actor") not in AgentUnavailable.BY_MESSAGE:
            return None
        earlier = rows.filter(kind=RELIEF, seq__lt=made.seq).last()
        if earlier is not None and row.seq <= parse_canonical(earlier.body)["cause"]:
            return None
        later = rows.filter(seq__gt=row.seq).exclude(kind=AgentUnavailable.kind).values_list("seq", flat=True).first()
        return next((one for one in (*self.answers, *self.silences) if one.seq == later and _stays_away(one)), None)

    @property
    def notified(self) -> tuple[EvidenceRecord, ...]:
        return tuple(row.notified for row in self.reliefs if row.notified is not None)

    @property
    def asking(self) -> tuple[EvidenceRecord, ...]:
        """The entries that count messages which ask for an answer: as they are written, or released later."""
        return tuple(sorted((*self.notified, *self.pick(RELEASED)), key=lambda one: one.seq))

    @property
    def answers(self) -> tuple[EvidenceRecord, ...]:
        """The answers of agents, in the order in which they came."""
        return tuple(one for one in self.pick(ANSWERED) if one.body.get("letter") == "agent")

    @property
    def silences(self) -> tuple[EvidenceRecord, ...]:
        """The entries of agents who are counted as absent since they did not answer."""
        return self.pick(ABSENT)

    @property
    def outcomes(self) -> tuple[EvidenceRecord, ...]:
        """The entries that ask for answers, and those by which none is awaited any more, in the order of the ledger."""
        return tuple(sorted((*self.asking, *self.answers, *self.silences), key=lambda one: one.seq))

    @cached_property
    def settled(self) -> EvidenceRecord | None:
        """The entry by which all had first answered or been replaced; None: some have not, or were not asked.

        Where an agent does not come, that is the relief for such an absence that follows, if there is one.
        """
        asked, done, refused, found = 0, set[str](), 0, None
        for one in self.outcomes:
            asked += int(one.body.get("agents", 0))
            done |= self._list_done(one)
            refused = one.seq if _stays_away(one) else refused
            if 0 < asked <= len(done):
                found = one
                break
        if found is None:
            return None
        made = (row.made for row in self.reliefs if refused and row.event is not None and _stays_away(row.event))
        replaced = next((one for one in made if one.seq > refused), found)
        return max(found, replaced, key=lambda one: one.seq)

    @property
    def waiting(self) -> int:
        """How many agents have neither answered, nor been counted as absent, nor been sent a newer message."""
        done = set[str]().union(*(self._list_done(one) for one in self.outcomes))
        return sum(int(one.body.get("agents", 0)) for one in self.outcomes) - len(done)

    def _list_done(self, one: EvidenceRecord) -> set[str]:
        """Return the messages of the story that await no answer any more, by an entry."""
        if one.kind in (ANSWERED, ABSENT):
            return {str(one.body["message"])}
        asked = {row.body["generation"] for row in self.notified}
        return {message for message, generation in one.body.get("replaces", ()) if generation in asked}

    @cached_property
    def over(self) -> datetime:
        """Up to when it tells: its end, else when the root was signed, or the last entry of a drill."""
        if self.scope.end is not None:
            return min(self.scope.end, self.source.end)
        if self.scope.stream == live.LIVE:
            return min(self.source.root.sealed_at, self.source.end)
        return max((recorded(one) for one in self.records), default=self.source.end)

    @cached_property
    def clients(self) -> Mapping[str, str]:
        """The names of the clients whose coverage was announced."""
        named = {row.id: isolate_name(row.name) for row in self.source.operator.clients}
        announced = dict.fromkeys(str(one.body["client"]) for one in self.pick(COVERED))
        return {client: named.get(client, client) for client in announced}

    @cached_property
    def coverage(self) -> list[dict[str, Any]]:
        """Rows of each client's half hours, from the event on: by plan, and as the newest relief had it."""
        if self.begin is None or not self.scope.whole:
            return []
        found: dict[tuple[str, datetime], dict[str, Any]] = {}
        for one in self.pick(COVERED):
            for place, (start, _planned, covered) in enumerate(one.body.get("half_hours", ())):
                at = datetime.fromisoformat(start)
                late = at + INTERVAL <= max(self.begin.at, recorded(one)) or at >= self.over
                if covered is not None and not late:
                    paths = {name: f"half_hours.{place}.{item}" for item, name in enumerate(("start", *_SHARES))}
                    found[str(one.body["client"]), at] = build_row(one, ("client",), paths)
        return [row for _key, row in sorted(found.items())]


def _list_first_sends(records: Iterable[EvidenceRecord]) -> Iterator[EvidenceRecord]:
    """Yield the first send of each message."""
    seen = set[str]()
    for one in records:
        if one.kind in SENT_KINDS and one.body["message"] not in seen:
            seen.add(str(one.body["message"]))
            yield one


def _stays_away(one: EvidenceRecord) -> bool:
    """Return whether an entry says that an agent does not come, or is counted so since no answer came."""
    return one.kind == ABSENT or one.body.get("answer") == "no"


_SHARES = ("planned", "covered")


def build_row(one: EvidenceRecord, names: Sequence[str], paths: Mapping[str, str]) -> dict[str, Any]:
    """Return a row as packs hold it: what an entry says, which the verifier compares."""
    values = {name: one.body[name] for name in names if one.body.get(name) not in ("", None)}
    for name, path in paths.items():
        values[name] = _read(one.body, path)
    said = one.body.get("happened_at") or one.row.recorded_at
    return {
        "at": said,
        "entry": one.seq,
        "kind": one.kind,
        "paths": dict(paths),
        "recorded_at": one.row.recorded_at,
        "values": values,
    }


def _read(body: Any, path: str) -> Any:
    for name in path.split("."):
        body = body[int(name)] if isinstance(body, list) else body[name]
    return body


def _concerns_relief(scope: StoryScope, made: EvidenceRecord) -> bool:
    """Return whether a relief is of the sites of a scope: by the entry that it follows.

    Of one for absences that entry is the last one when it was requested, whatever that is about: it is of the sites
    whose loss it goes on answering, and of every site where none is lost.
    """
    if made.body["source"] == "absences":
        lost = {site for loss in made.body["lost"].values() for site in loss["sites"]}
        return not lost or any(map(scope.concerns, lost))
    return scope.concerns(_find_site(made))


def _find_site(made: EvidenceRecord) -> object:
    """Return the site of the entry that a relief follows; None: it is of none."""
    found = LedgerEntry.objects.filter(seq=made.body["cause"]).values_list("body", flat=True).first()
    return None if found is None else parse_canonical(found).get("site")


def _find_reliefs_of_cases(source: PackSource, scope: StoryScope) -> set[int]:
    """Return the entries of reliefs made before the scope begins, for a case by which its site was then closed.

    The person of the first case is replaced at once, and those called in stay so when the next case closes the site.
    A case is of the closure if it was recorded within the days that a closing rule looks back where it says nothing
    else: the rows in force may be others when the pack is made again. The absences that follow from it are recorded
    with it.
    """
    found, previous, cases = set[int](), 0, set[str]()
    begun = load_records(
        ("site.closed",),
        source.root,
        lambda one: recorded(one) == scope.start and one.site in scope.sites and bool(one.body.get("rule")),
        streams=(scope.stream,),
    )
    for closed in (one for one in begun if one.kind == "site.closed"):  # its correction comes with it
        first = format_instant(closed.at - timedelta(days=ClosureRule().days))
        rows = LedgerEntry.objects.filter(stream=scope.stream, kind="case.declared", seq__lt=closed.seq)
        own = rows.filter(recorded_at__gte=first).values_list("recorded_at", "body")
        cases |= {at for at, body in own if parse_canonical(body).get("site") == closed.site}
    if not cases:
        return found
    absences = LedgerEntry.objects.filter(stream=scope.stream, kind=AgentUnavailable.kind, recorded_at__in=cases)
    seqs = list(absences.values_list("seq", flat=True))
    for made in load_records((RELIEF,), source.root, lambda one: "cause" in one.body, streams=(scope.stream,)):
        if recorded(made) >= scope.start:
            break
        if any(previous < seq <= made.body["cause"] for seq in seqs):
            found.add(made.seq)
        previous = made.body["cause"]
    return found


def load_story(source: PackSource, scope: StoryScope) -> Story:
    """Return the story of a scope, of the entries under the root of a pack."""
    streams = (scope.stream,)
    before = _find_reliefs_of_cases(source, scope)

    def is_own_relief(one: EvidenceRecord) -> bool:
        within = one.seq in before or scope.spans(recorded(one))
        return "cause" in one.body and within and _concerns_relief(scope, one)

    reliefs = load_records((RELIEF,), source.root, is_own_relief, streams=streams)
    generations = {one.body["generation"] for one in reliefs if one.kind == RELIEF}
    routes = {one.body["routes"] for one in reliefs if one.kind == RELIEF} - {None}

    def is_own_alert(one: EvidenceRecord) -> bool:
        return scope.spans(recorded(one)) and scope.concerns(one.site)

    raised = load_records(("alert.raised", "alert.unmanned"), source.root, is_own_alert, streams=streams)
    alerts = {one.body["alert"] for one in raised if "alert" in one.body}

    def is_kept(one: EvidenceRecord) -> bool:
        if one.kind in ALERT_KINDS:
            return one.body.get("alert", "") in alerts and scope.spans(recorded(one))
        if one.kind in CLIENT_KINDS:
            return scope.whole and scope.spans(recorded(one))
        if one.kind in ROOM_KINDS:
            own = bool({one.id, one.body.get("incident")}.intersection(scope.rooms))
            return own and (scope.whole or (one.kind not in _INWARD and not one.body.get("follow_up")))
        if one.kind == ROUTED:
            return one.body.get("routes") in routes
        if one.kind == COVERED:
            return scope.whole and source.holds(one.at)
        if one.kind in (RELIEF, NOTIFIED, RELEASED, *MESSAGE_KINDS):
            return one.body.get("generation") in generations
        return source.holds(one.at) and (scope.concerns(one.site) if scope.whole else one.site in scope.sites)

    kinds = (*CLOSURE_KINDS, *OUTAGE_KINDS, *ROOM_KINDS, RELIEF, ROUTED, NOTIFIED, RELEASED, COVERED, *MESSAGE_KINDS)
    kinds = (*kinds, *ALERT_KINDS, *CLIENT_KINDS)
    return Story(source, scope, tuple(load_records(kinds, source.root, is_kept, streams=streams)))


def describe_calls(story: Story) -> list[dict[str, Any]]:
    """Return the calls of each client offered and not answered while the losses lasted; of a drill, none."""
    source, own = story.source, {one.seq for one in story.losses}
    if story.scope.stream != live.LIVE or not story.scope.whole:
        return []
    rows = []
    for client in source.operator.clients:
        request = source.request
        found = live.build_statement(source.operator, client.id, request.first, request.last, source.until)
        lost = [row for row in found.losses if own.intersection(row.seqs)]
        if lost:
            sums = {name: round(sum(getattr(row, name) for row in lost), 6) for name in ("offered", "missed")}
            rows.append({"client": client.id, "name": client.name, **sums})
    return rows


def state_story(story: Story) -> Iterator[Statement]:
    begin = story.begin
    if begin is None:
        return
    if "happened_at" in begin.body:
        yield Statement("known", "known", Phrase("From what happened to its record"), unit="delay", of=(begin.seq,))
    yield Statement("reliefs", "count", Phrase("Reliefs made"), of=tuple(row.made.seq for row in story.reliefs))
    for row in story.reliefs:
        yield from _state_relief(row)
    yield from _state_answers(story, begin)
    yield Statement(
        "corrections",
        "count",
        Phrase("Records corrected, and closures lifted"),
        of=tuple(one.seq for one in story.pick(CORRECTED)),
    )
    yield from _state_coverage(story)


def _state_relief(row: ToldRelief) -> Iterator[Statement]:
    number = row.generation
    yield Statement(
        f"moved-{number}",
        "last",
        Phrase("Relief {0}: people whose work changes", number),
        path="moved",
        of=(row.made.seq,),
    )
    first, last = (row.sent[0], row.sent[-1]) if row.sent else (None, None)
    steps = (
        ("made", Phrase("Relief {0}: from the record of the event to the relief", number), row.made),
        ("routed", Phrase("Relief {0}: from the record of the event to the routes", number), row.routed),
        ("written", Phrase("Relief {0}: from the record of the event to its messages", number), row.notified),
        ("first", Phrase("Relief {0}: from the record of the event to the first message sent", number), first),
        ("last", Phrase("Relief {0}: from the record of the event to the last message sent", number), last),
        ("news", Phrase("Relief {0}: from the record of the event to the first message to a client", number), row.news),
    )
    for name, text, found in steps:
        if row.event is not None and found is not None:
            yield Statement(f"{name}-{number}", "passed", text, unit="delay", of=(row.event.seq, found.seq))
    if row.notified is None:
        return
    for name, text in (
        ("agents", Phrase("Relief {0}: agents asked for an answer", number)),
        ("breaks", Phrase("Relief {0}: agents notified of another break alone", number)),
        ("managers", Phrase("Relief {0}: site managers notified", number)),
        ("clients", Phrase("Relief {0}: clients notified", number)),
        ("unaddressed", Phrase("Relief {0}: messages without an address", number)),
        ("held", Phrase("Relief {0}: messages that wait for the lead", number)),
        ("drafts", Phrase("Relief {0}: messages to clients as drafts", number)),
    ):
        yield Statement(f"{name}-{number}", "last", text, path=name, of=(row.notified.seq,))


def _state_answers(story: Story, begin: EvidenceRecord) -> Iterator[Statement]:
    asked = tuple(one.seq for one in story.asking)
    yield Statement("asked", "sum", Phrase("Messages that asked for an answer"), path="agents", of=asked)
    for name, text, kinds in (
        ("sent", Phrase("Messages sent or written, of every kind"), SENT_KINDS),
        ("acknowledged", Phrase("Answers of agents, managers and clients"), (ANSWERED,)),
    ):
        how, path = ("distinct", "message") if name == "sent" else ("count", "")
        yield Statement(name, how, text, path=path, kinds=kinds)  # type: ignore[arg-type]
    where = {"letter": "agent"}
    yield Statement(
        "answered",
        "distinct",
        Phrase("Messages to agents that were answered"),
        path="message",
        kinds=(ANSWERED,),
        where=where,
    )
    for word, text in _ANSWERS:
        yield Statement(f"answer-{word or 'read'}", "count", text, kinds=(ANSWERED,), where={**where, "answer": word})
    yield Statement(
        "silent", "distinct", Phrase("Messages without an answer, counted as absent"), path="message", kinds=(ABSENT,)
    )
    yield Statement(
        "waiting",
        "waiting",
        Phrase("Agents who have neither answered nor been sent a newer message"),
        of=tuple(one.seq for one in story.outcomes),
    )
    if story.settled is not None:
        yield Statement(
            "settled",
            "passed",
            Phrase("From the record of the event until all had answered or been replaced"),
            unit="delay",
            of=(begin.seq, story.settled.seq),
        )


def _state_coverage(story: Story) -> Iterator[Statement]:
    covered = {row["values"]["client"] for row in story.coverage}
    for client, name in story.clients.items():
        if client not in covered:
            continue
        announced = tuple(one.seq for one in story.pick(COVERED) if one.body["client"] == client)
        yield Statement(
            f"ahead-{client}",
            "last",
            Phrase("{0}: least share of the need covered in the 48 hours after the last relief, as announced", name),
            unit="share",
            path="worst",
            of=announced,
        )
        where: dict[str, Any] = {"values.client": client}
        for word, text, how, more in (
            ("planned", Phrase("{0}: least share of the need covered by the plan in any half hour", name), "min", {}),
            ("covered", Phrase("{0}: least share of the need covered in any half hour", name), "min", {}),
            ("half-hours", Phrase("{0}: half hours with a need", name), "count", {}),
            ("full", Phrase("{0}: half hours covered in full", name), "count", {"values.covered": 1}),
        ):
            yield Statement(
                f"{word}-{client}",
                how,  # type: ignore[arg-type]
                text,
                unit="share" if how == "min" else "",
                path=f"values.{word}" if how == "min" else "",
                where={**where, **more},
                document=COVERAGE,
            )


def state_calls(calls: Sequence[Mapping[str, Any]]) -> Iterator[Statement]:
    """Yield what the service record says of the calls while the losses lasted."""
    for place, row in enumerate(calls):
        name = isolate_name(str(row["name"]))
        for word, text in (
            ("offered", Phrase("{0}: calls offered while the losses lasted", name)),
            ("missed", Phrase("{0}: calls not answered while the losses lasted", name)),
        ):
            yield Statement(f"{word}-{row['client']}", "document", text, document=CALLS, path=f"{place}.{word}")
