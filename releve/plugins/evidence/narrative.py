"""The story of an incident in words: its passages, its lines in order, its tables.

Who acted stands as in other packs: an account by its pseudonym, with the role that it held in the room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from releve.errors import NumberPhrase, Phrase
from releve.ledger.digests import parse_canonical
from releve.ledger.models import LedgerEntry
from releve.network.cell_text import isolate_name
from releve.plugins.evidence.language import Wording
from releve.plugins.evidence.paper import (
    CLOSURE_KINDS,
    OUTAGE_KINDS,
    describe_decision,
    find_closures,
    name_account,
    name_event,
)
from releve.plugins.evidence.records import EvidenceRecord
from releve.plugins.evidence.sources import FigureOf, PaperTable, Passage
from releve.plugins.evidence.story import (
    ALERT_KINDS,
    CLIENT_KINDS,
    CORRECTED,
    NOTIFIED,
    RELEASED,
    RELIEF,
    ROUTED,
    Story,
    ToldRelief,
    build_row,
    recorded,
)

_ROLES: Mapping[str, Phrase] = {
    "lead": Phrase("incident lead"),
    "telephony": Phrase("telephony"),
    "people": Phrase("people"),
    "clients": Phrase("contact with the clients"),
    "health": Phrase("health"),
    "sites": Phrase("sites"),
    "outbound": Phrase("outbound calls"),
}
_SOURCES: Mapping[str, Phrase] = {
    "planned": Phrase("as planned for this loss"),
    "first": Phrase("first answer"),
    "optimum": Phrase("solved for the day"),
    "base": Phrase("back to the plan"),
    "absences": Phrase("for absences"),
    "surge": Phrase("ordered by hand"),
    "plan": Phrase("after another plan"),
}
_NAMES = (
    *("site", "carrier", "cause", "rule", "authority", "reference", "actor", "generation", "moved", "source"),
    *(
        "agents",
        "breaks",
        "managers",
        "clients",
        "unaddressed",
        "held",
        "drafts",
        "routes",
        "adapter",
        "role",
        "holder",
        "decision",
    ),
    *("reason", "task", "owner", "note", "well", "badly", "corrects", "because", "item", "place", "title"),
    *("alert", "by", "client", "channel", "rank"),
)
"""What rows take from their entries, where it is there."""


class Narrator:
    """Tells a story in one language; who held which role follows the order of the ledger."""

    def __init__(self, story: Story, calls: list[dict[str, Any]], wording: Wording) -> None:
        self._story, self._calls, self._wording = story, calls, wording
        self._roles = {
            one.seq: (str(one.body["role"]), str(one.body.get("holder") or one.body["actor"]))
            for one in story.pick("incident.role_taken")
        }

    def tell_passages(self) -> tuple[Passage, ...]:
        """Return the story in sentences; what nothing is known of is said, or left out."""
        found = (
            Passage(Phrase("What happened"), tuple(self._tell_losses())),
            Passage(Phrase("The relief"), tuple(self._tell_reliefs())),
            Passage(Phrase("Messages and answers"), tuple(self._tell_answers())),
            Passage(Phrase("Who led, and what was decided"), tuple(self._tell_decisions())),
            Passage(Phrase("What was corrected"), tuple(self._tell_corrections())),
            Passage(Phrase("What each client got"), tuple(self._tell_coverage())),
            Passage(Phrase("What it cost"), tuple(self._tell_cost())),
            Passage(Phrase("How it ended"), tuple(self._tell_end())),
            Passage(Phrase("The review"), tuple(self._tell_review())),
        )
        return tuple(passage for passage in found if passage.sentences)

    def _place(self, one: EvidenceRecord) -> str:
        return self._story.source.name_site(one.site) if one.site else isolate_name(str(one.body.get("carrier", "")))

    def _when(self, one: EvidenceRecord) -> str:
        return self._wording.instant(one.at)

    def _who(self, one: EvidenceRecord) -> str:
        """Return who acted: the account and its role, or that it was a rule."""
        actor = str(one.body.get("actor", ""))
        return self._name(actor, one.seq) or self._wording.say(Phrase("a rule"))

    def _name(self, actor: str, seq: int) -> str:
        held: dict[str, str] = {}
        for taken, (role, holder) in sorted(self._roles.items()):
            if taken <= seq:
                held[role] = holder
        roles = [self._wording.say(_ROLES[role]) for role, holder in held.items() if holder == actor]
        name = name_account(actor, self._wording)
        return f"{name} ({', '.join(roles)})" if name and roles else name

    def _tell_losses(self) -> Iterator[Phrase]:
        sentences = {
            "link": Phrase("On {0} the link of {1} went down."),
            "carrier": Phrase("On {0} the home lines of {1} went down."),
            "power.down": Phrase("On {0} {1} lost its power."),
        }
        for one in self._story.losses:
            if one.kind == "site.closed":
                decided = describe_decision(one, self._wording)
                yield Phrase("On {0} {1} was closed: {2}.", self._when(one), self._place(one), decided)
                if one.body.get("reason"):
                    yield Phrase("The reason given: {0}", _end(one.body["reason"]))
            else:
                name = one.kind if one.kind == "power.down" else "link" if one.site else "carrier"
                yield sentences[name].with_params(self._when(one), self._place(one))
        begin = self._story.begin
        if begin is not None and "happened_at" in begin.body:
            yield Phrase("It was known, and recorded, {0} after it happened.", FigureOf("known"))

    def _tell_reliefs(self) -> Iterator[Phrase]:
        reliefs = self._story.reliefs
        if not reliefs:
            yield Phrase("No relief is recorded.")
            return
        first = next((row for row in reliefs if row.event is not None), reliefs[0])
        number = first.generation
        moved = FigureOf(f"moved-{number}")
        if first.event is not None:
            made = FigureOf(f"made-{number}")
            yield Phrase("The first relief stood {0} after the record; people whose work changed: {1}.", made, moved)
        if first.event is not None and first.routed is not None:
            yield Phrase("Calls followed it {0} after the record.", FigureOf(f"routed-{number}"))
        elif first.made.body["routes"] is None:
            yield Phrase("Its calls take the same routes as before.")
        for row in [row for row in reliefs if row.event is not None and row.notified is not None][:1]:
            yield from self._tell_messages(row)
        if len(reliefs) > 1:
            yield Phrase("Reliefs made in all: {0}; each has its line in the table.", FigureOf("reliefs"))

    def _tell_messages(self, row: ToldRelief) -> Iterator[Phrase]:
        number = row.generation
        yield Phrase(
            "Its messages stood {0} after the record. Agents asked for an answer: {1}; notified of another break alone:"
            " {2}; site managers: {3}; clients: {4}.",
            *(FigureOf(f"{name}-{number}") for name in ("written", "agents", "breaks", "managers", "clients")),
        )
        if row.notified is not None and (row.notified.body.get("held") or row.notified.body.get("drafts")):
            waits = (FigureOf(f"held-{number}"), FigureOf(f"drafts-{number}"))
            yield Phrase("{0} wait for the lead; {1} to clients as drafts.", *waits)
        if row.sent:
            steps = (FigureOf(f"first-{number}"), FigureOf(f"last-{number}"))
            yield Phrase("The first left {0} after the record, the last {1} after it.", *steps)

    def _tell_answers(self) -> Iterator[Phrase]:
        if not self._story.notified:
            return
        yield Phrase(
            "Messages that asked agents for an answer: {0}; answered: {1}.",
            FigureOf("asked"), FigureOf("answered"),
        )  # fmt: skip
        words = ("yes", "late", "transport", "no", "read")
        yield Phrase(
            "The answers: comes {0}, comes late {1}, needs transport {2}, does not come {3}, has only read it {4}.",
            *(FigureOf(f"answer-{word}") for word in words),
        )
        if self._story.settled is not None:
            yield Phrase("All had answered or been replaced {0} after the record.", FigureOf("settled"))
        if self._story.settled is None or self._story.waiting:
            yield Phrase("Agents who have neither answered nor been sent a newer message: {0}.", FigureOf("waiting"))

    def _tell_decisions(self) -> Iterator[Phrase]:
        for one in self._story.pick("incident.role_taken", "alert.taken"):
            if one.kind == "alert.taken" or one.body["role"] == "lead":
                account = str(one.body["by"]) if one.kind == "alert.taken" else self._roles[one.seq][1]
                holder = name_account(account, self._wording)
                yield Phrase("{0} led from {1}.", holder, self._when(one))
        for one in self._story.pick("incident.decided"):
            yield Phrase(
                "On {0} {1} decided: {2} Why: {3}",
                self._when(one), self._who(one), _end(one.body["decision"]), _end(one.body["reason"]),
            )  # fmt: skip

    def _tell_corrections(self) -> Iterator[Phrase]:
        for one in self._story.pick(CORRECTED):
            of = self._story.by_id.get(str(one.body["corrects"]))
            if one.body.get("because"):
                yield self._tell_lifting(one)
            elif of is not None:
                yield Phrase(
                    "On {0} {1} corrected entry {2}, recorded by {3}: it did not happen as recorded. Why: {4}",
                    self._when(one), self._who(one), str(of.seq), self._who(of), _end(one.body["reason"]),
                )  # fmt: skip

    def _tell_lifting(self, one: EvidenceRecord) -> Phrase:
        """Return how a closure was lifted; the first person's entry is of a person, and in no pack."""
        rows = LedgerEntry.objects.filter(stream=self._story.scope.stream, kind=CORRECTED, seq__lt=one.seq)
        found = ((row.seq, parse_canonical(row.body)) for row in rows.order_by("-seq"))
        none: tuple[int, dict[str, Any]] = (0, {})
        seq, body = next(((seq, body) for seq, body in found if body["id"] == one.body["because"]), none)
        return Phrase(
            "On {0} the closure of {1} was lifted: {2} had corrected a record on which it rested (entry {3}, which"
            " stays in the house), and {4} agreed. Why: {5}",
            self._when(one), self._place(one), self._name(str(body.get("actor", "")), one.seq) or "–", str(seq),
            self._who(one), _end(one.body["reason"]),
        )  # fmt: skip

    def _tell_coverage(self) -> Iterator[Phrase]:
        covered = {row["values"]["client"] for row in self._story.coverage}
        for client, name in self._story.clients.items():
            if client in covered:
                yield Phrase(
                    "{0}: by the plan at least {1} of the need in every half hour, in fact at least {2}; half"
                    " hours covered in full: {3} of {4}.",
                    name, *(FigureOf(f"{word}-{client}") for word in ("planned", "covered", "full", "half-hours")),
                )  # fmt: skip
                yield Phrase(
                    "{0}: for the 48 hours after the last relief, at least {1} was announced.",
                    name, FigureOf(f"ahead-{client}"),
                )  # fmt: skip
        if covered:
            yield Phrase("Coverage is agents placed over agents needed, as each relief announced it.")

    def _tell_cost(self) -> Iterator[Phrase]:
        if not self._story.scope.whole:
            return
        for row in self._calls:
            yield Phrase(
                "{0}: calls not answered while the losses lasted: {1}, of {2}.",
                isolate_name(str(row["name"])), FigureOf(f"missed-{row['client']}"),
                FigureOf(f"offered-{row['client']}"),
            )  # fmt: skip
        if not self._calls:
            yield Phrase("No record of calls covers the losses: calls not served are not stated.")
        yield Phrase("Overtime and transport have no price on record: what they cost is not stated.")

    def _tell_end(self) -> Iterator[Phrase]:
        records = self._story.records
        lifted = {one.body["corrects"] for one in self._story.pick(CORRECTED)}
        for span in find_closures(records):
            if span.reopened is None:
                yield Phrase("{0} is still closed as far as this pack tells.", self._place(span.closed))
                continue
            approved = [
                self._who(one)
                for one in self._story.pick("reopening.approved")
                if one.site == span.closed.site and span.closed.seq < one.seq < span.reopened.seq
            ]
            yield Phrase(
                "{0} was reopened on {1}, after {2}; approved by {3}.",
                self._place(span.closed), self._when(span.reopened), FigureOf(f"closure-{span.closed.seq}"),
                ", ".join(approved) or "–",
            )  # fmt: skip
        ups = {"power.down": ("power.up", Phrase("{0} had power again on {1}.")),
               "link.down": ("link.up", Phrase("The link of {0} was back on {1}."))}  # fmt: skip
        for one in self._story.losses:
            if one.kind in ups and one.id not in lifted:
                kind, sentence = ups[one.kind]
                backs = (
                    row for row in self._story.pick(kind) if row.seq > one.seq and self._place(row) == self._place(one)
                )
                back = next(backs, None)
                yield (
                    Phrase("{0} is still out as far as this pack tells.", self._place(one))
                    if back is None
                    else sentence.with_params(self._place(one), self._when(back))
                )
        for one in self._story.pick("incident.closed"):
            yield Phrase(
                "The incident was closed on {0} by {1}. {2}", self._when(one), self._who(one), _end(one.body["note"])
            )

    def _tell_review(self) -> Iterator[Phrase]:
        reviews = self._story.pick("incident.reviewed")
        if not reviews:
            if self._story.scope.whole and self._story.scope.rooms:
                yield Phrase("The review has not been written yet.")
            return
        last = reviews[-1]
        yield Phrase("What went well: {0}", _end(last.body["well"]) or "–")
        yield Phrase("What went badly: {0}", _end(last.body["badly"]) or "–")
        for one in self._story.pick("incident.task_set"):
            if one.body.get("follow_up"):
                yield Phrase("What follows: {0}", _end(one.body["task"]))
        yield Phrase("Written by {0} on {1}.", self._who(last), self._when(last))

    def _describe(self, one: EvidenceRecord) -> Phrase:
        """Return what an entry says happened."""
        body = one.body
        if one.kind in (*CLOSURE_KINDS, *OUTAGE_KINDS):
            return Phrase("{0}, {1}", name_event(one.kind), self._place(one))
        if one.kind == RELIEF:
            source = _SOURCES.get(str(body["source"]), str(body["source"]))
            people = NumberPhrase(body["moved"])
            return Phrase("Relief {0} made, {1}; people whose work changed: {2}", body["generation"], source, people)
        if one.kind == NOTIFIED:
            names = ("agents", "breaks", "managers", "clients", "held", "drafts")
            return Phrase(
                "Messages of relief {0} written; agents asked: {1}, notified of a break: {2}, managers: {3},"
                " clients: {4}; {5} wait for the lead, {6} as drafts",
                body["generation"], *(NumberPhrase(body.get(name, 0)) for name in names),
            )  # fmt: skip
        if one.kind == RELEASED:
            return Phrase(
                "Messages of relief {0} that waited for the lead released; agents asked: {1}, notified of a break: {2}",
                body["generation"], NumberPhrase(body["agents"]), NumberPhrase(body["breaks"]),
            )  # fmt: skip
        if one.kind == CORRECTED:
            of = self._story.by_id.get(str(body["corrects"]))
            said = Phrase("Closure lifted, entry {0}. Why: {1}") if body.get("because") else _CORRECTION
            return said.with_params("–" if of is None else of.seq, str(body["reason"]) or "–")
        if one.kind in (*ALERT_KINDS, *CLIENT_KINDS):
            return self._describe_lead(one)
        return self._describe_room(one)

    def _describe_lead(self, one: EvidenceRecord) -> Phrase:
        """Return what an entry says of an alert, or of a message to a client."""
        holder, by = (self._name(str(one.body.get(name, "")), one.seq) or "–" for name in ("holder", "by"))
        client = str(one.body.get("client", ""))
        client = next((isolate_name(row.name) for row in self._story.source.operator.clients if row.id == client), "–")
        texts = {
            "alert.raised": Phrase("{0} is alerted", holder),
            "alert.unmanned": Phrase("No person was on call: no alert was sent"),
            "alert.sent": Phrase("Alert sent to {0}, by {1}", holder, str(one.body.get("channel", ""))),
            "alert.taken": Phrase("{0} took the alert", by),
            "alert.released": Phrase("The messages that waited go out: no person had taken the lead"),
            "alert.ended": Phrase("The places of the alert are back"),
            "client.approved": Phrase("Message to {0} approved", client),
            "client.edited": Phrase("Message to {0} edited", client),
            "client.stopped": Phrase("Message to {0} held", client),
        }
        return texts[one.kind]

    def _describe_room(self, one: EvidenceRecord) -> Phrase:
        body = one.body
        if one.kind == "incident.role_taken":
            holder = name_account(self._roles[one.seq][1], self._wording)
            return Phrase("Role taken: {0}, by {1}", _ROLES[str(body["role"])], holder)
        if one.kind == "incident.decided":
            return Phrase("Decision: {0} Why: {1}", _end(body["decision"]), _end(body["reason"]))
        if one.kind == "incident.task_set":
            return Phrase("To do by {0}: {1}", _ROLES[str(body["owner"])], str(body["task"]))
        if one.kind == "incident.task_done":
            of = self._story.by_id.get(str(body["task"]))
            return Phrase("Done: {0}", "–" if of is None else str(of.body["task"]))
        texts = {
            ROUTED: Phrase("Routes published: {0}", str(body.get("adapter", ""))),
            "incident.opened": Phrase("Incident room opened: {0}", str(body.get("title", ""))),
            "incident.place_added": Phrase(
                "Place added: {0}", self._story.source.name_site(str(body.get("place", "")))
            ),
            "incident.noted": Phrase("Note: {0}", str(body.get("note", ""))),
            "incident.reviewed": Phrase("Review written"),
            "incident.closed": Phrase("Incident closed"),
        }
        return texts[one.kind]

    def build_rows(self) -> list[dict[str, Any]]:
        """Return the lines for machines, in both languages: each with what its entry says."""
        english, french = (
            Narrator(self._story, self._calls, Wording(language, self._wording.time_zone)) for language in ("en", "fr")
        )
        return [
            {**build_row(one, _NAMES, {}), "en": english.write_line(one), "fr": french.write_line(one)}
            for one in self._story.lines
        ]

    def write_line(self, one: EvidenceRecord) -> str:
        """Return what an entry says happened, in the language."""
        return self._wording.say(self._describe(one))

    def tabulate(self) -> tuple[PaperTable, ...]:
        """Return the tables of a story: its lines, its reliefs, the half hours that were short."""
        return tuple(table for table in (self._list_lines(), self._list_reliefs(), self._list_short()) if table)

    def _list_lines(self) -> PaperTable:
        rows = tuple(
            (
                self._when(one),
                self._wording.instant(recorded(one)) if _is_later(one) else "",
                self.write_line(one),
                self._say_who(one),
                str(one.seq),
            )
            for one in sorted(self._story.lines, key=lambda one: (one.at, one.seq))
        )
        return PaperTable(
            Phrase("The story, line by line"),
            (Phrase("When"), Phrase("Recorded"), Phrase("What"), Phrase("Who"), Phrase("Entry")),
            rows,
            Phrase("Nothing is recorded."),
            wide=2,
        )

    def _say_who(self, one: EvidenceRecord) -> str:
        if one.kind in CLOSURE_KINDS:
            return describe_decision(one, self._wording)
        actor = one.body.get("by" if one.kind in (*ALERT_KINDS, *CLIENT_KINDS) else "actor", "")
        return self._name(str(actor), one.seq)

    def _list_reliefs(self) -> PaperTable | None:
        if not self._story.reliefs:
            return None
        say = self._wording.say
        rows = tuple(
            (
                str(row.generation),
                self._when(row.made),
                say(found) if (found := _SOURCES.get(row.made.body["source"])) else str(row.made.body["source"]),
                *(self._measure(row, one) for one in (row.made, row.routed, row.notified, *_ends(row))),
                str(row.made.seq),
            )
            for row in self._story.reliefs
        )
        return PaperTable(
            Phrase("The reliefs, each with the time since the record of its event"),
            (
                *(Phrase("No."), Phrase("Made"), Phrase("How"), Phrase("Relief"), Phrase("Routes")),
                *(Phrase("Messages"), Phrase("First sent"), Phrase("Last sent"), Phrase("Entry")),
            ),
            rows,
            Phrase("No relief is recorded."),
            wide=2,
        )

    def _measure(self, row: ToldRelief, one: EvidenceRecord | None) -> str:
        if row.event is None or one is None:
            return "–"
        return self._wording.value((recorded(one) - recorded(row.event)).total_seconds(), "delay")

    def _list_short(self) -> PaperTable | None:
        rows = tuple(
            (
                self._wording.instant(datetime.fromisoformat(row["values"]["start"])),
                self._story.clients[row["values"]["client"]],
                self._wording.value(row["values"]["planned"], "share"),
                self._wording.value(row["values"]["covered"], "share"),
                str(row["entry"]),
            )
            for row in self._story.coverage
            if row["values"]["covered"] < 1
        )
        if not self._story.coverage:
            return None
        return PaperTable(
            Phrase("Half hours that were not covered in full"),
            (Phrase("Half hour from"), Phrase("Client"), Phrase("Plan"), Phrase("Covered"), Phrase("Entry")),
            rows,
            Phrase("Every half hour was covered in full."),
            wide=1,
        )


_CORRECTION = Phrase("Entry {0} corrected: it did not happen as recorded. Why: {1}")


def _ends(row: ToldRelief) -> tuple[EvidenceRecord | None, EvidenceRecord | None]:
    return (row.sent[0], row.sent[-1]) if row.sent else (None, None)


def _is_later(one: EvidenceRecord) -> bool:
    """Return whether an entry was recorded a minute or more after what it says."""
    return (recorded(one) - one.at).total_seconds() >= 60


def _end(text: object) -> str:
    """Return words as a sentence."""
    said = str(text).strip()
    return said if not said or said.endswith((".", "!", "?", "…")) else f"{said}."
