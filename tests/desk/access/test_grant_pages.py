"""The pages refuse a grant that says more than its role may, and show no more than it says."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from releve.accounts.models import Grant, Token, User
from releve.accounts.permissions import Role
from releve.ledger.chain import append
from tests.accounts.people import give, person, sign_in
from tests.accounts.test_grants import last_day

pytestmark = [pytest.mark.database, pytest.mark.django_db]


@pytest.mark.parametrize("role", ["administrator", "flow"])
def test_the_page_refuses_what_was_chosen_by_mistake_instead_of_leaving_it_out(stocked: None, role: str) -> None:
    user = person("amina")
    give(user, Role.ADMINISTRATOR)
    web = sign_in(user, lately=True)
    listed = web.get("/people").context["form"].fields
    site, client = listed["sites"].choices[0][0], listed["clients"].choices[0][0]
    for path, more in (("/people", {}), ("/people/tokens", {"last_day": last_day()})):
        for name, value in (("sites", site), ("clients", client)):
            answer = web.post(path, {"name": "zoe", "role": role, name: value, **more})
            assert answer.status_code == 422, (path, name)
            assert "ne peut pas être confié pour" in answer.content.decode()
    assert not User.objects.filter(username="zoe").exists()
    assert not Token.objects.exists()


@pytest.fixture
def auditor(stocked: None) -> Client:
    user = person("auditor")
    grant = give(user, Role.AUDITOR)
    Grant.objects.filter(pk=grant.pk).update(clients=["azur"])
    return sign_in(user)


def test_an_auditor_of_one_client_reads_the_entries_of_that_client_alone(auditor: Client) -> None:
    now = timezone.now()
    rows = (
        ("outbound.sheet", {"client": "azur", "actor": "a"}, False),
        ("outbound.sheet", {"client": "brise", "actor": "a"}, True),
        ("outbound.sheet", {"client": "azur", "site": "casa-1", "actor": "a"}, True),
        ("site.closed", {"site": "casa-1", "actor": "a"}, True),
        ("plan.activated", {"actor": "a"}, True),
    )
    seqs = [append(kind, body, recorded_at=now, stream="x").seq for kind, body, _concealed in rows]
    shown = [auditor.get(f"/ledger/{seq}?format=json").json()["entry"] for seq in seqs]
    assert [row["concealed"] for row in shown] == [concealed for _k, _b, concealed in rows]
    assert all(row["fields"] == [] for row in shown if row["concealed"])
    for seq, (_kind, _body, concealed) in zip(seqs, rows, strict=True):
        assert auditor.get(f"/ledger/{seq}/proof.json").status_code == (404 if concealed else 409)
    assert auditor.get("/ledger/export.jsonl").status_code == 404
    assert auditor.get("/crashtest/").status_code == 404
    assert [auditor.get("/sites?format=json").json()["sites"]] == [[]]
