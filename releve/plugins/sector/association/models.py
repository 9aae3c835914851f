"""The tables of the association, of which one names people: own agents who are lent, by pseudonym.

An installation is the clerk, a member, or neither. Designs and bulletins stand in the same tables
in both: published in the one, received in the other.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class AssociationMember(models.Model):
    """A member as the clerk registered it, with its public keys (hex).

    ``token_digest`` is the SHA-256 of the secret that its software shows. A member whose key was
    revoked contributes no more; a new key is registered by the same id.
    """

    member = models.SlugField(max_length=40, unique=True)
    key = models.CharField(max_length=64)
    mask_key = models.CharField(max_length=64)
    token_digest = models.CharField(max_length=64, unique=True)
    registered_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["member"]

    def __str__(self) -> str:
        return self.member


class MonthlyDesign(models.Model):
    """A signed design of a month (``2026-11``)."""

    month = models.CharField(max_length=7, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    text = models.TextField()
    signature = models.CharField(max_length=128)
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["month"]

    def __str__(self) -> str:
        return self.month


class ReceivedContribution(models.Model):
    """A contribution that the clerk took; of a member and a day, the one with ``current`` counts.

    ``late``: it corrects a day that was published, and stands in the bulletin of ``corrected_in``.
    """

    member = models.SlugField(max_length=40)
    day = models.DateField()
    digest = models.CharField(max_length=64, unique=True)
    text = models.TextField()
    signature = models.CharField(max_length=128)
    received_at = models.DateTimeField()
    by_file = models.BooleanField(default=False)
    current = models.BooleanField(default=True)
    late = models.BooleanField(default=False)
    corrected_in = models.DateField(null=True)

    class Meta:
        ordering: ClassVar = ["day", "member", "pk"]
        indexes: ClassVar = [models.Index(fields=["day", "member"])]

    def __str__(self) -> str:
        return f"{self.member} {self.day}"


class DayBulletin(models.Model):
    """A signed bulletin, with the clerk's checkpoint and the proof of its entry."""

    day = models.DateField(unique=True)
    digest = models.CharField(max_length=64, unique=True)
    text = models.TextField()
    signature = models.CharField(max_length=128)
    closing = models.CharField(max_length=64)
    checkpoint = models.TextField(blank=True)
    proof = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["day"]

    def __str__(self) -> str:
        return str(self.day)


class Membership(models.Model):
    """The association that this operator is a member of; one row, or none.

    ``sends_since`` is when the daily contribution was switched on, null while it is off.
    ``stated`` holds what the planner states by destination: relief spare and wanted.
    """

    association = models.SlugField(max_length=40)
    member = models.SlugField(max_length=40)
    clerk_url = models.CharField(max_length=200, blank=True)
    clerk_key = models.CharField(max_length=64)
    sends_since = models.DateTimeField(null=True)
    stated = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.member} of {self.association}"


class OwnContribution(models.Model):
    """What this operator contributed for a day, to the byte.

    ``closing`` is the list that it was masked for; empty in plain mode. ``answer`` is the clerk's,
    ``found`` what was found in the bulletin: ``in``, ``absent``, ``second`` or ``unsigned``.
    """

    day = models.DateField()
    digest = models.CharField(max_length=64, unique=True)
    text = models.TextField()
    signature = models.CharField(max_length=128)
    closing = models.CharField(max_length=64, blank=True)
    made_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=300, blank=True)
    found = models.CharField(max_length=10, blank=True)

    class Meta:
        ordering: ClassVar = ["day", "pk"]

    def __str__(self) -> str:
        return str(self.day)


class LentAgent(models.Model):
    """An own agent who works for a partner while the contract is in force."""

    contract = models.CharField(max_length=64)
    drill = models.BooleanField(default=False)
    agent = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["contract", "drill", "agent"], name="lent_once_a_contract")
        ]

    def __str__(self) -> str:
        return f"{self.agent} under {self.contract}"


class ReliefGate(models.Model):
    """A clearing as the clerk announced it, in the clerk's database and in a member's.

    The clerk's holds the digests of the ``orders`` that it is made from once it is closed, and the
    ``clearing``, or when the last attempt at it failed, and why; a member's holds its own
    ``result``. The clerk's secret is in a file of its home.
    """

    name = models.SlugField(max_length=40, unique=True)
    text = models.TextField()
    signature = models.CharField(max_length=128)
    closes_at = models.DateTimeField()
    opens_until = models.DateTimeField()
    at = models.DateTimeField()
    state = models.CharField(max_length=10, default="open")
    orders = models.JSONField(default=list)
    clearing = models.TextField(blank=True)
    failed_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=300, blank=True)
    result = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["closes_at", "pk"]

    def __str__(self) -> str:
        return self.name


class ReceivedOrder(models.Model):
    """An order that the clerk took; one of a kind from a member at a gate."""

    gate = models.SlugField(max_length=40)
    member = models.SlugField(max_length=40)
    kind = models.CharField(max_length=10)
    digest = models.CharField(max_length=64, unique=True)
    text = models.TextField()
    signature = models.CharField(max_length=128)
    received_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["gate", "member", "kind"], name="one_order_of_a_kind")]

    def __str__(self) -> str:
        return f"{self.member} {self.kind} {self.gate}"


class OwnOrder(models.Model):
    """An order of this operator's, to the byte.

    ``private`` stays here: the opening of a commitment, or the programmes behind references.
    """

    gate = models.SlugField(max_length=40)
    kind = models.CharField(max_length=10)
    digest = models.CharField(max_length=64, unique=True)
    text = models.TextField()
    signature = models.CharField(max_length=128)
    private = models.JSONField(default=dict)
    made_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["gate", "kind"], name="one_own_order_of_a_kind")]

    def __str__(self) -> str:
        return f"{self.kind} {self.gate}"


class SpareSearch(models.Model):
    """A search for own agents who can be lent, for the worker: at a gate, or for a contract.

    ``packages`` are the rows of a gate's offer. ``error`` is a template and ``error_values`` what
    stands in it, so that a reader has it in the own language; empty where the search found enough.
    """

    kind = models.CharField(max_length=8)
    name = models.CharField(max_length=64)
    drill = models.BooleanField(default=False)
    packages = models.JSONField(default=list)
    asked_at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    error_values = models.JSONField(default=list)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "name", "drill"], name="one_search_at_a_time")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
