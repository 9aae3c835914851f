"""A path out of the house that fails for half a minute reaches the person on call by another channel."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db.models import F

from releve.ledger.account_names import give_pseudonym
from releve.live import api as live
from releve.live import clock, effect_queue, outside, path_faults, worker_health
from releve.live.effect_queue import OUTSIDE, EffectOutcome, NewEffect, RetryLater, queue_effects
from releve.live.models import Contact, Effect, OnCall
from releve.live.path_faults import EVERY_PATH, FAILING_AFTER, find_path_faults, follow_path_faults
from releve.live.quiet import find_rest
from releve.live.worker import run_until_idle
from releve.live.worker_health import InstallationCollector, check_readiness
from releve.routing import Unreachable
from tests.live.scenario import Scenario
from tests.live.smtp import mail_server

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def on_call(living: Scenario, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    """The live stream; one person on call with mail first, then a folder; people with mail; no server answers."""
    for module in (path_faults, worker_health):
        monkeypatch.setattr(module, "real_now", clock.real_now)
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    settings.DEFAULT_FROM_EMAIL, settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = "releve@example.org", False, False
    give_pseudonym("samira")
    at = clock.real_now()
    OnCall.objects.create(start=at - timedelta(days=1), end=at + timedelta(days=8), led_by="samira")
    for rank, (channel, address) in enumerate((("email", "samira@example.org"), ("file", "samira-phone")), 1):
        Contact.objects.create(role="lead", who="samira", rank=rank, channel=channel, address=address, language="en")
    people = [row.agent for row in living.plans[0].placements]
    Contact.objects.bulk_create(
        Contact(role="agent", who=who, rank=1, channel="email", address="a@example.org", language="fr")
        for who in dict.fromkeys(people)
    )
    return living


def letters() -> list[dict[str, str]]:
    return [json.loads(path.read_text("utf-8")) for path in (django_settings.HOME / "outbox").glob("fault-*.json")]


def age(seconds: float) -> None:
    span = timedelta(seconds=seconds)
    Effect.objects.update(made_at=F("made_at") - span, done_at=F("done_at") - span)


def read_metric(path: str) -> float:
    (family,) = (one for one in InstallationCollector().collect() if one.name == "releve_path_failing_seconds")
    return next(sample.value for sample in family.samples if sample.labels["path"] == path)


def test_broken_mail_in_a_closure_reaches_the_person_on_call_by_another_channel_once(
    on_call: Scenario, caplog: pytest.LogCaptureFixture
) -> None:
    on_call.close()
    on_call.work()
    assert path_faults.filter_failing().exists()
    assert letters() == [], "it has failed for seconds"
    assert check_readiness().failing == ()
    age(FAILING_AFTER.total_seconds())
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            follow_path_faults()
    (letter,) = letters()
    assert letter["to"] == "samira-phone"
    assert letter["subject"] == "Fault: mail"
    assert letter["text"].startswith("Mail: nothing has gone out since ")
    assert "/now" in letter["text"]
    assert [row.message for row in caplog.records if "mail fails since" in row.message][1:] == []
    assert check_readiness().failing == ("mail",)
    assert check_readiness().ready, "events have their effects all the same"
    (fault,) = find_path_faults(clock.real_now())
    assert fault.waiting > 1
    assert "the mail server: ConnectionRefusedError" in fault.cause


def test_the_alarm_comes_within_a_minute_and_again_each_hour(on_call: Scenario) -> None:
    waits = FAILING_AFTER + timedelta(seconds=path_faults.FAULT_SECONDS) + timedelta(seconds=1)
    assert waits < timedelta(seconds=60)
    on_call.close()
    on_call.work()
    age(31)
    follow_path_faults()
    age(3599)
    follow_path_faults()
    assert len(letters()) == 1
    age(2)
    follow_path_faults()
    assert len(letters()) == 2


def test_when_mail_is_back_what_waits_goes_at_once_and_the_fault_is_over(on_call: Scenario, settings: Any) -> None:
    on_call.close()
    on_call.work()
    age(31)
    follow_path_faults()
    waiting = path_faults.filter_failing().count()
    Effect.objects.filter(state=Effect.QUEUED).update(next_at=clock.real_now() + timedelta(seconds=50))
    with mail_server() as mails:
        settings.EMAIL_PORT = int(mails.url.rpartition(":")[2])
        assert run_until_idle() == 0, "the waits are long by now"
        first = path_faults.filter_failing().values_list("pk", flat=True)[0]
        Effect.objects.filter(pk=first).update(next_at=clock.real_now())
        run_until_idle()
        run_until_idle()
        assert len(mails.kept) >= waiting
    assert find_path_faults(clock.real_now()) == ()
    assert read_metric("mail") == 0.0
    assert find_rest(0, live.now()) is None, "answers are awaited"


def test_one_address_that_fails_while_others_work_is_no_fault_of_the_path(on_call: Scenario) -> None:
    on_call.close()
    on_call.work()
    age(31)
    done = path_faults.filter_failing()[0].pk
    Effect.objects.filter(pk=done).update(state=Effect.DONE, done_at=clock.real_now(), result={"channel": "email"})
    assert find_path_faults(clock.real_now()) == ()


def test_without_another_channel_or_a_person_on_call_the_log_and_the_metric_say_it(on_call: Scenario) -> None:
    Contact.objects.filter(channel="file").delete()
    on_call.close()
    on_call.work()
    age(31)
    follow_path_faults()
    effect = Effect.objects.get(kind="fault")
    assert effect.result == {"skipped": "no person on call with another channel"}
    assert read_metric("mail") > 30


@pytest.mark.parametrize(
    ("kind", "error", "path"),
    [
        ("publish", Unreachable("the webhook answered 503"), "telephony"),
        ("leave", RetryLater("the folder of RELEVE_OUTSIDE is not there", path="outside"), "outside"),
        ("send", RetryLater("the message service did not take the message", path="sms"), "sms"),
        ("send", RetryLater("the outbox cannot be written", path="outbox"), "outbox"),
    ],
    ids=["telephony", "outside", "sms", "outbox"],
)
def test_every_path_has_its_alarm(
    on_call: Scenario, monkeypatch: pytest.MonkeyPatch, kind: str, error: Exception, path: str
) -> None:
    def fail(effect: Effect) -> EffectOutcome:
        raise error

    on_call.work()
    assert find_rest(0, live.now()) is not None
    monkeypatch.setitem(effect_queue._handlers, kind, fail)
    queue_effects([NewEffect(live.LIVE, OUTSIDE, kind, "one", {"name": "root-1"})])
    run_until_idle()
    age(31)
    assert find_rest(0, live.now()) is None, "it is looked at each five seconds"
    follow_path_faults()
    assert [fault.path for fault in find_path_faults(clock.real_now())] == [path]
    assert read_metric(path) > 30
    alarm = Effect.objects.filter(kind="fault", body__path=path)
    if path == "outbox":  # mail, which fails as well, is the only other way
        assert alarm.get().error == "RetryLater: the mail server: ConnectionRefusedError"
        return
    alarm.update(next_at=clock.real_now())
    run_until_idle()
    (letter,) = letters()
    assert letter["to"] == "samira-phone", "mail was tried first and does not work either"


def test_the_metrics_are_there_while_nothing_fails() -> None:
    assert [read_metric(path) for path in EVERY_PATH] == [0.0] * len(EVERY_PATH)
    (effects,) = (one for one in InstallationCollector().collect() if one.name == "releve_effects")
    assert {tuple(sample.labels.values()): sample.value for sample in effects.samples} == {
        (state, lane): 0 for state in ("queued", "claimed", "aside") for lane in ("decide", "outside")
    }


def test_a_folder_outside_that_is_gone_names_its_path(settings: Any, on_call: Scenario) -> None:
    with pytest.raises(RetryLater) as caught:
        outside._deliver_to_folder(django_settings.HOME / "gone", "root-1", b"")
    assert caught.value.path == "outside"
