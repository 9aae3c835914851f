"""The tables of rules that were in use: what a past decision was judged by."""

from __future__ import annotations

from django.db import models

__all__ = ["RuleTable"]


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
