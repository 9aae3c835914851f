"""How a client is served, in the words that its own page, its page *Now* and the desk's say alike."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils.translation import override

from releve.desk.client_status import ahead_words, client_word, verdict_words
from releve.desk.now import NowPage
from releve.live import api as live
from releve.live.worker import run_until_idle
from releve.plan.service_status import Status, Tone
from tests.accounts.people import read_text
from tests.desk_live.conftest import Browsers
from tests.desk_live.test_client_news_pages import living, look_as_client, planned_day
from tests.desk_live.test_truth import cover, now_of
from tests.live.scenario import Scenario

__all__ = ["living", "planned_day"]


def write(shares: list[float], need: float = 10.0) -> tuple[live.ClientCoverage, str, NowPage]:
    """Return a client of which these shares are covered from now on, its verdict in French, and a page of it."""
    own = cover("Client", [(need, share) for share in shares])
    page = now_of([own], [], 48)
    with override("fr"):
        return own, squash(verdict_words(own, page)), page


def test_a_client_held_with_a_thin_half_hour_is_said_with_what_is_promised() -> None:
    """*Tenu de justesse* stood beside 58 %, and no page said of which promise."""
    own, said, page = write([1.0] * 11 + [0.58])
    start, _end = own.spans[0]
    assert own.state is Status.THIN
    assert "Couvert à 100 % maintenant." in said
    assert "au plus bas : 58 %" in said
    assert "Il manque 3,5 % du besoin sur 48 h : la promesse (5 % au plus) est tenue." in said
    assert start == own.worst_at
    with override("en"):
        assert "covered now" not in ahead_words(own, page)


def test_a_client_that_is_missed_later_is_said_with_the_times_and_is_not_missed_now() -> None:
    own, said, page = write([1.0, 1.0, 0.4, 0.5, 1.0, 1.0])
    assert own.state is Status.MISSED
    assert own.spans == ((page.at + timedelta(hours=1), page.at + timedelta(hours=2)),), "two half hours are one time"
    assert re.match(
        r"Couvert à 100 % maintenant. En sous-effectif de \d+ h( \d\d)? à \d+ h( \d\d)? ; au plus bas", said
    )
    assert "la promesse (5 % au plus) n’est pas tenue" in said
    with override("fr"):
        assert client_word(own) == "manqué plus tard"


@pytest.mark.parametrize("share", [1.0, 0.97, 0.9, 0.5])
def test_the_promise_is_said_to_be_kept_where_the_status_says_so(share: float) -> None:
    own, said, _page = write([1.0, share, share])
    assert ("est tenue" in said) == (own.state.is_met and own.short)
    assert ("n’est pas tenue" in said) == (not own.state.is_met)


def test_more_times_than_two_are_not_listed() -> None:
    own, said, _page = write([1.0, 0.5] * 4)
    assert len(own.spans) == 4
    assert said.count(" de ") == 2
    assert "et à d’autres moments" in said or ", à d’autres moments" in said


def test_a_coverage_has_the_colour_of_its_own_number() -> None:
    """100 % stood in amber, as the shortage of a later hour."""
    own, _said, _page = write([1.0, 0.4])
    assert (own.tone_now, own.tone_worst) == (Tone.HELD, Tone.MISSED)


@pytest.mark.django_db
@pytest.mark.database
def test_now_says_to_a_client_what_its_own_page_says(living: Scenario, planned_day: None) -> None:
    """*Now* was silent on the loss to who sees no site, and what it said was not what the client's page said."""
    living.close()
    run_until_idle()
    for client in living.operator.clients:
        web = look_as_client(client.id)
        own, now = web.get(f"/clients/{client.id}").content.decode(), web.get("/now").content.decode()
        verdict, news = (cut(own, name) for name in ("verdict", "news"))
        said = cut(now, f"news-{client.id}")
        assert verdict in said
        assert news in said
        assert living.operator.sites[0].name in said
        assert re.search("depuis .*Prochaines nouvelles", said)
        assert f'href="/clients/{client.id}"' in now.partition(f'id="news-{client.id}"')[2].partition("</p>")[0]


def cut(html: str, name: str) -> str:
    """Return the text of a paragraph by its id."""
    found = html.partition(f'id="{name}"')[2].partition(">")[2].partition("</p>")[0]
    assert found, name
    return squash(re.sub("<[^>]+>", " ", found))


def squash(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


@pytest.mark.django_db
@pytest.mark.database
def test_the_desk_sees_no_client_s_news_and_every_verdict(browsers: Browsers, scenario: Scenario) -> None:
    for site in scenario.operator.sites[:2]:
        scenario.close(site.id)
    scenario.later(hours=13)
    web = browsers.sign_in()
    page, shown = web.get("/now").context["page"], read_text(web, "/now")
    assert page.news == {}
    html = web.get("/now").content.decode()
    for row in page.clients:
        figures = html.partition(f'id="client-{row.client}"')[2].partition("</li>")[0]
        assert f'class="now is-{row.tone_now}"' in figures
        assert f'class="worst is-{row.tone_worst}"' in figures
    missed = [row for row in page.clients if row.state is Status.MISSED]
    assert missed
    with override("fr"):
        for row in missed:
            assert squash(verdict_words(row, page)) in shown
            assert "demain de " in verdict_words(row, page)
            own = read_text(web, f"/clients/{row.client}")
            assert squash(ahead_words(row, page)) in own.partition("La suite")[2]
