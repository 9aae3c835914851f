"""Batches of facts under a root of the ledger."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = ["FactBatch"]


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
        indexes: ClassVar = [
            models.Index(fields=["table", "known_at", "last"], name="gate_fact_batch_end")
        ]

    def __str__(self) -> str:
        return f"{self.table} {self.pk} {self.root[:12]}"
