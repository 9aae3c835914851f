"""Messages to clients: drafted with cause and state, one for several reliefs, sent as each client's setting says."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from releve.ledger import chain as ledger
from releve.live import api as live
from releve.live.client_news import SETTLING, find_promises, follow_client_news, hold_drafts
from releve.live.models import ClientSetting, Message
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def news(scenario: Scenario, client: str = "") -> list[Message]:
    rows = Message.objects.filter(stream=scenario.stream, role="client").order_by("relief_id", "number")
    return list(rows.filter(who=client) if client else rows)


def list_letters(scenario: Scenario) -> list[str]:
    return [one["text"] for one in scenario.outbox if "Continuité" in one["subject"]]


def set_all(scenario: Scenario, mode: str, minutes: int = 10) -> None:
    for client in scenario.operator.clients:
        live.store_setting(client.id, mode, minutes, by="tests")


def find_concerned(scenario: Scenario) -> str:
    """Return a client that the first site serves."""
    return next(row.who for row in news(scenario) if row.about["lost"])


def test_by_default_a_message_waits_ten_minutes_and_says_cause_state_and_next_news(scenario: Scenario) -> None:
    scenario.two_positives()
    scenario.work()
    assert news(scenario)
    assert all(row.held == "draft" for row in news(scenario))
    assert list_letters(scenario) == []
    scenario.later(minutes=9)
    scenario.work()
    assert list_letters(scenario) == []
    scenario.later(minutes=1)
    scenario.work()
    texts = list_letters(scenario)
    assert len(texts) == len(news(scenario))
    said = next(text for text in texts if "indisponible" in text)
    assert f"Le site {scenario.operator.sites[0].name} est indisponible\u202f: fermé par la règle en vigueur." in said
    assert "Prochaines nouvelles\u00a0: au plus tard le 30/11/2026 à 11 h 5" in said
    assert not any("positif" in text or "cas" in text.split() for text in texts)
    for row in news(scenario):
        assert row.about["elsewhere"] is not bool(row.about["lost"])
        letter = live.find_letter(row.token, "fr")
        assert letter is not None
        assert ("Un site de votre prestataire est indisponible." in letter.text) is row.about["elsewhere"]
        assert ("Prochain retour à une couverture complète" in letter.text) is (row.about["back"] is not None)


def test_a_message_and_its_draft_say_whom_a_client_calls_where_the_operator_says_it(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEVE_CLIENT_CONTACT", "Nadia Benali, +33 1 00 00 00 01")
    set_all(scenario, "approval")
    scenario.two_positives()
    scenario.work()
    (draft, *_), _sent = live.list_client_letters(scenario.stream, "fr")
    assert "Votre contact\u00a0: Nadia Benali, +33 1 00 00 00 01." in draft.text
    letter = live.find_letter(news(scenario)[0].token, "fr")
    assert letter is not None
    assert letter.number == "+33100000001"
    monkeypatch.delenv("RELEVE_CLIENT_CONTACT")
    (draft, *_), _sent = live.list_client_letters(scenario.stream, "fr")
    assert "Votre contact" not in draft.text


def test_several_reliefs_are_one_message_with_the_last_state(scenario: Scenario) -> None:
    scenario.close(scenario.operator.sites[0].id)
    scenario.work()
    first = {row.who: row.release_at for row in news(scenario)}
    scenario.later(minutes=4)
    scenario.power(scenario.operator.sites[1].id)
    scenario.work()
    waiting = [row for row in news(scenario) if not row.replaced]
    assert len({row.who for row in waiting}) == len(waiting)
    assert all(row.release_at == first[row.who] for row in waiting if row.who in first), "the timer goes on"
    scenario.later(minutes=6)
    scenario.work()
    texts = list_letters(scenario)
    assert len(texts) == len([row for row in waiting if row.who in first])
    assert any("coupure de courant" in text and "à cause d’un incident" in text for text in texts)


def test_what_is_back_before_a_message_went_is_no_message(scenario: Scenario) -> None:
    scenario.power(scenario.site)
    scenario.work()
    assert news(scenario)
    scenario.later(minutes=2)
    scenario.power(scenario.site, up=True)
    scenario.work()
    held = live.compute_coverage(scenario.stream)
    assert held is not None
    short = {row.client for row in held.clients if row.state not in ("held", "unknown")}
    scenario.later(minutes=30)
    scenario.work()
    assert {row.who for row in news(scenario) if row.channel} <= short


def test_at_once_is_at_once_and_then_at_most_every_quarter_of_an_hour(scenario: Scenario) -> None:
    set_all(scenario, ClientSetting.AT_ONCE)
    scenario.close(scenario.operator.sites[0].id)
    scenario.work()
    assert len(list_letters(scenario)) == len(news(scenario)) > 0
    client = find_concerned(scenario)
    for minutes, site in ((5, 1), (5, 2)):
        scenario.later(minutes=minutes)
        scenario.power(scenario.operator.sites[site].id)
        scenario.work()
    sent = [row for row in news(scenario, client) if row.channel]
    assert len(sent) == 1
    scenario.later(minutes=5)
    scenario.work()
    assert len([row for row in news(scenario, client) if row.channel]) == 2


def test_after_approval_alone_it_waits_for_a_person_whose_sentence_it_says(scenario: Scenario) -> None:
    set_all(scenario, ClientSetting.APPROVAL)
    scenario.close()
    scenario.work()
    scenario.later(hours=3)
    scenario.work()
    assert list_letters(scenario) == []
    (draft, *_) = [row for row in news(scenario) if row.about["lost"] and not row.replaced]
    live.approve_draft(scenario.stream, str(draft.pk), "Nous vous appelons à midi.", by="samira")
    scenario.work()
    (text,) = list_letters(scenario)
    assert "Nous vous appelons à midi." in text
    found = Message.objects.get(pk=draft.pk)
    assert (found.released_by, found.held) == ("samira", "")
    bodies = [row.body for row in ledger.iter_entries(scenario.stream) if row.kind == "client.approved"]
    assert [(row["client"], row["by"]) for row in bodies] == [(draft.who, "samira")]
    with pytest.raises(live.NoSuch):
        live.approve_draft(scenario.stream, str(draft.pk), "", by="samira")


def test_a_draft_that_a_person_holds_stays_held_when_a_relief_changes_it(scenario: Scenario) -> None:
    scenario.close(scenario.operator.sites[0].id)
    scenario.work()
    draft = next(row for row in news(scenario) if row.about["lost"])
    live.stop_draft(scenario.stream, str(draft.pk), "Pas encore.", by="samira")
    scenario.power(scenario.operator.sites[1].id)
    scenario.work()
    scenario.later(hours=1)
    scenario.work()
    (newest,) = [row for row in news(scenario, draft.who) if not row.replaced]
    assert (newest.held, newest.about["sentence"]) == ("stopped", "Pas encore.")
    assert not newest.channel


def test_promised_news_come_though_no_relief_follows(scenario: Scenario) -> None:
    scenario.close()
    scenario.work()
    scenario.later(minutes=10)
    scenario.work()
    first = next(row for row in news(scenario) if row.about["lost"] and row.channel)
    promised = datetime.fromisoformat(first.about["next"])
    assert promised - live.now(scenario.stream) > timedelta(minutes=59)
    scenario.later(minutes=50)
    scenario.work()
    (draft,) = [row for row in news(scenario, first.who) if not row.replaced]
    assert (draft.number, draft.held, draft.release_at) == (1, "draft", promised)
    scenario.later(minutes=11)
    scenario.work()
    assert Message.objects.get(pk=draft.pk).channel
    assert find_promises(scenario.stream)[first.who] > promised


def test_a_client_hears_that_all_is_back_after_the_last_shift(scenario: Scenario) -> None:
    set_all(scenario, ClientSetting.AT_ONCE)
    scenario.power(scenario.site)
    scenario.work()
    client = find_concerned(scenario)
    assert news(scenario, client)[-1].about["next"]
    scenario.later(hours=10)
    scenario.work()
    at = live.now(scenario.stream)
    assert scenario.people_at(scenario.site) == set()
    scenario.power(scenario.site, up=True)
    scenario.work()
    scenario.later(hours=1)
    scenario.work()
    last = news(scenario, client)[-1]
    assert last.channel
    assert last.release_at is not None
    assert last.release_at >= at
    assert not last.about["lost"]
    assert client not in find_promises(scenario.stream)


def test_a_draft_whose_loss_is_over_does_not_go_though_no_relief_replaced_it(scenario: Scenario) -> None:
    scenario.power(scenario.site)
    scenario.work()
    client = find_concerned(scenario)
    scenario.power(scenario.site, up=True)
    follow_client_news(scenario.stream)
    scenario.later(minutes=10)
    follow_client_news(scenario.stream)
    (draft,) = news(scenario, client)
    assert draft.replaced or not draft.about["lost"]


def test_figures_that_read_the_same_are_no_news_and_the_timer_settles_too(scenario: Scenario) -> None:
    scenario.power(scenario.site)
    scenario.work()
    scenario.later(minutes=10)
    scenario.work()
    client = find_concerned(scenario)
    (sent,) = news(scenario, client)
    assert sent.release_at is not None
    same = Message(stream=sent.stream, relief=sent.relief, kind="client", role="client", who=client)
    same.about = {**sent.about, "until": "2026-12-24T00:00:00+00:00", "worst_at": None, "next": ""}
    if sent.about["worst"] is not None:
        same.about["worst"] = sent.about["worst"] - 1e-6
    assert hold_drafts(scenario.stream, [same]) == []
    same.about |= {"lost": []}
    live.store_setting(client, ClientSetting.TIMER, 5, by="tests")
    assert hold_drafts(scenario.stream, [same]) == [same]
    assert (same.held, same.release_at) == ("draft", sent.release_at + SETTLING)
    Message.objects.filter(pk=sent.pk).update(sent_at=None, channel="")
    same.about = dict(sent.about)
    assert hold_drafts(scenario.stream, [same]) == [same], "what never went was not said"
