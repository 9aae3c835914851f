"""A person or a member of staff who is erased is in no table, letter or list of names; every proof stands."""

from __future__ import annotations

import hashlib
import json
import zlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone

from releve.accounts import grants, reidentification
from releve.accounts.grants import AccessError, RoleRequest
from releve.accounts.models import Grant, User
from releve.accounts.permissions import Role
from releve.accounts.person_erasure import erase_person, preview_erasure
from releve.erasure import registered
from releve.ledger.account_names import ACCOUNT_PREFIX
from releve.ledger.chain import append, iter_entries
from releve.ledger.export import export_lines
from releve.ledger.keys import public_key
from releve.ledger.models import LedgerEntry
from releve.ledger.roots import sign_root
from releve.ledger.verify import Export, Keys
from releve.live import api as live
from releve.live import situation_cache
from releve.live.models import PlanText
from releve.plugins.outbound.gate.models import Decision
from releve.registry.blocks import operator_digest
from releve.registry.models import Block, Version
from releve.registry.storage import load_sheets
from releve.situation import AgentsPresent
from tests.accounts.people import give, person
from tests.ledger.conftest import KEY
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


ADDRESS, NAME, REASON = "salma@example.org", "Salma Bennani", "contact tracing of the canteen"


@pytest.fixture(autouse=True)
def _names(settings: Any, tmp_path: Path) -> None:
    settings.IDENTITY_KEY = Fernet.generate_key().decode()
    settings.IDENTITY_FILE = tmp_path / "elsewhere" / "names.box"


def everything() -> str:
    """Return every row of every table, the blocks of the registry in clear."""
    found: list[object] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {table}")
            found += cursor.fetchall()
    found += [zlib.decompress(block.data) for block in Block.objects.all()]
    return repr(found)


def letters(home: Path) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in home.rglob("*.json"))


@pytest.fixture
def agent(scenario: Scenario, tmp_path: Path) -> str:
    """An agent who was a case, was present, was notified, and was looked up by name."""
    agent, other, *_ = scenario.agents_at(scenario.site)
    administrator, officer = person("admin"), person("officer")
    give(administrator, Role.ADMINISTRATOR)
    give(officer, Role.HEALTH)
    reidentification.import_names(f"pseudonym,name\n{agent},{NAME}\n{other},Yao Koffi\n", administrator)
    text = f"role,who,channel,address,language\nagent,{agent},file,{ADDRESS},fr\n"
    live.import_contacts(text.encode(), by="tests")
    day = live.now(scenario.stream).date()
    scenario.act(AgentsPresent.kind, site=scenario.site, day=day, count=2, agents=(agent, other))
    scenario.close()
    scenario.work()
    scenario.positive(agent)
    look = reidentification.approve_request(administrator, reidentification.request_identity(officer, agent, REASON))
    reidentification.reveal_name(officer, look)
    assert agent in everything()
    assert ADDRESS in everything() + letters(tmp_path)
    return agent


def test_a_person_is_erased_everywhere_and_the_ledger_verifies(scenario: Scenario, agent: str, tmp_path: Path) -> None:
    administrator = User.objects.get(username="admin")
    notified = live.count_messages(scenario.stream).notified
    assert erase_person(administrator, agent) > 0
    left = everything() + letters(tmp_path)
    for value in (agent, ADDRESS, NAME, REASON):
        assert value not in left
    assert list(reidentification._load_names().values()) == ["Yao Koffi"]
    assert live.count_messages(scenario.stream).notified == notified
    situation_cache.clear_cache()
    assert agent not in live.situation_now(scenario.stream).absences
    sign_root(live.real_now() + timedelta(seconds=1))
    export = Export(Keys([public_key()]), [])
    export.read(f"{line}\n".encode() for line in export_lines(values=True))
    assert export.faults == []
    assert agent not in "".join(export_lines(values=True))
    assert erase_person(administrator, agent) == 0, "once more changes nothing"


@pytest.mark.usefixtures("agent")
def test_after_an_erasure_plans_reliefs_and_versions_still_fit_together(scenario: Scenario) -> None:
    """Who is erased here works at home by the relief, then is a case."""
    agent = min(scenario.at_home & set(scenario.agents_at(scenario.site)))
    scenario.positive(agent)
    before = live.compute_coverage(scenario.stream)
    there = len(scenario.people_at(scenario.site)) + len(scenario.at_home)
    placed = len(live.operator_now().agents)
    erase_person(User.objects.get(username="admin"), agent)
    operator = live.operator_now()
    assert len(operator.agents) == placed
    assert agent not in operator.agent
    assert {row.agent for row in operator.shifts} <= set(operator.agent)
    after = live.compute_coverage(scenario.stream)
    assert before is not None
    assert after is not None
    assert [row.worst for row in after.clients] == [row.worst for row in before.clients]
    now_there = len(scenario.people_at(scenario.site)) + len(scenario.at_home)
    assert now_there == there + 1, "absences of erased agents are no longer known"
    for version in Version.objects.all():
        sheets = {table: sheet.digest for table, sheet in load_sheets(version).items()}
        assert version.digest == operator_digest(sheets)
    assert all(row.digest == hashlib.sha256(row.text.encode()).hexdigest() for row in PlanText.objects.all())
    scenario.close(scenario.operator.sites[1].id)
    scenario.work()
    newest = live.list_reliefs(scenario.stream)[0]
    assert newest.published_at is not None, "a relief is still made"


