"""No page says served, assured, sent or answered when the figures do not; sentences and labels of events."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import pytest
from django.test import Client
from django.utils.translation import override
from hypothesis import given, settings
from hypothesis import strategies as st

from releve.accounts.permissions import Role, list_permissions
from releve.demand.requirement import INTERVAL
from releve.desk.client_status import headline, shortfalls
from releve.desk.live.words import notice_text, refusal_text, translate_cause
from releve.desk.now import ClientOutlook, NowPage, outlook
from releve.desk.relief import ReliefPage, relief_headline, ring_words
from releve.desk.relief_charts import draw_flows
from releve.desk.text import Text, text_now
from releve.live import api as live
from releve.live.api import MessageCounts, PeopleFlow, PlanReach
from releve.live.client_news import describe_client
from releve.live.coverage import ClientCoverage, Coverage, cover_client
from releve.live.message_texts import write_message
from releve.live.models import Message
from releve.plan.coverage import round_coverage
from releve.situation import KINDS, Notice, SiteStatus, refuse
from tests.desk_live.conftest import Browsers
from tests.live.scenario import Scenario

AT = datetime(2026, 11, 30, 9, tzinfo=UTC)
LIMITS = (0.05, 0.8)
CLAIMS = {
    "fr": ("assuré", "tous les besoins", "couverture complète", "aucun besoin"),
    "en": ("assured", "every requirement", "full coverage", "nothing is required"),
}
"""Words that say that nothing is missing."""
Need = Sequence[tuple[float | None, float]]

half_hours = st.lists(
    st.tuples(
        st.one_of(st.none(), st.sampled_from([0.0, 0.5, 3.0, 250.0])),
        st.one_of(st.just(1.0), st.sampled_from([0.0, 0.1, 0.639, 0.7996, 0.9996]), st.floats(0, 1)),
    ),
    min_size=6,
    max_size=6,
)
site_states = st.lists(st.sampled_from(["open", "closed", "cut_off"]), max_size=3)
SiteState = Literal["open", "closed", "cut_off"]


def cover(name: str, halves: Need) -> ClientCoverage:
    required = np.array([[np.nan if need is None else need] for need, _share in halves])
    covered = np.nan_to_num(required) * np.array([[share] for _need, share in halves])
    starts = [AT + at * INTERVAL for at in range(len(halves))]
    return cover_client(name, name, starts, required, covered, begun=True, limits=LIMITS)


def is_whole(halves: Need) -> bool:
    """Return, by plain counting, whether every requirement is known and met."""
    return all(need is not None and (need == 0 or share > 1 - 1e-6) for need, share in halves)


def now_of(clients: Sequence[ClientCoverage], sites: Sequence[SiteState], hours: int) -> NowPage:
    reach = AT + timedelta(hours=hours)
    rows = sorted(clients, key=lambda row: row.rank)
    return NowPage.model_construct(
        stream="live",
        at=AT,
        time_zone="Europe/Paris",
        plan=PlanReach(in_force=True, until=reach, reach=reach, whole=hours == 48),
        sites=tuple(
            SiteStatus(
                site=f"s{at}", name=f"Site {at}", city="Lille", destination="FR", time_zone="Europe/Paris", state=state
            )
            for at, state in enumerate(sites)
        ),
        clients=tuple(rows),
    )


@pytest.mark.parametrize(
    ("shares", "back", "again"),
    [
        ([0.5, 1, 1, 1, 1, 1, 1], 1, None),
        ([0.5, 1, 0.5, 1, 1, 1, 1, 0.5], 3, 7),
        ([0.5, 0.5], None, None),
        ([1, 1, 0.5], None, None),
    ],
)
def test_covered_again_says_until_when(shares: list[float], back: int | None, again: int | None) -> None:
    own = cover("Client", [(10.0, share) for share in shares])
    starts = tuple(AT + at * INTERVAL for at in range(len(shares)))
    coverage = Coverage("live", AT, starts, (own,), AT + timedelta(hours=48), 1)
    found = coverage.find_recovery("Client")
    relapse = coverage.find_relapse("Client", found)
    assert found == (None if back is None else AT + back * INTERVAL)
    assert relapse == (None if again is None else AT + again * INTERVAL)
    outlooks = {"Client": ClientOutlook(back=found, relapse=relapse, next_news=None)} if own.short_now else {}
    page = now_of([own], [], 48).model_copy(update={"outlooks": outlooks, "lead": None, "works": False, "routing": ()})
    with override("fr"):
        assert ("mais de nouveau en sous-effectif" in outlook(page)) == (again is not None)


@given(st.lists(half_hours, min_size=1, max_size=3), site_states, st.sampled_from([20, 48]))
@settings(max_examples=60, deadline=None)
def test_headlines_and_letters_claim_no_more_than_the_figures(
    drawn: list[Need], sites: list[SiteState], hours: int
) -> None:
    clients = [cover(f"Client {at}", halves) for at, halves in enumerate(drawn)]
    page = now_of(clients, sites, hours)
    whole = all(map(is_whole, drawn))
    lost = [row.name for row in page.sites if row.state != "open"]
    for language, claims in CLAIMS.items():
        with override(language):
            said, more = headline(page), shortfalls(page)
        if not whole:
            assert not any(claim in said.lower() for claim in claims), said
        if hours < 48:
            assert not re.search(r"48[\s\u00a0\u202f]h", said), "a plan that ends before says no 48 hours"
        positions = [said.index(name) for name in lost]
        short = [row for row in page.clients if row.worst is not None and row.worst < 1 - 1e-6]
        named = [row.name for row in short if row.name in said]
        assert bool(named) == bool(short)
        assert all(at < said.index(named[0]) for at in positions if named), "what is lost is first"
        assert bool(more) == bool(short)
        if now_short := [row.now for row in page.clients if row.short_now]:
            least = Text(language, "UTC").coverage(min(share for share in now_short if share is not None))
            assert least in said, "the client served worst now is the one that is named"
    coverage = Coverage("live", AT, tuple(AT + at * INTERVAL for at in range(6)), tuple(clients),
                        AT + timedelta(hours=hours), 1)  # fmt: skip
    for halves, client in zip(drawn, clients, strict=True):
        assert (client.state == "held") <= is_whole(halves)
        about = describe_client(client, coverage)
        for language, claims in CLAIMS.items():
            text = write_message("client", about, language, "http://x", drill=False)[1].lower()
            if not is_whole(halves):
                assert not any(claim in text for claim in claims), text
                assert not re.search(r"(couverture de|au plus bas|at worst) 100", text)


@given(st.floats(0, 1, allow_nan=False))
def test_a_coverage_is_the_same_on_every_face(share: float) -> None:
    percent = round_coverage(share)
    assert Text("en", "UTC").coverage(share) == f"{percent:.0f}%"
    assert Text("fr", "UTC").coverage(share) == f"{percent:.0f}\u202f%"
    assert (percent == 100) == (share >= 1 - 1e-6), "a little missing is never shown as none"
    assert abs(percent - 100 * share) <= (0.5 + 1e-6 if percent < 99 else 1)


def test_639_thousandths_are_64_percent() -> None:
    assert round_coverage(0.639) == 64
    assert Text("fr", "UTC").coverage(0.639) == "64\u202f%"


counts = st.tuples(*[st.integers(0, 5)] * 4)


@given(counts)
def test_a_relief_is_said_to_be_answered_only_when_it_is(drawn: tuple[int, int, int, int]) -> None:
    acknowledged, waiting, exhausted, unaddressed = drawn
    still = waiting + exhausted + unaddressed
    page = ReliefPage.model_construct(
        time_zone="UTC",
        planned=True,
        changed=3,
        counts=MessageCounts(
            notified=acknowledged + still,
            sent=acknowledged + waiting + exhausted,
            acknowledged=acknowledged,
            waiting=still,
            exhausted=exhausted,
            unaddressed=unaddressed,
        ),
    )
    with override("en"):
        said, ring = relief_headline(page), ring_words(page)
    assert ("answered" in said and "not" not in said) == (still == 0 and acknowledged > 0)
    assert str(acknowledged) in ring
    assert str(exhausted + unaddressed) in ring


def act_at_random(scenario: Scenario, luck: random.Random) -> None:
    """Do one thing that may happen."""
    site = luck.choice(scenario.operator.sites).id
    closed = live.situation_now(scenario.stream).site(site).closed
    acts = [
        lambda: scenario.later(hours=luck.choice([1, 7, 20])),
        lambda: None if closed else scenario.close(site),
        lambda: None if closed else scenario.two_positives(site),
        lambda: scenario.power(site) if not closed else None,
        lambda: live.acknowledge(luck.choice(scenario.messages).token) if scenario.messages else None,
    ]
    luck.choice(acts)()
    scenario.work()


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("seed", [pytest.param(0, marks=pytest.mark.database), 1, 2, 3])
def test_what_the_api_answers_is_what_the_figures_say(browsers: Browsers, scenario: Scenario, seed: int) -> None:
    luck = random.Random(seed)
    agents = [row.id for row in scenario.operator.agents]
    rows = "".join(f"agent,{agent},file,x,fr\n" for agent in luck.sample(agents, 30))
    live.import_contacts(f"role,who,channel,address,language\n{rows}".encode(), by="tests")
    web = browsers.sign_in(Role.CONTINUITY)
    for _ in range(5):
        try:
            act_at_random(scenario, luck)
        except live.Refused:
            continue
        check_answers(web, scenario)


def check_answers(web: Client, scenario: Scenario) -> None:
    stream = f"?stream={scenario.stream}"
    coverage = live.compute_coverage(scenario.stream)
    assert coverage is not None
    now = web.get(f"/api/v1/now{stream}").json()
    for row in now["clients"]:
        own = next(client for client in coverage.clients if client.client == row["client"])
        missing = bool((own.required - own.covered > 1e-6 * np.maximum(1, own.required)).any())
        assert (row["state"] == "held") <= (not missing)
        one = web.get(f"/api/v1/clients/{row['client']}{stream}").json()
        assert one["standing"] == row
    waiting = Message.objects.filter(
        stream=scenario.stream, kind="agent", replaced=False, acknowledged_at=None,
        over_at__gt=live.now(scenario.stream),
    )  # fmt: skip
    messages = web.get(f"/api/v1/messages{stream}").json()["counts"]
    relief = web.get(f"/api/v1/relief{stream}&show=unanswered").json()
    for counted in (now["messages"], messages, relief["counts"]):
        assert counted["waiting"] == waiting.count() == relief["people_count"]
        assert counted["unaddressed"] == waiting.filter(channel="none").count()
    for row in relief["people"]:
        assert (row["state"] in ("unaddressed", "queued")) == (row["sent_at"] is None)
    letters = [letter for letter in scenario.outbox if "Continuité" in letter["subject"]]
    told_assured = any("assuré" in letter["text"] for letter in letters)
    ever = [row.about for row in Message.objects.filter(stream=scenario.stream, role="client")]
    assert told_assured <= any(about["state"] == "held" for about in ever)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_permission_of_every_kind_exists(kind: str) -> None:
    assert list_permissions()[KINDS[kind].permission].acts


@pytest.mark.django_db
@pytest.mark.database
def test_parameters_are_written_for_the_reader(scenario: Scenario) -> None:
    operator, at = scenario.operator, live.now(scenario.stream)
    name = operator.site[scenario.site].name
    with override("fr"):
        text = text_now(operator.row.time_zone)
        items = refuse("reopening.checklist", items=("disinfected", "unlisted"))
        assert "désinfect" in refusal_text(items, operator, text).lower()
        assert "unlisted" in refusal_text(items, operator, text)
        same = refuse("event.same", kind="check.done", earlier="e1")
        assert "Contrôle quotidien" in refusal_text(same, operator, text)
        assert name in refusal_text(refuse("closure.open", site=scenario.site), operator, text)
        params = {"fill": 0.85, "most": 0.5, "day": at.date()}
        fuller = Notice("check.transport", scenario.site, at, params)
        assert "85\u202f%" in notice_text(fuller, operator, text)
        down = {"what": "link", "name": scenario.site, "expected_until": at}
        late = notice_text(Notice("outage.overdue", scenario.site, at, down), operator, text)
        assert late.startswith(f"{name} (liaison)")
        params = {"measure": "masks", "severity": "major", "day": at.date()}
        found = notice_text(Notice("finding.raised", scenario.site, at, params), operator, text)
        assert "sur «\u202fChacun porte un masque" in found, "what it asks, not its id"
        params = {"measures": ("masks", "signs", "flows"), "day": at.date()}
        many = notice_text(Notice("measure.expiring", scenario.site, at, params), operator, text)
        assert "3 mesures" in many


def test_one_day_and_one_case_are_singular() -> None:
    with override("fr"):
        assert "1 cas en 1 jour)" in translate_cause("rule", 1, 1.0)
        assert "2 cas en 14 jours)" in translate_cause("rule", 2, 14.0)
    with override("en"):
        assert "1 case in 1 day)" in translate_cause("rule", 1, 1.0)


NAMES = {"casa-1": "Casablanca Nord 1", "casa-2": "Casablanca Gare 2", "tana": "Antananarivo", "home": "à domicile"}


@pytest.mark.parametrize(("width", "side"), [(960, 200), (360, 112)])
def test_sites_of_one_city_are_told_apart(width: float, side: float) -> None:
    flows = [PeopleFlow("casa-1", "casa-2", 117), PeopleFlow("casa-2", "home", 3), PeopleFlow("tana", "tana", 12)]
    drawn = draw_flows(flows, NAMES, "narrow", width, side)
    said = {place: " ".join(lines) for place, _y, _height, lines in (*drawn.left, *drawn.right)}
    assert said["casa-1"] == "Casablanca Nord 1 (117)"
    assert said["casa-2"] == "Casablanca Gare 2 (117)"
    assert said["home"] == "à domicile (3)"
    tops = [y for _place, y, _height, _lines in drawn.left]
    deepest = [len(lines) * 14.0 for _place, _y, _height, lines in drawn.left]
    assert all(low >= y + deep for y, low, deep in zip(tops, tops[1:], deepest, strict=False))
