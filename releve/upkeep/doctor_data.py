"""Checks of what the database holds, against the keys, the clock and the settings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Max
from django.utils import timezone

from releve import environment
from releve.accounts.confirmations import are_two_administrators, list_confirmations
from releve.accounts.grants import count_unreadable_factors, select_valid_tokens
from releve.accounts.models import Grant, Token
from releve.accounts.permissions import Role
from releve.accounts.reidentification import check_names
from releve.accounts.tokens import SECRET_NAME as SECRET
from releve.accounts.tokens import compute_check
from releve.ledger.chain import read_head
from releve.ledger.keys import list_keys, stored_key_check
from releve.ledger.models import LedgerEntry
from releve.ledger.rollback import compare_with_marks
from releve.ledger.roots import load_last_root
from releve.ledger.witnesses import list_witnesses
from releve.live import api as live
from releve.live.clock import read_clock
from releve.live.errors import LiveError
from releve.live.models import Contact, DailyRun
from releve.live.outside import find_overdue_documents
from releve.live.self_test import OLDEST_SELF_TEST
from releve.live.worker_health import read_worker_health
from releve.network import zone
from releve.registry.service import list_current_ids
from releve.situation import ClosureRule
from releve.upkeep.findings import Examination, Finding, fault, warning
from releve.upkeep.migrations import check_database, read_migration_state, refuse_lost_database

MOST_SKEW = timedelta(seconds=2)
_WORKER_FIXES = {
    "disk": "free some space",
    "clock": "set the clock right or, if it is right, start `releve live work` again",
    "compiling": "wait until it is done; `releve warm` before a start does it beforehand",
}


def check_migrations(asked: Examination) -> Iterator[Finding]:
    """The tables are those of this program, and of this installation."""
    state = read_migration_state()
    if state.empty:
        refuse_lost_database()
        yield fault("migrations", "the database is empty", "run `releve init`")
    elif state.unknown:
        yield fault(
            "migrations",
            f"the database is newer than this program ({', '.join(state.unknown)})",
            "install that version, or restore the backup made before its migration",
        )
    elif state.pending:
        yield fault(
            "migrations",
            f"{len(state.pending)} migrations are missing, {state.pending[0]} first",
            "stop the other processes, then run `releve migrate --backup FILE`",
        )
    else:
        check_database()


def check_keys(asked: Examination) -> Iterator[Finding]:
    """Each key is there, and the one that the rows beside it were written with."""
    secret = environment.load_or_create_secret(asked.environ, "RELEVE_SECRET_KEY")
    for name, file, found in (
        *((key.name, key.file, key.find()) for key in list_keys()),
        (SECRET, environment.SECRET_FILE, compute_check(secret) if secret else None),
    ):
        stored = stored_key_check(name)
        if found is None:
            yield fault(
                "keys",
                f"{file} is missing",
                f"restore it from its copy to {asked.home / file}" if stored else "run `releve init`, which makes it",
            )
        elif stored is not None and stored != found:
            yield fault(
                "keys",
                f"{file} is not the key that the database was written with",
                f"restore it from its copy to {asked.home / file}",
            )
    lost = count_unreadable_factors([settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])
    if lost:
        yield fault(
            "keys",
            f"{lost} second factors cannot be read with this secret key",
            "set RELEVE_SECRET_KEY_OLD to the one before, or reset the factors of those people",
        )
    check_names()


def check_clock(asked: Examination) -> Iterator[Finding]:
    """This machine's clock agrees with the database's, and no entry is from tomorrow."""
    before, database = timezone.now(), read_clock()
    skew = abs(database - (before + (timezone.now() - before) / 2))
    if skew > MOST_SKEW:
        yield fault(
            "clock",
            f"this machine and the database differ by {skew.total_seconds():.0f} s",
            "run a time service (chrony, systemd-timesyncd) on both",
        )
    real = LedgerEntry.objects.exclude(stream__startswith="drill:")  # whose clock may be ahead
    last = real.aggregate(last=Max("recorded_at"))["last"]
    if last is not None and datetime.fromisoformat(last) > asked.now + MOST_SKEW:
        yield fault(
            "clock",
            f"an entry of the ledger is from {last}, which is yet to come",
            "set this machine's clock right: it was ahead, or is behind now",
        )


def check_administrators(asked: Examination) -> Iterator[Finding]:
    """There are the two people that some acts take."""
    running = {
        row.user_id
        for row in Grant.objects.filter(role=Role.ADMINISTRATOR, user__is_active=True)
        if row.is_active_at(asked.now)
    }
    if len(running) < 2:
        yield warning(
            "administrators",
            f"{len(running) or 'no'} administrator: pseudonyms and lost factors take two",
            "releve desk user add NAME --role administrator",
        )
    elif not are_two_administrators():
        yield warning(
            "administrators",
            "one person could act as any two administrators: nothing that takes two can be done",
            "releve desk user declare NAME NAME, where both have signed in",
        )
    elif waiting := len(list_confirmations("")):
        yield warning(
            "administrators",
            f"accounts that may approve and are not confirmed: {waiting}; their approval is refused"
            " beside that of a person with access to them",
            "confirm them on the page People",
        )
    unexpired = list(Token.objects.filter(ends_at__gt=asked.now))
    valid = {token.pk for token in select_valid_tokens(unexpired, asked.now)}
    ended = sorted(token.name for token in unexpired if token.pk not in valid)
    if ended:
        yield warning(
            "administrators",
            f"tokens whose giver is not an administrator any more open nothing: {', '.join(ended)}",
            "give each program a token of another name (`releve desk token add`), and end the old"
            " one (`releve desk token revoke`)",
        )


def check_role_places(asked: Examination) -> Iterator[Finding]:
    """Roles and tokens are for sites and clients that the reference data have."""
    known = list_current_ids("sites"), list_current_ids("clients")
    if known[0] is None or known[1] is None:
        return
    grants = Grant.objects.filter(user__is_active=True).select_related("user")
    rows: list[Grant | Token] = [*grants, *Token.objects.all()]
    for row in rows:
        if row.is_active_at(asked.now) and row.to_held_role() is not None:
            gone = sorted({*row.sites} - known[0] | {*row.clients} - known[1])
            if gone:
                yield warning(
                    "roles",
                    f"{row} is for {', '.join(gone)}, which the reference data do not have",
                    "end it on the page People, and give it again for what is meant",
                )


def check_channels(asked: Examination) -> Iterator[Finding]:
    """Every channel that a contact uses can be sent by."""
    try:
        live.check_channels()
    except LiveError as error:
        yield fault("channels", " ".join(str(error).split()), "the worker does not start until it is mended")


def check_self_test(asked: Examination) -> Iterator[Finding]:
    """Where messages to oneself are asked for, the last night's came; without, no night says that a way is broken."""
    asked_for = live.read_self_test()
    if not asked_for:
        if Contact.objects.exists():
            says = "no message tries the channels at night: one that is broken is known at the next closure"
            yield warning("selftest", says, "set RELEVE_SELF_TEST to addresses of yours")
        return
    last = live.find_last_self_tests()
    for channel in asked_for:
        runs = DailyRun.objects.filter(tried_at__lt=asked.now - OLDEST_SELF_TEST).exists()
        if asked.now - last.get(channel, asked.now - OLDEST_SELF_TEST) >= OLDEST_SELF_TEST and runs:
            yield fault("selftest", f"no message to oneself went by {channel} for two days", "see *Now* and its cause")


