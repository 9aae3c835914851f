"""Photos of an inspection: cleaned, named in the ledger, shown to few, erased on their day."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from releve.accounts.permissions import Role
from releve.ledger import chain as ledger
from releve.live import api as live
from releve.live.photos import MAX_PHOTO_BYTES, MAX_PHOTOS, erase_photos, remove_metadata
from tests.desk_live.conftest import Browsers
from tests.desk_live.test_record import faults, sent
from tests.live.scenario import Scenario
from tests.live.test_photo_metadata import SECRET, exif, jpeg, png

pytestmark = [pytest.mark.django_db, pytest.mark.database]

PHOTO = jpeg(exif(6))
DIGEST = hashlib.sha256(remove_metadata(PHOTO)).hexdigest()


def file(data: bytes, name: str = "salle.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def inspect(web: Client, scenario: Scenario, *photos: SimpleUploadedFile, **more: Any) -> Any:
    values = {"site": scenario.site, "authority": "Commission", **more}
    return sent(web, "/record/inspection", **values, photos=list(photos))


def folder() -> Path:
    return Path(settings.HOME) / "photos"


def test_a_photo_is_kept_without_its_place_and_named_in_the_ledger(browsers: Browsers, scenario: Scenario) -> None:
    assert inspect(browsers.sign_in(), scenario, file(PHOTO), file(png())).status_code == 302
    (visit,) = live.situation_now(scenario.stream).inspections
    assert visit.photos[0] == DIGEST
    assert len(visit.photos) == 2
    kept = (folder() / DIGEST).read_bytes()
    assert SECRET not in kept
    assert hashlib.sha256(kept).hexdigest() == DIGEST
    assert (folder() / DIGEST).stat().st_mode & 0o077 == 0


def test_a_photo_is_shown_to_who_sees_the_site_and_never_to_a_client(browsers: Browsers, scenario: Scenario) -> None:
    inspect(browsers.sign_in(), scenario, file(PHOTO))
    path, other = f"/photos/{DIGEST}", scenario.operator.sites[1].id
    shown = browsers.sign_in().get(path)
    assert (shown.status_code, shown["Content-Type"]) == (200, "image/jpeg")
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert browsers.sign_in(Role.SITE).get(path).status_code == 200
    assert browsers.sign_in(Role.SITE, other).get(path).status_code == 404
    assert browsers.sign_in(Role.CLIENT).get(path).status_code == 404
    assert path in browsers.sign_in().get(f"/sites/{scenario.site}").content.decode()


def test_a_file_of_50_mb_is_refused_before_it_is_read(browsers: Browsers, scenario: Scenario) -> None:
    class Unread:
        def read(self, *size: int) -> bytes:
            raise AssertionError("the body was read")

        readline = read

    web = browsers.sign_in()
    web.handler.enforce_csrf_checks = True  # which reads the body of a form
    answer = web.generic(
        "POST",
        "/record/inspection",
        b"",
        "multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(50 * 1024**2),
        **{"wsgi.input": Unread()},
    )
    assert answer.status_code == 413
    assert "8 Mo" in answer.content.decode()


def test_a_large_file_and_a_wrong_one_are_named_and_nothing_else_is_lost(
    browsers: Browsers, scenario: Scenario
) -> None:
    web = browsers.sign_in()
    large = file(PHOTO + bytes(MAX_PHOTO_BYTES), "grande.jpg")
    answer = inspect(web, scenario, large)
    assert "grande.jpg" in faults(answer)["photos"][0]
    answer = inspect(web, scenario, file(b"<script>", "page.jpg"), file(PHOTO[:99], "demi.jpg"))
    first, second = faults(answer)["photos"]
    assert "page.jpg" in first
    assert "demi.jpg" in second
    assert "photos" in faults(inspect(web, scenario, *[file(PHOTO)] * (MAX_PHOTOS + 1)))
    assert not folder().exists() or not list(folder().glob(".*"))


def test_photos_sent_with_a_faulty_form_are_not_sent_again(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    answer = inspect(web, scenario, file(PHOTO), authority="")
    assert set(faults(answer)) == {"authority"}
    kept = answer.context["form"]["kept"].value()
    assert inspect(web, scenario, kept=kept).status_code == 302
    (visit,) = live.situation_now(scenario.stream).inspections
    assert visit.photos == (DIGEST,)


def test_a_photo_of_another_user_cannot_be_claimed(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    inspect(web, scenario, file(PHOTO))
    assert inspect(web, scenario, kept=DIGEST, authority="Autre").status_code == 302
    assert [v.photos for v in live.situation_now(scenario.stream).inspections] == [(DIGEST,), ()]


def test_a_photo_goes_on_its_day_and_the_entry_stays(browsers: Browsers, scenario: Scenario) -> None:
    inspect(browsers.sign_in(), scenario, file(PHOTO))
    day = live.now(scenario.stream)
    assert erase_photos(day + timedelta(days=366)) == 0
    assert erase_photos(day + timedelta(days=367)) == 1
    assert not (folder() / DIGEST).exists()
    assert browsers.sign_in().get(f"/photos/{DIGEST}").status_code == 404
    assert "photo effacée" in browsers.sign_in().get(f"/sites/{scenario.site}").content.decode()
    assert [row.body for row in ledger.iter_entries(kinds=["photos.erased"])] == [{"count": 1}]
