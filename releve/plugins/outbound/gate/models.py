"""The tables of the gate: facts, records, requests, sealed batches, and the rules that were in use.

A fact is a row that is written once: its columns say when it is true, its load when it was known. A
correction is a further row: of a fact with an id (``ref``) the last version known at an instant
counts, as in ``releve.plugins.outbound.engine.facts``, whose fields the columns are. ``person`` and
``number`` hold pseudonyms (see ``releve.plugins.outbound.gate.pseudonyms``), never real values;
several words in one text are joined by ``|``.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

_PSEUDONYM = 32
_ID = 128
_BEGAN = 20


class Load(models.Model):
    """Facts that become known together: nothing of them counts until ``known_at`` is set.

    So an import of millions of rows is many short transactions, and takes effect at one instant;
    no decision sees a half of it.
    """

    source = models.CharField(max_length=200)
    by = models.CharField(max_length=128)
    opened_at = models.DateTimeField()
    known_at = models.DateTimeField(null=True, db_index=True)
    rows = models.IntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.pk} {self.source}"


class ClientName(models.Model):
    """A spelling or an alias of a client's name (``key``: folded), and the name it stands for."""

    key = models.CharField(max_length=_ID, unique=True)
    name = models.CharField(max_length=_ID)

    def __str__(self) -> str:
        return f"{self.key}: {self.name}"


class FactRow(models.Model):
    """Columns of every fact.

    ``known_from`` is set only where it is not the load's: an attempt that the gate counted, or a
    first load that keeps the dates of the register it comes from. ``digest`` is that of the
    content: the same again is not written again. ``erase_on`` is the first day on which the row
    may no longer be here; NULL: no day is known yet.
    """

    load = models.ForeignKey(Load, on_delete=models.PROTECT, null=True, related_name="+")
    known_from = models.DateTimeField(null=True)
    digest = models.CharField(max_length=32, db_index=True)
    erase_on = models.DateField(null=True, db_index=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self._meta.db_table.removeprefix('gate_')} {self.pk}"


class AboutPerson(FactRow):
    client = models.CharField(max_length=_ID)
    person = models.CharField(max_length=_PSEUDONYM)

    class Meta:
        abstract = True


class PersonRow(FactRow):
    """A person who may be reached under a number: one row a pair and version."""

    person = models.CharField(max_length=_PSEUDONYM, db_index=True)
    number = models.CharField(max_length=_PSEUDONYM, db_index=True)
    kind = models.CharField(max_length=16, default="consumer")
    address = models.CharField(max_length=16, blank=True)

    class Meta:
        db_table = "gate_person"


class ConsentRow(AboutPerson):
    """A consent with its five items; ``proof`` is a hash, ``wording`` what was said."""

    ref = models.CharField(max_length=_ID, db_index=True)
    collected_at = models.DateTimeField(null=True)
    objects_named = models.CharField(max_length=500)
    items = models.CharField(max_length=100, blank=True)
    proof = models.CharField(max_length=80, blank=True)
    act = models.CharField(max_length=64)
    until = models.DateField(null=True)
    slot_from = models.DateTimeField(null=True)
    slot_to = models.DateTimeField(null=True)
    wording = models.TextField(blank=True)
    wording_version = models.CharField(max_length=64, blank=True)
    collector = models.CharField(max_length=_ID, blank=True)
    channel = models.CharField(max_length=64, blank=True)
    unreadable = models.CharField(max_length=32, blank=True)
    third_party = models.CharField(max_length=_ID, blank=True)

    class Meta:
        db_table = "gate_consent"
        indexes: ClassVar = [models.Index(fields=["client", "person"], name="gate_consent_who")]


class WithdrawalRow(AboutPerson):
    """A consent taken back, perhaps orally (``channel``); of one, or all when it is empty."""

    at = models.DateTimeField()
    consent = models.CharField(max_length=_ID, blank=True)
    channel = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "gate_withdrawal"
        indexes: ClassVar = [models.Index(fields=["client", "person"], name="gate_withdrawal_who")]


