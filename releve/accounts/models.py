"""People who sign in, and the roles they are given."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from releve.accounts.permissions import DATED, Role, label_role
from releve.accounts.scopes import HeldRole, describe_reach, find_scope_faults
from releve.ledger.account_names import give_pseudonym

LONGEST_GROUP = 255


class User(AbstractUser):
    """One person with a sign-in of their own; what they may do comes from their roles."""

    visitor_role: HeldRole | None = None
    """The role that the visitor of an open desk has chosen; such a user is not stored."""
    without_group_roles = False
    """Set for a request whose session was not begun through a service that gives roles by group."""
    notices_read_at = models.DateTimeField(null=True, blank=True)
    """When the notices of changes to accounts that may approve were last read."""

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Give a new account the pseudonym that the ledger knows it by."""
        is_new = self._state.adding
        super().save(*args, **kwargs)
        if is_new:
            give_pseudonym(self.username)

    @cached_property
    def held_roles(self) -> tuple[HeldRole, ...]:
        """The roles held now; read once per instance, so once per request."""
        if self.visitor_role is not None:
            return (self.visitor_role,)
        if self.pk is None or not self.is_active:
            return ()
        running = (
            grant.to_held_role()
            for grant in self.grants.all()
            if grant.is_active_at(timezone.now()) and not (grant.group_role_id and self.without_group_roles)
        )
        return tuple(held for held in running if held is not None)


class ScopedRole(models.Model):
    """A role, for all sites and clients or for those named; what a grant and a token share.

    Never changed: it is ended, and another one given.
    """

    role = models.CharField(max_length=20)
    sites = models.JSONField(default=list)
    clients = models.JSONField(default=list)

    class Meta:
        abstract = True

    @property
    def label(self) -> str:
        """The role in the reader's language."""
        return label_role(self.role)

    @property
    def reach(self) -> str:
        """The ids that the role is held for, that it is held for all, or that it gives nothing."""
        return describe_reach(self.sites, self.clients, void=self.to_held_role() is None)

    def to_held_role(self) -> HeldRole | None:
        """Return the role with what it is limited to; None where it cannot be held so."""
        if find_scope_faults(self.role, self.sites, self.clients):
            return None
        return HeldRole.limit(Role(self.role), self.sites, self.clients)

    def find_faults(self) -> dict[str, str]:
        """Return by field why this cannot be given."""
        return find_scope_faults(self.role, self.sites, self.clients)

    def clean(self) -> None:
        """Refuse what is wider than the role may be; ValidationError by the field."""
        faults = self.find_faults()
        if faults:
            raise ValidationError(faults)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Check a new row before it is stored, whichever face it comes from."""
        if self._state.adding:
            self.clean()
        super().save(*args, **kwargs)


class GroupRole(ScopedRole):
    """A role for those who are in a group, as the sign-in service says.

    One administrator asks for it; it gives something from its approval by another to its end.
    """

    group = models.CharField(max_length=LONGEST_GROUP)
    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField()
    approved_by = models.CharField(max_length=150, blank=True, default="")
    approved_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=150, blank=True, default="")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("group", "pk")

    def __str__(self) -> str:
        return f"{self.group}: {self.label}"

    def find_faults(self) -> dict[str, str]:
        """Return by field why this cannot be given."""
        faults = super().find_faults()
        if self.role in DATED:
            faults["role"] = _("This role is held for a time: give it to each person.")
        return faults


class Grant(ScopedRole):
    """A role given to a user, from one instant to another; by hand, or by a row of the table of groups."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="grants")
    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(null=True)
    given_by = models.CharField(max_length=150)
    given_at = models.DateTimeField(default=timezone.now)
    ended_by = models.CharField(max_length=150, blank=True, default="")
    group_role = models.ForeignKey(GroupRole, on_delete=models.PROTECT, null=True, related_name="grants")

    class Meta:
        ordering = ("starts_at", "pk")

    def __str__(self) -> str:
        return f"{self.user.get_username()}: {self.label}"

    def is_active_at(self, now: datetime) -> bool:
        """Return whether the role is held at an instant."""
        return self.starts_at <= now and (self.ends_at is None or now < self.ends_at)

    def find_faults(self) -> dict[str, str]:
        """Return by field why this cannot be given."""
        faults = super().find_faults()
        if self.role in DATED and self.ends_at is None:
            faults["ends_at"] = _("Say until when: this role is held for a time.")
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            faults["ends_at"] = _("The end must be after the start.")
        return faults