def check_contacts(asked: Examination) -> Iterator[Finding]:
    """Everyone in the reference data can be reached by a message."""
    try:
        missing = live.count_missing_addresses(live.operator_now())
    except live.NoOperator:
        return
    if any(missing.values()):
        says = ", ".join(f"{role}s: {count}" for role, count in missing.items() if count)
        yield warning(
            "contacts",
            f"no message reaches those who have no address ({says})",
            "import their addresses with `releve live contacts FILE`",
        )


def check_replies(asked: Examination) -> Iterator[Finding]:
    """Answers that messages promise are taken, and no service holds messages back at night."""
    promised = live.list_promised()
    for name in promised:
        if name == live.MAIL:
            if missing := live.find_mail_fault():
                yield fault(
                    "replies",
                    f"answers by mail are promised, and {missing}",
                    "set it, or take mail out of RELEVE_REPLIES",
                )
        elif not live.read_reply_secret(name):
            setting = live.name_secret(name)
            yield fault(
                "replies",
                f"answers by {name} are promised, and {setting} is not set: each is refused",
                f"set {setting} to the secret of the gateway, or take {name} out of RELEVE_REPLIES",
            )
    for name in live.GATEWAYS:
        if name not in promised and live.read_reply_secret(name):
            yield warning(
                "replies",
                f"{live.name_secret(name)} is set, and answers by {name} are refused",
                f"add {name} to RELEVE_REPLIES",
            )
    if "twilio" in promised and not settings.DESK_URL_IS_SET:
        says = "twilio signs the address that it posts to, and RELEVE_URL is not set: each answer is refused"
        yield fault("replies", says, "set RELEVE_URL to the address that the gateway posts to")
    national = live.count_national_numbers() if set(promised) - {live.MAIL} else 0
    if national:
        yield warning(
            "replies",
            f"numbers in no international form, whose answers are not matched: {national}",
            "write them as +212… in the file of contacts",
        )
    quiet = live.find_quiet_hours()
    held = live.count_held_at_night() if quiet else 0
    if held:
        yield warning(
            "replies",
            f"the message service holds messages back ({quiet}), and it alone reaches agents: {held}",
            "have the gateway send at any hour (OVH: noStopClause=true) and say RELEVE_APPRISE_QUIET=none, "
            "or give these agents a further address",
        )