def test_a_preview_says_what_goes_and_what_stays_and_changes_nothing(scenario: Scenario, agent: str) -> None:
    administrator = User.objects.get(username="admin")
    found = preview_erasure(administrator, agent)
    assert found.found
    counts = found.erased
    assert (counts["name"], counts["addresses"], counts["looks"]) == (1, 1, 1)
    assert min(counts[kind] for kind in ("values", "messages", "plans", "blocks")) > 0
    assert found.kept == {"calls": 0}
    assert preview_erasure(administrator, agent) == found
    erase_person(administrator, agent)
    assert not preview_erasure(administrator, agent).found


def test_only_an_administrator_erases_and_nobody_is_not_a_person(agent: str) -> None:
    with pytest.raises(AccessError, match="only an administrator"):
        erase_person(User.objects.get(username="officer"), agent)
    with pytest.raises(AccessError, match="the pseudonym is missing"):
        erase_person(User.objects.get(username="admin"), " ")
    assert agent in everything()


def test_each_room_exports_what_it_would_erase_and_no_other_agent(scenario: Scenario, agent: str) -> None:
    other = scenario.agents_at(scenario.site)[1]
    for room in registered():
        found, exported = room.find(agent), room.export(agent)
        assert other not in repr(exported), room.name
        assert any(exported.values()) == any({**found.erased, **found.kept}.values()), room.name
        assert not any(room.export("a99999").values())
    erase_person(User.objects.get(username="admin"), agent)
    assert not any(rows for room in registered() for rows in room.export(agent).values())


def test_decisions_about_calls_keep_the_agent_as_evidence_and_the_preview_says_so(agent: str) -> None:
    administrator = User.objects.get(username="admin")
    Decision.objects.create(
        call_id="1@pbx", cseq=1, at=live.real_now(), campaign="c", client="A", number="n",
        stand_in="", call={}, allowed=True, legal=True, rules_version="", zones_version="",
        facts="", agent=agent,
    )  # fmt: skip
    assert preview_erasure(administrator, agent).kept == {"calls": 1}
    erase_person(administrator, agent)
    assert Decision.objects.get().agent == agent


ZOE, TOM = "zoe.martin", "tom.berger"


def act(name: str, field: str = "actor") -> int:
    with transaction.atomic():
        return append("note", {"text": "x", field: name}, recorded_at=timezone.now()).seq


@pytest.fixture
def admin() -> User:
    """An administrator, who gave Zoe a role; Zoe gave one to Tom."""
    user, _ = grants.give_role("admin", RoleRequest("administrator"), by="command line")
    grants.give_role(ZOE, RoleRequest("continuity"), by="admin", email="zoe@example.org")
    grants.give_role(TOM, RoleRequest("continuity"), by=ZOE)
    return user


def find_text(text: str) -> list[str]:
    """Return the tables in which a row holds a text."""
    return [
        model._meta.db_table
        for model in apps.get_models()
        if any(text in str(row) for row in model._base_manager.values())
    ]


@pytest.mark.parametrize("field", ["actor", "by"])
def test_an_entry_holds_the_pseudonym_and_is_read_with_the_name(admin: User, field: str) -> None:
    first, second, program = act(ZOE, field), act(TOM, field), act("rule:closure", field)
    rows = {row.seq: json.loads(row.body) for row in LedgerEntry.objects.all()}
    assert rows[first][field].startswith(ACCOUNT_PREFIX)
    assert rows[first][field] != rows[second][field]
    assert rows[program][field] == "rule:closure"
    read = {entry.seq: entry.body[field] for entry in iter_entries(None, first - 1)}
    assert read == {first: ZOE, second: TOM, program: "rule:closure"}


def test_a_member_of_staff_is_found_and_erased_everywhere(admin: User) -> None:
    with override_settings(LEDGER_KEY=KEY):
        first, other, again = act(ZOE), act(TOM), act(ZOE)
        sign_root(timezone.now())
        grants.close_account(ZOE, by="admin")
        found = preview_erasure(admin, f"user:{ZOE}")
        assert found.erased["named"] > 1
        assert "ledger_accountname" in find_text(ZOE)
        erase_person(admin, f"user:{ZOE}")
        assert find_text(ZOE) == []
        assert find_text("zoe@example.org") == []
        actors = {entry.seq: entry.body.get("actor") for entry in iter_entries(None)}
        assert actors[first] == actors[again] != TOM == actors[other]
        assert actors[first].startswith(ACCOUNT_PREFIX)
        assert Grant.objects.get(user__username=TOM).given_by == actors[first]
        assert not preview_erasure(admin, f"user:{ZOE}").found
        sign_root(timezone.now())
        checked = Export(Keys([public_key()]), [])
        checked.read(f"{line}\n".encode() for line in export_lines(values=True))
        assert checked.faults == []


def test_an_open_account_is_closed_before_its_name_is_erased(admin: User) -> None:
    with pytest.raises(AccessError, match="close it first"):
        preview_erasure(admin, f"user:{ZOE}")
    with pytest.raises(AccessError, match="close it first"):
        erase_person(admin, f"user:{ZOE}")
