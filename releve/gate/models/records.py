"""Records of the gate: decisions, cursors of the outcome files, batches under proof."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = ["Batch", "Cursor", "Decision", "PseudonymValue"]

_PSEUDONYM = 32
_ID = 128


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
    batch = models.ForeignKey(
        "gate.Batch", on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    place = models.IntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["call_id", "cseq"], name="gate_one_answer_a_call")
        ]
        indexes: ClassVar = [
            models.Index(fields=["campaign", "at"], name="gate_decision_campaign"),
            models.Index(
                fields=["id"], name="gate_decision_open", condition=models.Q(batch__isnull=True)
            ),
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
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["what", "pseudonym"], name="gate_one_value")
        ]

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