class ContractRow(AboutPerson):
    """A contract, first and last day included."""

    ref = models.CharField(max_length=_ID, db_index=True)
    first = models.DateField()
    last = models.DateField(null=True)
    objects_named = models.CharField(max_length=500, blank=True)

    class Meta:
        db_table = "gate_contract"
        indexes: ClassVar = [models.Index(fields=["client", "person"], name="gate_contract_who")]


class CallbackRow(AboutPerson):
    """A provable request to be called about something."""

    ref = models.CharField(max_length=_ID, db_index=True)
    requested_at = models.DateTimeField()
    objects_named = models.CharField(max_length=500)
    proof = models.CharField(max_length=80, blank=True)
    named = models.BooleanField(default=False)
    in_call = models.BooleanField(default=False)

    class Meta:
        db_table = "gate_callback"
        indexes: ClassVar = [models.Index(fields=["client", "person"], name="gate_callback_who")]


class RefusalRow(AboutPerson):
    """A refusal in a conversation: refusal, not-interested or not-now."""

    at = models.DateTimeField()
    kind = models.CharField(max_length=32, default="refusal")
    basis = models.CharField(max_length=160, blank=True)

    class Meta:
        db_table = "gate_refusal"
        indexes: ClassVar = [models.Index(fields=["client", "person"], name="gate_refusal_who")]


