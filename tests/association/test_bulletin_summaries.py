"""A member's day and the clerk's, and what the clerk answers where it has published nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from releve.errors import Phrase, decode_phrase
from releve.plugins.sector.association.bulletin import describe_clerk_day, describe_contribution
from releve.plugins.sector.association.clerk import (
    NotPublished,
    describe_refusal,
    publish_bulletin,
    wrap_day_bulletin,
    wrap_month_design,
    wrap_own_result,
)
from releve.plugins.sector.association.membership import prepare_contribution
from releve.plugins.sector.association.models import Membership
from tests.association.sector_of_seven import DAY, MORNING, OWN, TEN, SectorOfSeven

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def test_a_member_reads_what_would_go_out_to_the_byte(sector: SectorOfSeven) -> None:
    before = describe_contribution(MORNING)
    assert before is not None
    assert (before.member, before.due, before.content) == (OWN, DAY, "")
    row = prepare_contribution(DAY, MORNING)
    found = describe_contribution(MORNING)
    assert found is not None
    assert found.digest == row.digest
    assert found.panel == 7
    assert found.figures[0].measure == "agents_on_site"
    Membership.objects.all().delete()
    assert describe_contribution(MORNING) is None


def test_the_clerk_has_the_day_that_is_due_with_its_members(sector: SectorOfSeven) -> None:
    sector.send_all()
    early = describe_clerk_day(None, MORNING)
    assert (early.day, early.due, early.published) == (DAY, False, False)
    assert early.time_zone == "Europe/Paris"
    late = describe_clerk_day(None, TEN)
    assert late.due
    publish_bulletin(DAY, TEN)
    done = describe_clerk_day(DAY, TEN)
    assert done.published
    assert (done.bulletins[0].contributions, done.bulletins[0].members) == (6, 7)


def test_what_is_not_published_is_refused_by_its_name(sector: SectorOfSeven) -> None:
    assert wrap_month_design(f"{DAY:%Y-%m}").what == "design"
    later = DAY + timedelta(days=60)
    with pytest.raises(NotPublished, match="design"):
        wrap_month_design(f"{later:%Y-%m}")
    for day in (str(later), "today"):
        with pytest.raises(NotPublished, match="bulletin"):
            wrap_day_bulletin(day)
    with pytest.raises(NotPublished, match="g-9"):
        wrap_own_result("g-9", OWN)


def test_a_refusal_travels_so_that_it_can_be_translated() -> None:
    said = describe_refusal("none", NotPublished(Phrase("there is no design of {0} yet", "2026-12")))
    assert said["message"] == "there is no design of 2026-12 yet"
    assert decode_phrase(said["phrase"]) == said["message"]
    assert describe_refusal("secret", ValueError())["message"] == ""
