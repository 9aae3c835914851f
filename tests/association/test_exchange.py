"""A member and the clerk, from the design to the checked bulletin."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from django.test import Client

from releve.errors import ReleveError
from releve.ledger.models import LedgerEntry
from releve.plugins.sector.association.clerk import (
    list_due_days,
    list_states,
    publish_bulletin,
    publish_design,
    publish_due,
    remake_bulletin,
    wrap_bulletin,
)
from releve.plugins.sector.association.clerk_intake import register_member, revoke_member, take_contribution
from releve.plugins.sector.association.envelopes import AssociationError, Envelope, open_envelope
from releve.plugins.sector.association.exchange import run_member_day
from releve.plugins.sector.association.gate_member import keep_gate, keep_result
from releve.plugins.sector.association.gates import announce_gate, run_clearings, wrap_gate, wrap_result
from releve.plugins.sector.association.keys import load_signing_key, public_keys
from releve.plugins.sector.association.membership import (
    correct_contribution,
    find_due_day,
    keep_bulletin,
    keep_design,
    note_sent,
    prepare_contribution,
    switch_sending,
    wrap_contribution,
)
from releve.plugins.sector.association.models import (
    DayBulletin,
    Membership,
    MonthlyDesign,
    OwnContribution,
    ReceivedContribution,
    ReliefGate,
)
from releve.plugins.sector.engine import ContributionError, SectorError, parse_bulletin, parse_contribution, sign_text
from tests.association.sector_of_seven import DAY, MORNING, OTHERS, OWN, TEN, SectorOfSeven

pytestmark = pytest.mark.database


def list_kinds() -> list[str]:
    return list(LedgerEntry.objects.order_by("seq").values_list("kind", flat=True))


def test_nothing_goes_out_until_it_is_switched_on(
    sector: SectorOfSeven, sent_bytes: list[httpx.Request], set_clock: Callable[[datetime], None]
) -> None:
    set_clock(MORNING)
    run_member_day(MORNING)
    assert sent_bytes == []
    shown = wrap_contribution(prepare_contribution(DAY, MORNING)).content
    assert sent_bytes == []
    switch_sending(True, "jeanne", MORNING)
    run_member_day(MORNING)
    run_member_day(MORNING + timedelta(minutes=1))
    assert [request.content for request in sent_bytes if request.method == "POST"] == [shown]
    assert "contribution.switched_on" in list_kinds()
    assert list_kinds().count("contribution.sent") == 1
    entry = LedgerEntry.objects.get(kind="contribution.sent")
    assert OwnContribution.objects.get().digest in entry.body


def test_the_day_from_contributions_to_the_checked_bulletin(
    sector: SectorOfSeven, sent_bytes: list[httpx.Request], set_clock: Callable[[datetime], None]
) -> None:
    set_clock(MORNING)
    switch_sending(True, "jeanne", MORNING)
    run_member_day(MORNING)
    sector.send_all()
    assert {row.state for row in list_states(DAY)} == {"in"}
    publish_due(TEN - timedelta(seconds=1))
    assert not DayBulletin.objects.exists()
    set_clock(TEN)
    publish_due(TEN)
    row = DayBulletin.objects.get()
    assert remake_bulletin(DAY).text == row.text
    assert "— " in row.checkpoint
    run_member_day(TEN + timedelta(minutes=1))
    assert OwnContribution.objects.get().found == "in"
    bulletin = parse_bulletin(row.text)
    assert bulletin.members == len(bulletin.contributions) == 7
    assert any(cell.value for cell in bulletin.cells)


def test_the_clerk_refuses_by_name_what_cannot_count(sector: SectorOfSeven) -> None:
    sent = sector.make(0)
    forged = Envelope("contribution", sent.text, "0" * 128)
    refusals: list[tuple[Any, str]] = [
        (forged, "signature"),
        (sector.wrap(replace(sent, design="0" * 64)), "panel"),
        (sector.wrap(replace(sent, day=DAY + timedelta(2))), "clock"),
        (sector.wrap(replace(sent, made_at=MORNING + timedelta(days=1))), "clock"),
        (Envelope("contribution", sent.text.replace("contribution 1", "contribution 2"), ""), "version"),
    ]
    for envelope, code in refusals:
        with pytest.raises(ContributionError) as caught:
            take_contribution(envelope, MORNING)
        assert caught.value.code == code
    with pytest.raises(ContributionError) as caught:
        take_contribution(sector.wrap(sent), MORNING, by=OTHERS[1])
    assert caught.value.code == "member"
    assert not ReceivedContribution.objects.exists()


def test_the_same_bytes_count_once_and_other_figures_say_what_they_correct(sector: SectorOfSeven) -> None:
    sent = sector.make(0)
    first = take_contribution(sector.wrap(sent), MORNING)
    assert take_contribution(sector.wrap(sent), MORNING).pk == first.pk
    other = replace(sent, nonce="f" * 64)
    with pytest.raises(ContributionError) as caught:
        take_contribution(sector.wrap(other), MORNING)
    assert caught.value.code == "double"
    take_contribution(sector.wrap(replace(other, corrects=first.digest)), MORNING)
    assert list_states(DAY)[0].state == "corrected"
    assert ReceivedContribution.objects.filter(current=True).count() == 1


def test_a_revoked_key_contributes_no_more_until_a_new_one_is_registered(sector: SectorOfSeven) -> None:
    revoke_member(OTHERS[0], MORNING)
    with pytest.raises(ContributionError) as caught:
        take_contribution(sector.wrap(sector.make(0)), MORNING)
    assert caught.value.code == "revoked"
    with pytest.raises(AssociationError):
        revoke_member(OTHERS[0], MORNING)
    register_member(OTHERS[0], *public_keys(), MORNING)
    with pytest.raises(AssociationError, match="frozen"):
        publish_design("2026-11", "plain", MORNING, {"MA": ("MA",)})


def test_a_late_one_is_refused_and_a_correction_stands_in_the_next_bulletin(sector: SectorOfSeven) -> None:
    sector.send_all(numbers=range(5))
    take_own(sector, DAY)
    publish_bulletin(DAY, TEN)
    with pytest.raises(ContributionError) as caught:
        take_contribution(sector.wrap(sector.make(5)), TEN)
    assert caught.value.code == "late"
    before = ReceivedContribution.objects.get(member=OTHERS[0])
    wrong = parse_contribution(before.text)
    right = replace(wrong, corrects=before.digest, nonce="e" * 64,
                    figures={**wrong.figures, ("agents_on_site", "MA"): 300})  # fmt: skip
    take_contribution(sector.wrap(right), TEN)
    next_day = DAY + timedelta(1)
    sector.send_all(next_day, range(5))
    row = publish_bulletin(next_day, TEN + timedelta(1))
    found = parse_bulletin(row.text).corrections
    assert [(one.day, one.cells) for one in found] == [(DAY, ())]
    assert remake_bulletin(DAY).text == DayBulletin.objects.get(day=DAY).text
    assert remake_bulletin(next_day).text == row.text


def take_own(sector: SectorOfSeven, day: Any) -> OwnContribution:
    keep_design(sector.wrapped_design(), MORNING)
    row = prepare_contribution(day, MORNING)
    take_contribution(wrap_contribution(row), MORNING, by_file=True)
    note_sent(row, "by file", MORNING)
    return row


def test_a_member_finds_a_bulletin_without_it_unsigned_or_second(sector: SectorOfSeven) -> None:
    sector.send_all()
    row = prepare_contribution(DAY, MORNING)
    note_sent(row, "lost on the way", MORNING)
    sent = wrap_bulletin(publish_bulletin(DAY, TEN))
    assert open_envelope(sent.content) == sent
    with pytest.raises(AssociationError, match="not signed"):
        keep_bulletin(replace(sent, signature="0" * 128), TEN)
    with pytest.raises(AssociationError, match="proof"):
        keep_bulletin(replace(sent, beside={}), TEN)
    keep_bulletin(sent, TEN)
    assert OwnContribution.objects.get().found == "absent"
    DayBulletin.objects.update(digest="0" * 64)  # as if another one had come before
    with pytest.raises(AssociationError, match="second bulletin"):
        keep_bulletin(sent, TEN)
    assert OwnContribution.objects.get().found == "second"


def test_a_second_design_of_a_month_is_refused_by_a_member(sector: SectorOfSeven) -> None:
    keep_design(sector.wrapped_design(), MORNING)
    MonthlyDesign.objects.update(digest="0" * 64)
    with pytest.raises(AssociationError, match="second design"):
        keep_design(sector.wrapped_design(), MORNING)
    Membership.objects.update(clerk_key="0" * 64)
    with pytest.raises(AssociationError, match="not signed"):
        keep_design(sector.wrapped_design(), MORNING)


def test_masked_figures_make_the_same_bulletin_and_open_with_the_whole_panel(db: None, settings: Any) -> None:
    sector = SectorOfSeven.begin("masked")
    own = prepare_contribution(DAY, MORNING)
    assert parse_contribution(own.text).figures == {}
    sector.send_all()
    with pytest.raises(SectorError, match=OWN):
        publish_bulletin(DAY, TEN)
    publish_due(TEN)  # waits, and says so
    take_contribution(wrap_contribution(own), TEN)
    note_sent(own, "", TEN)
    found = parse_bulletin(publish_bulletin(DAY, TEN).text)
    values = {(cell.measure, cell.group): cell.value for cell in found.cells}
    assert values["agents_on_site", "MA"] == 210 * 7 + 7 * 15
    with pytest.raises(AssociationError, match="used once"):
        correct_contribution(DAY, TEN)


def test_the_clerk_answers_members_alone(
    sector: SectorOfSeven, client: Client, set_clock: Callable[[datetime], None]
) -> None:
    set_clock(MORNING)
    content = sector.wrap(sector.make(0)).content
    for secret, status in (("", 401), ("wrong", 401), (sector.secrets[OTHERS[1]], 409),
                           (sector.secrets[OTHERS[0]], 200)):  # fmt: skip
        answer = client.post(
            "/association/contributions", content, content_type="application/json",
            headers={"Authorization": f"Bearer {secret}"},
        )  # fmt: skip
        assert answer.status_code == status
    held = {"Authorization": f"Bearer {sector.secrets[OWN]}"}
    assert client.get("/association/designs/2026-12", headers=held).status_code == 404
    assert client.get("/association/bulletins/2026-11-26", headers=held).status_code == 404
    assert client.get("/association/bulletins/today", headers=held).status_code == 404
    bad = client.post("/association/contributions", b"{}", content_type="application/json", headers=held)
    assert bad.status_code == 422


def ask_often(client: Client, times: int, secret: str, address: str = "192.0.2.7") -> list[int]:
    return [
        client.get("/association/gates", headers={"Authorization": f"Bearer {secret}"}, REMOTE_ADDR=address).status_code
        for _ in range(times)
    ]


def test_members_behind_one_address_do_not_starve_one_another(
    sector: SectorOfSeven, client: Client, set_clock: Callable[[datetime], None]
) -> None:
    set_clock(MORNING)
    busy, quiet = (sector.secrets[name] for name in OTHERS[:2])
    answers = ask_often(client, 40, busy)
    assert answers == sorted(answers)
    assert set(answers) == {200, 429}
    assert ask_often(client, 1, busy, "198.51.100.9") == [429], "a second address gives no more"
    assert ask_often(client, 40, "wrong")[-1] == 429
    assert ask_often(client, 1, "") == [429], "an unknown caller is counted by address"
    assert ask_often(client, 1, "wrong", "198.51.100.9") == [401]
    assert ask_often(client, 1, quiet) == [200]
    set_clock(MORNING + timedelta(minutes=1))
    assert ask_often(client, 1, busy) == [200]


def test_a_day_is_due_on_the_morning_after_by_the_association_clock(sector: SectorOfSeven) -> None:
    assert find_due_day(MORNING) == DAY
    assert find_due_day(datetime(2026, 11, 26, 23, 30, tzinfo=UTC)) == DAY
    assert list_due_days(TEN) == []


def test_a_member_whose_clock_is_a_day_behind_is_missing_until_it_is_right(sector: SectorOfSeven) -> None:
    """It contributes for a day whose bulletin is out; the day that is due waits for it."""
    before = DAY - timedelta(1)
    sector.send_all(before, range(1, 6))
    publish_bulletin(before, TEN - timedelta(1))
    with pytest.raises(ContributionError) as caught:
        take_contribution(sector.wrap(sector.make(0, before)), MORNING)
    assert caught.value.code == "late"
    states = {row.member: row.state for row in list_states(DAY)}
    assert states[OTHERS[0]] == "missing"
    take_contribution(sector.wrap(sector.make(0)), MORNING)
    states = {row.member: row.state for row in list_states(DAY)}
    assert states[OTHERS[0]] == "in"


def test_what_a_clerk_of_another_version_sends_is_refused_by_its_format(sector: SectorOfSeven) -> None:
    """Nothing of it is stored, and the sentence names both formats."""
    sector.send_all()
    notice = announce_gate("g-1", DAY + timedelta(1), TEN, MORNING)
    run_clearings(TEN + timedelta(minutes=15))
    notice.refresh_from_db()
    sent = {
        "design": sector.wrapped_design(),
        "bulletin": wrap_bulletin(publish_bulletin(DAY, TEN)),
        "gate": wrap_gate(notice),
        "result": wrap_result(notice, OWN),
    }
    for what, envelope in sent.items():
        form = str(json.loads(envelope.text)["format"])
        newer = envelope.text.replace(form, form[:-1] + "9")
        signed = replace(envelope, text=newer, signature=sign_text(newer, load_signing_key()))
        keep = {"design": keep_design, "bulletin": keep_bulletin, "gate": keep_gate,
                "result": partial(keep_result, "g-1")}[what]  # fmt: skip
        with pytest.raises(ReleveError, match=rf"expected the format {form}, found {form[:-1]}9"):
            keep(signed, TEN)
    assert ReliefGate.objects.get().result == ""
