"""Facts as rows: when they are true stands in their columns, when they were known in their load.

A row is written once. What corrects it is a further row: of a fact with an id (``ref``) the last
version known at an instant counts, as in ``releve.outbound.facts``, whose fields the columns are.
``person`` and ``number`` hold pseudonyms (see ``releve.gate.pseudonyms``), never real values;
several words stand in one text, joined by ``|``.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = [
    "AbandonedRow",
    "AttemptRow",
    "CallbackRow",
    "CampaignRow",
    "ClientName",
    "ConsentRow",
    "ContractRow",
    "FactRow",
    "ListingRow",
    "Load",
    "MandateRow",
    "PersonRow",
    "RefusalRow",
    "ScrubRow",
    "UnplacedRow",
    "WatermarkRow",
    "WithdrawalRow",
]

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
    """A fact about a person, for one client."""

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

    load = models.ForeignKey(
        Load, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    digest = models.CharField(max_length=32)
    erase_on = models.DateField(null=True)
    ref = models.CharField(max_length=300)
    at = models.DateTimeField()
    outcome = models.CharField(max_length=64, blank=True)
    provider = models.CharField(max_length=_ID, blank=True)
    purpose = models.CharField(max_length=16, blank=True)
    began = models.CharField(max_length=_BEGAN, blank=True, db_default="")
    batch = models.ForeignKey(
        "gate.Batch", on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    place = models.IntegerField(null=True)

    class Meta:
        db_table = "gate_attempt"
        indexes: ClassVar = [
            models.Index(fields=["client", "person"], name="gate_attempt_who"),
            models.Index(fields=["ref"], name="gate_attempt_ref"),
            models.Index(
                fields=["id"], name="gate_attempt_open", condition=models.Q(batch__isnull=True)
            ),
            models.Index(
                fields=["load"], name="gate_attempt_load", condition=models.Q(load__isnull=False)
            ),
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
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["ref", "began", "placed"], name="gate_unplaced_once")
        ]


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
