"""Names with Arabic letters keep their own direction among French and English text."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from releve.network import Operator
from releve.network.cell_text import isolate_name
from releve.plugins.evidence.pack import PACK_KINDS, build_pack
from releve.plugins.evidence.paper import Attachment, Paper, typeset
from releve.plugins.evidence.sources import PackRequest
from releve.registry import storage
from tests.evidence import pack_house
from tests.evidence.pack_house import FIRST, LAST, SITE, fill_house
from tests.homes import make_test_home

pytestmark = [pytest.mark.database, pytest.mark.django_db]
SITE_NAME = "موقع الدار البيضاء 2"
CLIENT_NAME = "شركة التأمين (Atlas) 24/7"
PROGRAMME_NAME = "استقبال 1"
ISOLATE, END = "\u2068", "\u2069"


def rename(operator: Operator) -> Operator:
    """Give the first site, client and its programmes names that end in figures."""
    client = operator.clients[0]
    return replace(
        operator,
        sites=tuple(replace(row, name=SITE_NAME) if row.id == SITE else row for row in operator.sites),
        clients=(replace(client, name=CLIENT_NAME), *operator.clients[1:]),
        programmes=tuple(
            replace(row, name=PROGRAMME_NAME) if row.client == client.id else row for row in operator.programmes
        ),
    )


@pytest.fixture
def papers(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sequence[dict[str, object]]:
    """Return what every pack prints in both languages; a pack is verified where it is built."""
    settings.HOME = make_test_home(tmp_path)
    storage.clear_cache()
    operator = rename(pack_house.build_operator())
    monkeypatch.setattr(pack_house, "build_operator", lambda: operator)
    fill_house()
    printed: list[dict[str, object]] = []

    def note(paper: Paper, attached: Sequence[Attachment]) -> bytes:
        printed.append(dict(paper.content))
        return typeset(paper, attached)

    monkeypatch.setattr("releve.plugins.evidence.pack.typeset", note)
    recipients = {"client": operator.clients[0].id, "inspection": SITE}
    for kind in set(PACK_KINDS) - {"crashtest"}:
        for language in ("fr", "en"):
            build_pack(PackRequest(kind, recipients.get(kind, ""), FIRST, LAST, language=language))
    return printed


def test_every_name_with_arabic_letters_is_isolated_in_every_pack(papers: Sequence[dict[str, object]]) -> None:
    assert len({str(paper["title"]) for paper in papers}) == 8, "four packs in two languages"
    seen = ""
    for paper in papers:
        text = json.dumps(paper, ensure_ascii=False)
        seen += text
        rest = re.sub(f"{ISOLATE}[^{ISOLATE}{END}]*{END}", "", text)
        assert not re.search("[\u0600-\u06ff]", rest), rest
        assert ISOLATE not in rest
        assert END not in rest
    for name in (SITE_NAME, CLIENT_NAME, PROGRAMME_NAME):
        assert f"{ISOLATE}{name}{END}" in seen, name


def test_a_name_without_arabic_letters_is_left_as_it_is() -> None:
    for name in ("Casablanca Port 2", "Société d’Été", "", "24/7"):
        assert isolate_name(name) == name
    assert isolate_name(SITE_NAME) == f"{ISOLATE}{SITE_NAME}{END}"
