"""People who sign in, and the roles they are given."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from releve.desk.access.roles import BY_CLIENT, BY_SITE, DATED, Role
from releve.desk.access.scopes import Held

__all__ = ["Grant", "Look", "Rate", "Token", "User"]


class User(AbstractUser):
    """One person with a sign-in of their own; what they may do comes from their roles."""

    visiting: Held | None = None
    """The role that the visitor of an open desk has chosen; such a user is not stored."""

    @cached_property
    def held(self) -> tuple[Held, ...]:
        """The roles held now; read once per instance, so once per request."""
        if self.visiting is not None:
            return (self.visiting,)
        if self.pk is None or not self.is_active:
            return ()
        return tuple(grant.held() for grant in self.grants.all() if grant.runs(timezone.now()))


class Grant(models.Model):
    """A role given to somebody, for all sites and clients or those named, from and to an instant.

    Never changed: it is ended, and another one given.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="grants")
    role = models.CharField(max_length=20)
    sites = models.JSONField(default=list)
    clients = models.JSONField(default=list)
    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(null=True)
    given_by = models.CharField(max_length=150)
    given_at = models.DateTimeField(default=timezone.now)
    ended_by = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        ordering = ("starts_at", "pk")

    def __str__(self) -> str:
        return f"{self.user.get_username()}: {self.label}"

    @property
    def label(self) -> str:
        """The role in the reader's language."""
        return str(Role(self.role).label)

    @property
    def reach(self) -> str:
        """The ids that the role is held for, or that it is held for all."""
        return ", ".join([*self.sites, *self.clients]) or _("everything")

    def runs(self, now: datetime) -> bool:
        """Return whether the role is held at an instant."""
        return self.starts_at <= now and (self.ends_at is None or now < self.ends_at)

    def held(self) -> Held:
        """Return the role with what it is limited to."""
        return Held.of(Role(self.role), self.sites, self.clients)

    def clean(self) -> None:
        """Refuse a grant that is wider than its role may be; ValidationError by the field."""
        faults: dict[str, str] = {}
        if self.role in BY_SITE and not self.sites:
            faults["sites"] = _("Name the sites: this role is held for sites.")
        if self.role in BY_CLIENT and not self.clients:
            faults["clients"] = _("Name the clients: this role is held for clients.")
        if self.role in DATED and self.ends_at is None:
            faults["ends_at"] = _("Say until when: this role is held for a time.")
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            faults["ends_at"] = _("The end must be after the start.")
        if faults:
            raise ValidationError(faults)


class Look(models.Model):
    """Somebody asked who stands behind a pseudonym, and perhaps was allowed to see it."""

    asked_by = models.CharField(max_length=150)
    pseudonym = models.CharField(max_length=128)
    reason = models.TextField()
    asked_at = models.DateTimeField()
    allowed_by = models.CharField(max_length=150, blank=True, default="")
    open_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-asked_at", "-pk")

    def __str__(self) -> str:
        return f"{self.pk} ({self.asked_by})"


class Token(models.Model):
    """A program's way in to the API: one role, for all sites and clients or those named, to an end.

    The secret is not kept, only its SHA-256. Never changed: it is ended, and another one given.
    """

    name = models.CharField(max_length=100, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=20)
    sites = models.JSONField(default=list)
    clients = models.JSONField(default=list)
    ends_at = models.DateTimeField()
    given_by = models.CharField(max_length=150)
    given_at = models.DateTimeField(default=timezone.now)
    ended_by = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return f"{self.name}: {self.label}"

    @property
    def label(self) -> str:
        """The role in the reader's language."""
        return str(Role(self.role).label)

    @property
    def reach(self) -> str:
        """The ids that the role is held for, or that it is held for all."""
        return ", ".join([*self.sites, *self.clients]) or _("everything")

    def runs(self, now: datetime) -> bool:
        """Return whether the token opens anything at an instant."""
        return now < self.ends_at


class Rate(models.Model):
    """How many requests of somebody were let in within a minute, by all processes.

    Who it is cannot be read from it; a row goes when its minute is over and another one begins.
    """

    name = models.CharField(max_length=64, primary_key=True)
    began_at = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name[:8]}: {self.count}"
