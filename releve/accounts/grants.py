"""Giving and ending access, each change an entry of the ledger; second factors lost and stored.

One administrator asks for the removal of a lost factor, another allows it: it opens the account to
a holder of its password. Neither is the person concerned, and no one person could act through both
accounts. The command line counts as one person, who stands behind the accounts made there until
they are confirmed. Factors' secrets are encrypted under keys derived from the secret keys.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_removed
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.signals import social_account_added, social_account_removed
from allauth.usersessions.models import UserSession
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.dispatch import receiver
from django.utils import timezone

from releve.accounts.models import (
    AccountAct,
    DirectoryAccount,
    FactorReset,
    Grant,
    GroupRole,
    Subscription,
    Token,
    User,
)
from releve.accounts.notices import announce_account
from releve.accounts.permissions import PROVISIONS, Role, approving_roles
from releve.accounts.two_people import COMMAND_LINE, ROLE, SERVICE_PREFIX, Act, find_tie, list_acts, phrase_tie
from releve.errors import Phrase, ReleveError
from releve.ledger.chain import append, lock_head
from releve.ledger.export import note_act
from releve.network.faults import find_nearest, suggest_fix
from releve.registry.service import list_current_ids

_LONGEST_SUBJECT = 100
_MOST_NAMED = 20
CLOSED, ENDED, REVOKED = "access.close", "access.end", "access.revoke"
"""Acts of the journal: the ``name`` of the account or token, and the ``grant`` that ended, ``by`` whom."""

STREAM = "access"
"""Stream of the ledger that holds who was given what, and who looked behind a pseudonym."""


class AccessError(ReleveError):
    """What was asked cannot be done; the message says what to do instead."""


@dataclass(frozen=True, slots=True)
class RoleRequest:
    """A role to give, for sites or clients where it is held for some, up to its last day."""

    role: str
    sites: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    last_day: date | None = None

    def ends_at(self) -> datetime | None:
        """Return the end of the last day, in UTC."""
        if self.last_day is None:
            return None
        return datetime.combine(self.last_day + timedelta(days=1), time.min, UTC)


def get_account(name: str) -> User:
    try:
        return User.objects.get(username=name)
    except User.DoesNotExist:
        raise AccessError(Phrase("there is no account of the name {0!r}", name)) from None


def check_places(wanted: RoleRequest) -> None:
    """Refuse a site or client that the reference data do not have, with the nearest names.

    Before there are reference data there is nothing to compare with.
    """
    for table, names in (("sites", wanted.sites), ("clients", wanted.clients)):
        known = list_current_ids(table) if names else None
        if known is None:
            continue
        for name in names:
            if name not in known:
                every = Phrase("known: {0}", ", ".join(sorted(known)[:_MOST_NAMED]) or "—")
                fix = suggest_fix(find_nearest(name, known), every)
                raise AccessError(
                    Phrase("the reference data have no site {0!r}: {1}", name, fix)
                    if table == "sites"
                    else Phrase("the reference data have no client {0!r}: {1}", name, fix)
                )


def check_for_people(wanted: RoleRequest) -> None:
    """Refuse what no person may hold, and places as :func:`check_places` does."""
    if wanted.role in PROVISIONS:
        raise AccessError(Phrase("this role is for programs: give it to a token"))
    check_places(wanted)


@transaction.atomic
def give_role(name: str, wanted: RoleRequest, *, by: str, email: str = "", password: str = "") -> tuple[User, bool]:
    """Give a role, making the account when there is none; return it, and whether it was made."""
    check_for_people(wanted)
    user, is_new = _account_for(name, email, password)
    lock_head()  # before its instant, which is compared with those of confirmations
    if is_new:
        AccountAct.objects.create(user=user, kind=AccountAct.MADE, by=by)
    store_grant(user, wanted, by=by)
    return user, is_new


def store_grant(user: User, wanted: RoleRequest, *, by: str, group_role: GroupRole | None = None) -> None:
    """Store a role under the lock of the ledger, with its entry and its announcement."""
    grant = Grant(
        user=user,
        role=wanted.role,
        sites=list(wanted.sites),
        clients=list(wanted.clients),
        starts_at=timezone.now(),
        ends_at=wanted.ends_at(),
        given_by=by,
        group_role=group_role,
    )
    try:
        grant.save()
    except ValidationError as error:
        raise AccessError(join_faults(error)) from error
    body: dict[str, object] = {
        "role": wanted.role,
        "sites": list(wanted.sites),
        "clients": list(wanted.clients),
        "ends_at": None if grant.ends_at is None else grant.ends_at.isoformat(),
    }
    if group_role is not None:
        body["group"] = group_role.group
    record_change("access.given", user, body, by)
    if wanted.role in approving_roles():
        announce_account(user, ROLE, by)


def _account_for(name: str, email: str, password: str) -> tuple[User, bool]:
    known = User.objects.filter(username__iexact=name).first()
    if known is not None:
        if not known.is_active:
            raise AccessError(Phrase("the account {0!r} is closed; its name stays taken", known.username))
        return known, False
    return create_account(name, email, password), True


def create_account(name: str, email: str, password: str = "") -> User:
    """Store an account inside the caller's transaction, which records it; AccessError for what it cannot be.

    No one can open it yet without a password.
    """
    if DirectoryAccount.objects.filter(user_name__iexact=name).exists():
        raise AccessError(Phrase("the name {0!r} is taken, and stays so for the records", name))
    user = User(username=name, email=email)
    try:
        user.set_unusable_password()
        user.full_clean()
        if password:
            validate_password(password, user)
            user.set_password(password)
    except ValidationError as error:
        raise AccessError(join_faults(error)) from error
    if email and EmailAddress.objects.filter(email__iexact=email).exists():
        raise AccessError(Phrase("another account has this e-mail address"))
    user.save()
    if email:
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


@transaction.atomic
def end_grant(grant: Grant, *, by: str) -> None:
    """End a role now, and the tokens that were given by it."""
    now = timezone.now()
    if not grant.is_active_at(now):
        raise AccessError(Phrase("this role is not held now"))
    Grant.objects.filter(pk=grant.pk).update(ends_at=now, ended_by=by)
    note_act(ENDED, name=grant.user.get_username(), grant=grant.pk, by=by)
    record_change("access.ended", grant.user, {"role": grant.role}, by)
    given = Token.objects.filter(given_by=grant.user.get_username(), ends_at__gt=now)
    valid = select_valid_tokens(given, now)
    for token in given:
        if token not in valid:
            revoke_token(token, by=by)


@transaction.atomic
def end_role(name: str, role: str, *, by: str) -> None:
    """End every grant of a role that an account holds now."""
    now = timezone.now()
    running = [row for row in get_account(name).grants.filter(role=role) if row.is_active_at(now)]
    if not running:
        raise AccessError(Phrase("{0!r} does not hold the role {1!r} now", name, role))
    for grant in running:
        end_grant(grant, by=by)


@transaction.atomic
def close_account(name: str, *, by: str) -> None:
    """Close an account: its roles, sessions and tokens end now.

    The name stays taken, for the records.
    """
    user = get_account(name)
    note_act(CLOSED, name=name)
    now = timezone.now()
    for grant in user.grants.all():
        if grant.is_active_at(now):
            end_grant(grant, by=by)
    User.objects.filter(pk=user.pk).update(is_active=False)
    _end_sessions(user)
    record_change("access.closed", user, {}, by)


def select_valid_tokens(tokens: Iterable[Token], now: datetime) -> list[Token]:
    """Return the tokens whose givers have been administrators ever since; one query.

    The command line always is. A role that was ended and given again does not bring a token back.
    """
    tokens = list(tokens)
    names = {token.given_by for token in tokens}
    held: dict[str, list[Grant]] = {}
    offices = Grant.objects.filter(user__username__in=names, role=Role.ADMINISTRATOR)
    for grant in offices.filter(user__is_active=True).select_related("user").order_by("starts_at"):
        held.setdefault(grant.user.get_username(), []).append(grant)
    return [
        token
        for token in tokens
        if token.given_by == COMMAND_LINE or now < _find_end_of_office(held.get(token.given_by, ()), token.given_at)
    ]


def _find_end_of_office(grants: Iterable[Grant], since: datetime) -> datetime:
    """Return until when grants, in the order of their starts, follow each other without a gap."""
    for grant in grants:
        if grant.starts_at <= since and grant.to_held_role() is not None:
            since = max(since, grant.ends_at or datetime.max.replace(tzinfo=UTC))
    return since


@transaction.atomic
def revoke_token(token: Token, *, by: str) -> None:
    """End a program's token now."""
    now = timezone.now()
    if not Token.objects.filter(pk=token.pk, ends_at__gt=now).update(ends_at=now, ended_by=by):
        raise AccessError(f"the token {token.name!r} opens nothing any more")
    note_act(REVOKED, name=token.name)
    body = {"token": token.name, "actor": by}
    append("access.token_ended", body, recorded_at=now, stream=STREAM)