def check_rota(asked: Examination) -> Iterator[Finding]:
    """Where there is an on-call rota, a person is on call in the weeks ahead and has an address."""
    try:
        live.read_office_hours()
    except ValueError as error:
        yield fault("rota", f"RELEVE_OFFICE_HOURS: {error}", "write it like 'Mon-Sat 07:00-21:00'")
        return
    try:
        gaps = live.list_gaps(live.operator_now(), asked.now)
    except live.NoOperator:
        return
    if gaps:
        weeks = ", ".join(f"{monday:%G-W%V}" for monday in gaps)
        yield warning("rota", f"a site has no person on call in {weeks}", "add them on the page On call")
    if names := live.list_without_address(asked.now):
        yield warning(
            "rota",
            f"no alert reaches {', '.join(names)}",
            "import their addresses with the role lead: `releve live contacts FILE`",
        )


def check_closure_rules(asked: Examination) -> Iterator[Finding]:
    """Cases close a site by themselves: by a pack that was chosen, or by a rule of the house."""
    try:
        sites = live.operator_now().sites
    except live.NoOperator:
        return
    rules = live.rules_now()
    lacking = [
        site.id
        for site in sites
        if not rules.in_force(ClosureRule, asked.now.astimezone(zone(site.time_zone)).date(), site)
    ]
    if lacking:
        yield warning(
            "closure",
            f"no rule closes {len(lacking)} of {len(sites)} sites today, whatever cases are declared there",
            "if one should, choose a pack of rules with `releve live rules choose`",
        )


def check_worker(asked: Examination) -> Iterator[Finding]:
    """A worker runs, and no effect waits for one."""
    health = read_worker_health(asked.now)
    if health.alarm == "ledger":
        return  # the check of the ledger says more
    if health.alarm:
        since = "" if health.since is None else f" since {health.since:%Y-%m-%d %H:%M} UTC"
        fix = _WORKER_FIXES.get(health.alarm, "start `releve live work`")
        yield fault("worker", f"{health.alarm}{since}", fix)
    elif health.beat_at is None:
        yield warning("worker", "none ever ran", "start `releve live work`")


def _commits_wait() -> bool:
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        return bool(cursor.fetchone()[0] != "off")


def check_ledger(asked: Examination) -> Iterator[Finding]:
    """The database has all that left its ledger; what was recorded is sealed, and leaves."""
    standing = compare_with_marks()
    if standing.fault:
        yield fault("ledger", standing.problem, standing.fix)
    for note in standing.notes:
        yield fault("ledger", note, "see to the folder, and run this again")
    head, root = read_head(), load_last_root()
    sealed = root.size if root else 0
    old = LedgerEntry.objects.filter(seq=sealed + 1).values_list("recorded_at", flat=True).first()
    if head.seq > sealed and old is not None:
        waiting = asked.now - datetime.fromisoformat(old)
        if waiting > timedelta(days=2):
            yield fault(
                "ledger",
                f"entry {sealed + 1} has been under no root for {waiting.days} days",
                "let `releve live work` run, or run `releve ledger seal` each day",
            )
    overdue = find_overdue_documents(asked.now)
    if overdue:
        yield fault(
            "ledger",
            f"{len(overdue)} documents have no receipt, {overdue[0]} first",
            "see that what RELEVE_OUTSIDE names can be reached",
        )
    if not _commits_wait():
        yield fault(
            "ledger",
            "PostgreSQL acknowledges commits before they are on its disk: a power cut loses some",
            "set synchronous_commit to on for this role and database",
        )
    for witness in list_witnesses():
        if witness.alarm:
            yield fault(
                "ledger",
                f"the witness {witness.url} {witness.alarm}",
                "keep all files, and find out what was restored or rewritten",
            )
    if not settings.OUTSIDE:
        yield warning(
            "ledger",
            "roots stay on this disk, where they prove nothing",
            "set RELEVE_OUTSIDE to a folder, address or mailbox of another party",
        )