class AttemptRow(AboutPerson):
    """A call or an attempt, by whichever of the client's providers.

    The gate's own have the decision's call id and sequence as their ``ref``, and no load; what came
    of the call is a further version. ``began`` is the decision's, and no import sets it. ``batch``
    and ``place`` say where the row is proved. The gate writes one before each call, so it has only
    the indexes that are read.
    """

    load = models.ForeignKey(Load, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    digest = models.CharField(max_length=32)
    erase_on = models.DateField(null=True)
    ref = models.CharField(max_length=300)
    at = models.DateTimeField()
    outcome = models.CharField(max_length=64, blank=True)
    provider = models.CharField(max_length=_ID, blank=True)
    purpose = models.CharField(max_length=16, blank=True)
    began = models.CharField(max_length=_BEGAN, blank=True, db_default="")
    batch = models.ForeignKey("gate.Batch", on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    place = models.IntegerField(null=True)

    class Meta:
        db_table = "gate_attempt"
        indexes: ClassVar = [
            models.Index(fields=["client", "person"], name="gate_attempt_who"),
            models.Index(fields=["ref"], name="gate_attempt_ref"),
            models.Index(fields=["id"], name="gate_attempt_open", condition=models.Q(batch__isnull=True)),
            models.Index(fields=["load"], name="gate_attempt_load", condition=models.Q(load__isnull=False)),
        ]


class UnplacedRow(FactRow):
    """A call out that our proxy ended before its INVITE left, by the proxy's own record.

    An attempt of the same ``ref`` and ``began`` does not count from then on, whichever of the two
    came first. ``placed`` is 1 in a further row that takes this back, else 0. ``load`` says by
    which file and when.
    """

    digest = models.CharField(max_length=32)
    ref = models.CharField(max_length=300)
    began = models.CharField(max_length=_BEGAN)
    placed = models.SmallIntegerField(default=0)

    class Meta:
        db_table = "gate_unplaced"
        constraints: ClassVar = [models.UniqueConstraint(fields=["ref", "began", "placed"], name="gate_unplaced_once")]


class ListingRow(FactRow):
    """A number on an opposition list (Bloctel until its end, Robinson, …), perhaps until later."""

    list = models.CharField(max_length=64)
    number = models.CharField(max_length=_PSEUDONYM, db_index=True)
    at = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        db_table = "gate_listing"


class ScrubRow(FactRow):
    """A file of a client scrubbed against a list; for one campaign, or all when it is empty."""

    list = models.CharField(max_length=64)
    client = models.CharField(max_length=_ID, db_index=True)
    at = models.DateTimeField()
    campaign = models.CharField(max_length=_ID, blank=True)

    class Meta:
        db_table = "gate_scrub"


class MandateRow(FactRow):
    """The right to show a number for a client. The number is a company's and stands in clear."""

    ref = models.CharField(max_length=_ID, db_index=True)
    client = models.CharField(max_length=_ID, db_index=True)
    number = models.CharField(max_length=32)
    first = models.DateField()
    last = models.DateField(null=True)
    linked = models.BooleanField(null=True)

    class Meta:
        db_table = "gate_mandate"


class AbandonedRow(FactRow):
    """A campaign's abandoned calls and calls handed to an agent on a day."""

    campaign = models.CharField(max_length=_ID, db_index=True)
    day = models.DateField()
    abandoned = models.FloatField()
    handled = models.FloatField()

    class Meta:
        db_table = "gate_abandoned"


class WatermarkRow(FactRow):
    """When a register was read, and the instant of its last event then."""

    feed = models.CharField(max_length=64)
    read_at = models.DateTimeField()
    last_event_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "gate_watermark"
        indexes: ClassVar = [models.Index(fields=["feed", "read_at"], name="gate_feed_read")]


class CampaignRow(FactRow):
    """A campaign: its client, its object, its dialling mode; diallers send ``ref``."""

    ref = models.CharField(max_length=_ID, db_index=True)
    client = models.CharField(max_length=_ID)
    object = models.CharField(max_length=_ID)
    sector = models.CharField(max_length=_ID, blank=True)
    mode = models.CharField(max_length=16, default="manual")
    purpose = models.CharField(max_length=16, default="prospecting")
    origin = models.CharField(max_length=8, blank=True)
    authenticated = models.BooleanField(null=True)
    mobile_terminal = models.BooleanField(default=False)
    first = models.DateField(null=True)
    last = models.DateField(null=True)
    provider = models.CharField(max_length=_ID, blank=True)
    site = models.CharField(max_length=_ID, blank=True)

    class Meta:
        db_table = "gate_campaign"


class Decision(models.Model):
    """One answer of the gate, unique by call id and sequence: a repeat gets the same answer.

    ``at`` is the instant judged, and the instant as known at which the verdict can be replayed.
    ``stand_in`` is a number that the numbering plan reads as it does the one called: same class,
    same territories, no subscriber's. ``facts`` is the SHA-256 of the facts that were judged, as
    ``KnownFacts.serialize`` writes them. ``began`` names the SIP transaction that the question was
    about, as its proxy does; empty where none was named.
    """

    call_id = models.CharField(max_length=255)
    cseq = models.IntegerField()
    at = models.DateTimeField(db_index=True)
    campaign = models.CharField(max_length=_ID)
    client = models.CharField(max_length=_ID)
    number = models.CharField(max_length=_PSEUDONYM)
    stand_in = models.CharField(max_length=32)
    persons = models.TextField(blank=True)
    named = models.CharField(max_length=_PSEUDONYM, blank=True)
    caller = models.CharField(max_length=32, blank=True)
    call = models.JSONField()
    allowed = models.BooleanField()
    legal = models.BooleanField()
    rules = models.TextField(blank=True)
    basis = models.CharField(max_length=160, blank=True)
    attempts = models.IntegerField(default=0)
    rules_version = models.CharField(max_length=64)
    zones_version = models.CharField(max_length=16)
    facts = models.CharField(max_length=64)
    agent = models.CharField(max_length=64, blank=True)
    began = models.CharField(max_length=20, blank=True, db_default="")
    erase_on = models.DateField(null=True)
    batch = models.ForeignKey("gate.Batch", on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    place = models.IntegerField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["call_id", "cseq"], name="gate_one_answer_a_call")]
        indexes: ClassVar = [
            models.Index(fields=["campaign", "at"], name="gate_decision_campaign"),
            models.Index(fields=["id"], name="gate_decision_open", condition=models.Q(batch__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.call_id}/{self.cseq}"


class PseudonymValue(models.Model):
    """The value behind a pseudonym, and its salt: the only rows that identify a person.

    ``what`` is number, person or proof. A number and a person are found by their pseudonym, a keyed
    hash; a proof by the salted hash that stands in its fact.
    """

    what = models.CharField(max_length=16)
    pseudonym = models.CharField(max_length=80)
    value = models.TextField()
    salt = models.CharField(max_length=64, blank=True)
    erase_on = models.DateField(null=True, db_index=True)

    class Meta:
        db_table = "gate_personal"
        constraints: ClassVar = [models.UniqueConstraint(fields=["what", "pseudonym"], name="gate_one_value")]

    def __str__(self) -> str:
        return f"{self.what} {self.pseudonym}"


class Batch(models.Model):
    """Rows proved together: ``leaves`` holds their hashes (32 bytes each) in their order.

    The root of the tree over them stands in entry ``seq`` of the ledger. The hashes stay when the
    rows are erased, so that the others can still be proved.
    """

    sealed_at = models.DateTimeField()
    decisions = models.IntegerField()
    attempts = models.IntegerField()
    root = models.CharField(max_length=64)
    leaves = models.BinaryField()
    seq = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.pk} {self.root[:12]}"


class Cursor(models.Model):
    """Position in a file of outcomes, moved in the transaction that files its rows."""

    source = models.CharField(max_length=200, unique=True)
    file = models.CharField(max_length=200, blank=True)
    offset = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.source} {self.file}:{self.offset}"


class PersonRequestRow(models.Model):
    """A request as it was recorded: unique by its sender's ``key``, so that it counts once.

    ``content`` is a digest of what was asked; ``number`` a pseudonym; ``seq`` the ledger's entry.
    What binds are the facts that were written with it, which outlive it.
    """

    key = models.CharField(max_length=64, unique=True)
    content = models.CharField(max_length=64)
    said = models.CharField(max_length=32)
    client = models.CharField(max_length=128, blank=True)
    number = models.CharField(max_length=32, db_index=True)
    at = models.DateTimeField()
    known_at = models.DateTimeField()
    by = models.CharField(max_length=160)
    channel = models.CharField(max_length=64, blank=True)
    persons = models.IntegerField()
    consents = models.IntegerField()
    facts = models.IntegerField()
    seq = models.IntegerField()
    erase_on = models.DateField(db_index=True)

    class Meta:
        db_table = "gate_personrequest"

    def __str__(self) -> str:
        return f"{self.pk} {self.said}"


class FeedFaultRow(models.Model):
    """A row of a feed that could not be taken, set aside: where it stands, which field, why.

    Never what the row held: it may name a person.
    """

    feed = models.CharField(max_length=64)
    file = models.CharField(max_length=200, blank=True)
    line = models.IntegerField()
    field = models.CharField(max_length=64, blank=True)
    code = models.CharField(max_length=64)
    at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "gate_feedfault"
        indexes: ClassVar = [models.Index(fields=["feed", "at"], name="gate_feed_fault")]

    def __str__(self) -> str:
        return f"{self.feed} {self.file}:{self.line} {self.code}"


class FactBatch(models.Model):
    """Rows of one table of facts proved together, up to the one known at ``known_at``, ``last``.

    ``leaves`` holds their hashes (32 bytes each) in the order in which they became known; the root
    of the tree over them stands in entry ``seq`` of the ledger. The hashes stay when rows are
    erased.
    """

    table = models.CharField(max_length=32)
    sealed_at = models.DateTimeField()
    rows = models.IntegerField()
    known_at = models.DateTimeField()
    last = models.BigIntegerField()
    root = models.CharField(max_length=64)
    leaves = models.BinaryField()
    seq = models.IntegerField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["table", "known_at", "last"], name="gate_fact_batch_end")]

    def __str__(self) -> str:
        return f"{self.table} {self.pk} {self.root[:12]}"


class RuleTable(models.Model):
    """A version of the table of rules, whole: ``texts`` maps the names of its files to them.

    ``version`` is the SHA-256 over them that a decision names; ``used_at`` is when a gate first
    went by it.
    """

    version = models.CharField(max_length=64, unique=True)
    texts = models.JSONField()
    used_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.version[:12]