@transaction.atomic
def remove_factors(user: User, *, by: str) -> None:
    """Remove the second factors of a user who lost them, and end the sessions."""
    lock_head()
    Authenticator.objects.filter(user=user).delete()
    AccountAct.objects.create(user=user, kind=AccountAct.FACTORS, by=by)
    note_open_entry(user)
    _end_sessions(user)
    record_change("access.factors_forgotten", user, {}, by)
    announce_account(user, AccountAct.FACTORS, by)


@receiver(authenticator_removed)
@transaction.atomic
def note_open_entry(user: User, **_sent: object) -> None:
    """Note that the service which an account is connected to signs in to it, while no second factor is asked.

    Its administrators could act through the account then, which is a hand in it.
    """
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    if Authenticator.objects.filter(user=user, type__in=kinds).exists():
        return
    lock_head()
    for provider in SocialAccount.objects.filter(user=user).values_list("provider", flat=True):
        AccountAct.objects.create(user=user, kind=AccountAct.ENTRY, by=SERVICE_PREFIX + provider)


def create_password_key(user: User) -> dict[str, str]:
    """Return the key with which a password can be chosen: once, within three days.

    ``uidb36`` and ``key`` are the arguments of allauth's address for it.
    """
    return {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}


@transaction.atomic
def show_password_key(user: User, *, by: str) -> dict[str, str]:
    """Return such a key to be shown: its reader could use the account, which is recorded."""
    lock_head()
    AccountAct.objects.create(user=user, kind=AccountAct.LINK, by=by)
    record_change("access.link_shown", user, {}, by)
    announce_account(user, AccountAct.LINK, by)
    return create_password_key(user)


