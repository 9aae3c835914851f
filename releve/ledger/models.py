"""The tables of the ledger. What may only be added to is kept so here and by ``guards``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, NoReturn, Self

from django.db import models

from releve.ledger.guards import AppendOnlyError


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """Rows that may be added and read."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise _refusal(self.model, "changed")

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise _refusal(self.model, "changed")

    def delete(self) -> NoReturn:
        raise _refusal(self.model, "deleted")

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Add rows; one that is there already is neither changed nor passed over."""
        if kwargs.get("update_conflicts") or kwargs.get("ignore_conflicts"):
            raise _refusal(self.model, "added a second time")
        return super().bulk_create(objs, *args, **kwargs)


def _refusal(model: type[models.Model], done: str) -> AppendOnlyError:
    return AppendOnlyError(f"a row of {model._meta.db_table} cannot be {done}: the table is append-only")


class AppendOnlyModel(models.Model):
    """A row that is written once and never changed."""

    objects: ClassVar[models.Manager[Self]] = models.Manager.from_queryset(AppendOnlyQuerySet)()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row; refuse to write it again."""
        if not self._state.adding:
            raise _refusal(type(self), "changed")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise _refusal(type(self), "deleted")


class LedgerEntry(AppendOnlyModel):
    """One entry of the chain; ``digests.format_entry`` says what its hash covers."""

    seq = models.IntegerField(primary_key=True)
    stream = models.CharField(max_length=64)
    kind = models.CharField(max_length=64)
    recorded_at = models.CharField(max_length=27)
    nonce = models.CharField(max_length=32)
    body = models.TextField()
    prev = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta(AppendOnlyModel.Meta):
        db_table = "ledger_entry"
        abstract = False
        indexes: ClassVar = [models.Index(fields=["stream", "seq"], name="ledger_stream")]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"


class PersonalValue(models.Model):
    """A personal value that an entry commits to: the one kind of row that can be erased.

    ``value`` is canonical JSON; ``erase_on`` is the first day on which the row may no longer be
    here (NULL: no day is set yet), and its only column that may change.
    """

    entry = models.ForeignKey(LedgerEntry, on_delete=models.PROTECT, related_name="personal")
    path = models.CharField(max_length=128)
    value = models.TextField()
    salt = models.CharField(max_length=64)
    subject = models.CharField(max_length=128, blank=True, db_index=True)
    erase_on = models.DateField(null=True, db_index=True)

    class Meta:
        db_table = "ledger_personal"
        constraints: ClassVar = [models.UniqueConstraint(fields=["entry", "path"], name="ledger_one_value_a_field")]

    def __str__(self) -> str:
        return f"{self.entry_id} {self.path}"


class LedgerHead(models.Model):
    """The one row that an append locks: the last entry. Made again from the entries if lost."""

    seq = models.IntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        db_table = "ledger_head"

    def __str__(self) -> str:
        return str(self.seq)


class LedgerNode(AppendOnlyModel):
    """The hash of a complete subtree of ``2**level`` entries; only every eighth level is kept."""

    level = models.SmallIntegerField()
    index = models.IntegerField()
    hash = models.CharField(max_length=64)

    class Meta(AppendOnlyModel.Meta):
        db_table = "ledger_node"
        abstract = False
        constraints: ClassVar = [models.UniqueConstraint(fields=["level", "index"], name="ledger_one_node_a_place")]

    def __str__(self) -> str:
        return f"{self.level}/{self.index}"


class LedgerRoot(AppendOnlyModel):
    """A signed root: its statement (canonical JSON), and what is looked for in it."""

    number = models.IntegerField(primary_key=True)
    size = models.IntegerField(unique=True)
    sealed_at = models.CharField(max_length=27)
    statement = models.TextField()
    signature = models.CharField(max_length=128)

    class Meta(AppendOnlyModel.Meta):
        db_table = "ledger_root"
        abstract = False

    def __str__(self) -> str:
        return f"{self.number} over {self.size} entries"


class AccountName(models.Model):
    """The name of an account behind the pseudonym that entries carry; erased with its person."""

    pseudonym = models.CharField(max_length=32, primary_key=True)
    name = models.CharField(max_length=150, unique=True)

    class Meta:
        db_table = "ledger_accountname"

    def __str__(self) -> str:
        return self.pseudonym


class KeyCheck(models.Model):
    """A value by which a key is known again, beside the rows that were written with it.

    The key itself cannot be found from it. It refuses rows restored without their key, and writing
    beside them with another key.
    """

    name = models.CharField(max_length=16, primary_key=True)
    value = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.name} {self.value[:12]}"


class JournalLine(models.Model):
    """An act that a restored backup has to repeat, until it leaves with the journal.

    ``box`` is encrypted for those who can read backups: the house itself cannot.
    """

    at = models.DateTimeField()
    box = models.BinaryField()

    class Meta:
        db_table = "ledger_journalline"

    def __str__(self) -> str:
        return f"{self.pk} {self.at:%Y-%m-%d %H:%M}"


class OutgoingDocument(models.Model):
    """A document that leaves the house: a root, or a part of the journal.

    ``content`` is emptied when the receipt is there. ``upto`` is the last entry that it covers.
    """

    name = models.CharField(max_length=64, unique=True)
    content = models.BinaryField()
    digest = models.CharField(max_length=64)
    upto = models.IntegerField()
    made_at = models.DateTimeField()
    received_at = models.DateTimeField(null=True, db_index=True)
    receipt = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "ledger_outgoing"

    def __str__(self) -> str:
        return self.name


class Restoration(models.Model):
    """A backup that was put back: what happened before entry ``seq`` may have had its effects."""

    seq = models.IntegerField(primary_key=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "ledger_restoration"

    def __str__(self) -> str:
        return f"{self.seq} {self.at:%Y-%m-%d %H:%M}"