class AccountAct(models.Model):
    """An act by which one person could come to use the account of another, or a word against it.

    Confirmed: an administrator vouches that the owner alone holds the account and has no other;
    declared: the operator does, at the command line. Entry: the sign-in service could sign in to it
    without a second factor. See :mod:`releve.accounts.two_people`.
    Closed, opened: by the directory, neither of the two; it stands here to be announced.
    """

    MADE, LINK, FACTORS, ADDRESS, ENTRY = "made", "link", "factors", "address", "entry"
    CONFIRMED, DECLARED = "confirmed", "declared"
    CLOSED, OPENED = "closed", "opened"

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="acts")
    kind = models.CharField(max_length=10)
    by = models.CharField(max_length=150)
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.user.get_username()}: {self.kind} by {self.by}"


class DirectoryAccount(models.Model):
    """What the organisation's directory says of an account that it may change.

    ``user_name``: as the directory has it; the name to sign in with stays. ``emails``: its addresses as sent, of
    which the account has one. ``closed_at``: when the directory closed it, which it may take back; None where it
    is open, or an administrator closed it. ``removed``: deleted there, so not shown to it again.
    """

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="directory", primary_key=True)
    user_name = models.CharField(max_length=255)
    external_id = models.CharField(max_length=255, blank=True, default="")
    display_name = models.CharField(max_length=255, blank=True, default="")
    emails = models.JSONField(default=list)
    changed_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)
    removed = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.user.get_username()} ({self.external_id})"


class FactorReset(models.Model):
    """A request that a user's second factors be removed, and who allowed it."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="factor_resets")
    asked_by = models.CharField(max_length=150)
    reason = models.TextField()
    asked_at = models.DateTimeField()
    approved_by = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        ordering = ("-asked_at", "-pk")

    def __str__(self) -> str:
        return f"{self.user.get_username()} ({self.asked_by})"


class IdentityRequest(models.Model):
    """A request for the name behind a pseudonym, and its approval if there is one."""

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


class IdentityNotice(models.Model):
    """Notifies a health officer that a name was requested or approved, until it is read."""

    request = models.ForeignKey(IdentityRequest, on_delete=models.CASCADE, related_name="notices")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="identity_notices")
    kind = models.CharField(max_length=10)
    by = models.CharField(max_length=150)
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return f"{self.request.pk} {self.kind}"


class Token(ScopedRole):
    """A program's way in to the API: one role, to an end.

    The secret is not kept, only its SHA-256.
    """

    name = models.CharField(max_length=100, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    ends_at = models.DateTimeField()
    given_by = models.CharField(max_length=150)
    given_at = models.DateTimeField(default=timezone.now)
    ended_by = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return f"{self.name}: {self.label}"

    def is_active_at(self, now: datetime) -> bool:
        """Return whether the token opens anything at an instant."""
        return now < self.ends_at


class Subscription(models.Model):
    """What a program gets sent as it is recorded: entries as its token may see them, from ``after`` on.

    ``kinds``: empty, every kind; ``stream``: empty, every stream. ``secret`` signs what is sent and is encrypted,
    as is ``old_secret``, which signs too for a day after ``renewed_at``. ``claimed_until``: a worker sends until
    then at most. ``paused``: the receiver wants no more, or the ledger ends before ``after``; ``error`` says which,
    or why the last try failed.
    """

    name = models.CharField(max_length=100, unique=True)
    token = models.ForeignKey(Token, on_delete=models.PROTECT)
    url = models.CharField(max_length=500)
    kinds = models.JSONField(default=list)
    stream = models.CharField(max_length=64, blank=True, default="live")
    secret = models.TextField()
    old_secret = models.TextField(blank=True, default="")
    renewed_at = models.DateTimeField(null=True)
    after = models.IntegerField()
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField(default=timezone.now)
    paused = models.BooleanField(default=False)
    attempts = models.IntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class DeadLetter(models.Model):
    """An entry that a receiver refused again and again; ``asked``: it is to be sent once more."""

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="dead_letters")
    seq = models.IntegerField()
    at = models.DateTimeField()
    error = models.CharField(max_length=300)
    asked = models.BooleanField(default=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["subscription", "seq"], name="accounts_dead_letter_once"),)
        ordering = ("seq",)

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.seq}"


class RequestCount(models.Model):
    """How many requests of one user or program were accepted in a minute, by all processes.

    Who it is cannot be read from it; a row goes when its minute is over and another one begins.
    """

    name = models.CharField(max_length=64, primary_key=True)
    began_at = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name[:8]}: {self.count}"