def record_mailed_link(user: User, *, by: str = "") -> None:
    """Record that a link to choose a password is mailed to the address of an account.

    The owner asked for it unless ``by`` did.
    """
    record_change("access.link_mailed", user, {}, by or user.get_username())


def record_change(
    kind: str, user: User, body: Mapping[str, object], by: str, personal: Mapping[str, object] | None = None
) -> None:
    """Record a change of a user's access; the name can be erased, the entry stays."""
    name = user.get_username()
    append(
        kind,
        {**body, "user": name, "actor": by},
        personal={"user": name, **(personal or {})},
        subject=user_subject(name),
        stream=STREAM,
        recorded_at=timezone.now(),
    )


@receiver(social_account_added)
def record_connection(sociallogin: SocialLogin, **_sent: object) -> None:
    """Record that an account was connected to the sign-in service; without the entry it is not."""
    account = sociallogin.account
    try:
        record_change("access.connected", account.user, {"service": account.provider}, account.user.get_username())
        note_open_entry(account.user)
    except BaseException:
        account.delete()
        raise


@receiver(social_account_removed)
def record_disconnection(socialaccount: SocialAccount, **_sent: object) -> None:
    """Record that an account was disconnected from the sign-in service."""
    user = socialaccount.user
    record_change("access.disconnected", user, {"service": socialaccount.provider}, user.get_username())


def user_subject(name: str) -> str:
    """Return what the ledger files an account's values under; a digest of a name that is long."""
    if len(name) <= _LONGEST_SUBJECT:
        return f"user:{name}"
    return f"user:sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def _end_sessions(user: User) -> None:
    for session in UserSession.objects.filter(user=user):
        session.end()


def join_faults(error: ValidationError) -> str:
    return " ".join(error.messages)


_OPEN = timedelta(days=1)
_SHORTEST_REASON = 10


@dataclass(frozen=True, slots=True)
class ResetLine:
    """A request that waits; ``obstacle``: why its reader cannot allow it, empty where they can."""

    number: int
    name: str
    asked_by: str
    asked_at: datetime
    reason: str
    obstacle: str


def list_resets_for(by: str) -> tuple[ResetLine, ...]:
    """Return the requests that wait, the newest first, as one person may allow them."""
    acts = list_acts()
    return tuple(
        ResetLine(
            row.pk,
            row.user.get_username(),
            row.asked_by,
            row.asked_at,
            row.reason,
            "" if obstacle is None else obstacle.args[0],
        )
        for row in list_open_resets()
        for obstacle in [_find_obstacle(row, by, acts)]
    )


def list_open_resets() -> QuerySet[FactorReset]:
    """Return the requests that wait for a second person, the newest first."""
    since = timezone.now() - _OPEN
    return FactorReset.objects.select_related("user").filter(approved_by="", asked_at__gte=since)


@transaction.atomic
def request_reset(user: User, reason: str, *, by: str) -> FactorReset:
    """Ask that the second factors of a user be removed, saying how the person was recognised."""
    if by == user.get_username():
        raise AccessError(Phrase("another administrator has to ask for it"))
    if not user.is_active:
        raise AccessError(Phrase("the account {0!r} is closed", user.get_username()))
    reason = reason.strip()
    if len(reason) < _SHORTEST_REASON:
        raise AccessError(Phrase("reason must have at least {0} characters", _SHORTEST_REASON))
    if list_open_resets().filter(user=user).exists():
        raise AccessError(Phrase("it has been asked already: another administrator allows it"))
    reset = FactorReset.objects.create(user=user, asked_by=by, reason=reason, asked_at=timezone.now())
    record_change("access.factors_asked", user, {"reset": reset.pk}, by, {"reason": reason})
    return reset


def _find_obstacle(reset: FactorReset, by: str, acts: Sequence[Act]) -> AccessError | None:
    """Return why this person cannot allow a request; None where they can."""
    if by == reset.user.get_username():
        return AccessError(Phrase("another administrator has to allow it"))
    if by == reset.asked_by:
        return AccessError(Phrase("it takes two people: another person has to allow it"))
    tie = find_tie(acts, by, reset.asked_by, other_acted_at=reset.asked_at)
    return None if tie is None else AccessError(phrase_tie(tie))


@transaction.atomic
def approve_reset(reset: FactorReset, *, by: str) -> None:
    """Allow what another person has asked: the factors and the sessions of the user end now."""
    lock_head()
    found = list_open_resets().select_for_update(of=("self",)).filter(pk=reset.pk).first()
    if found is None:
        raise AccessError(Phrase("it was allowed, or asked more than a day ago: ask again"))
    obstacle = _find_obstacle(found, by, list_acts())
    if obstacle is not None:
        raise obstacle
    found.approved_by = by
    found.save(update_fields=["approved_by"])
    AccountAct.objects.create(user=found.user, kind=AccountAct.FACTORS, by=found.asked_by)
    remove_factors(found.user, by=by)


_ENCRYPTED = ("secret", "seed", "migrated_codes")
"""Fields of a factor that allauth hands to its adapter to encrypt."""


def build_factor_box(secrets: Sequence[str]) -> MultiFernet:
    """Return the box that encrypts under the first secret key and decrypts under all of them."""
    return MultiFernet([Fernet(_derive_key(secret)) for secret in secrets])


def count_unreadable_factors(secrets: Sequence[str]) -> int:
    """Return how many factors none of the secret keys decrypts."""
    box, lost = build_factor_box(secrets), 0
    for data in Authenticator.objects.values_list("data", flat=True):
        for value in (data.get("secret"), data.get("seed")):
            try:
                box.decrypt(value.encode() if value else box.encrypt(b""))
            except InvalidToken:
                lost += 1
    return lost


def encrypt_factors_again(secrets: Sequence[str]) -> int:
    """Encrypt every factor under the first secret key; return how many could not be read.

    Those are left as they are. The secrets of subscriptions are encrypted again with them.
    """
    box, lost = build_factor_box(secrets), 0

    def turn(value: Any) -> Any:
        if isinstance(value, list):
            return [turn(item) for item in value]
        return box.rotate(value.encode()).decode()

    for factor in Authenticator.objects.select_for_update():
        held = {name: factor.data[name] for name in _ENCRYPTED if factor.data.get(name)}
        try:
            factor.data |= {name: turn(value) for name, value in held.items()}
        except InvalidToken:
            lost += 1
        else:
            factor.save(update_fields=["data"])
    for row in Subscription.objects.select_for_update():
        with suppress(InvalidToken):
            row.secret, row.old_secret = turn(row.secret), turn(row.old_secret) if row.old_secret else ""
            row.save(update_fields=["secret", "old_secret"])
    return lost


def _derive_key(secret: str) -> bytes:
    digest = hashlib.blake2b(secret.encode(), digest_size=32, person=b"releve-factors").digest()
    return base64.urlsafe_b64encode(digest)
