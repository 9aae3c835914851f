"""Forms with photos, each checked, cleaned and kept before it is named; that of an inspection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core import signing
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.desk.forms import build_text_field
from releve.desk.live.forms import PRIVATE, FindingsForm, RecordForm
from releve.live.api import MAX_PHOTO_BYTES, MAX_PHOTOS, NotAPhoto, has_photo, store_photo
from releve.situation import InspectionHeld

_SALT = "photos of a form"


class PhotosInput(forms.ClearableFileInput):
    """A control that takes several files."""

    allow_multiple_selected = True


class PhotosField(forms.FileField):
    """Photos; its value is the SHA-256 of each as it is kept."""

    widget = PhotosInput

    def clean(self, data: Any, initial: Any = None) -> tuple[str, ...]:
        """Keep each file; ValidationError names those that are too large or no photo."""
        files: Sequence[UploadedFile[Any]] = data or ()
        if len(files) > MAX_PHOTOS:
            raise forms.ValidationError(_("At most {count} photos.").format(count=MAX_PHOTOS))
        faults = [fault for file in files if (fault := _too_large(file))]
        if faults:
            raise forms.ValidationError(faults)
        return tuple(_store_photos(files))


def _too_large(file: UploadedFile[Any]) -> str:
    """Return why a file is refused by its size, which is known before it is read."""
    if (file.size or 0) <= MAX_PHOTO_BYTES:
        return ""
    fault = _("{name} is larger than {size} MB; send a smaller one.")
    return fault.format(name=file.name, size=MAX_PHOTO_BYTES // 1024**2)


def _store_photos(files: Sequence[UploadedFile[Any]]) -> list[str]:
    """Store each file; ValidationError names every file that is not a photo."""
    digests, faults = [], []
    for file in files:
        try:
            digests.append(store_photo(file.read()))
        except NotAPhoto:
            fault = _("{name} is not a complete JPEG, PNG or WebP picture.")
            faults.append(fault.format(name=file.name))
    if faults:
        raise forms.ValidationError(faults)
    return digests


def _load_signed(text: str) -> list[str]:
    """Return the photos that this form kept before; none when the signature is invalid."""
    try:
        found = signing.loads(text, salt=_SALT, max_age=24 * 3600) if text else []
    except signing.BadSignature:
        return []
    return [digest for digest in found if has_photo(digest)]


def _say_too_much() -> str:
    return _("At most {count} photos of {size} MB each.").format(count=MAX_PHOTOS, size=MAX_PHOTO_BYTES // 1024**2)


PHOTO_LIMIT = (MAX_PHOTOS * MAX_PHOTO_BYTES + 1024**2, _say_too_much)
"""The most bytes of a form with photos, and what is said of more."""


class PhotosForm(RecordForm):
    """A form with photos; those stored are not sent again when another field is at fault."""

    takes = PHOTO_LIMIT

    photos = PhotosField(
        label=lazy("Photos"),
        required=False,
        help_text=lazy("JPEG, PNG or WebP. Place, time and device are taken out of the files."),
    )
    kept = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean(self) -> dict[str, Any]:
        """Count the photos kept before too: whatever is at fault, they are not sent again."""
        found = super().clean() or {}
        digests = tuple(dict.fromkeys((*_load_signed(found.get("kept", "")), *found.get("photos", ()))))
        if len(digests) > MAX_PHOTOS:
            self.add_error("photos", _("At most {count} photos.").format(count=MAX_PHOTOS))
        self.digests = digests[:MAX_PHOTOS]
        if digests:
            self.data = {
                **{name: self.data[name] for name in self.data},
                "kept": signing.dumps(self.digests, salt=_SALT),
            }
            said = _("Photos kept so far: {count}. They need not be sent again.")
            self.fields["photos"].help_text = said.format(count=len(self.digests))
        return found


class InspectionForm(FindingsForm, PhotosForm):
    """A brigade's visit: whose, whether unannounced, what it checked against the charter."""

    name = "record_inspection"
    permission = "event.record.inspection"
    title = lazy("Inspection")
    teaser = lazy("A brigade’s visit")
    intro = lazy("Leave empty the measures that were not looked at.")
    draft = "inspection"
    records = InspectionHeld

    authority = build_text_field(lazy("Whose brigade"), required=True)
    unannounced = forms.BooleanField(label=lazy("Came without notice"), required=False, initial=True)
    inspectors = build_text_field(lazy("Who came, with commas between"), widget=forms.TextInput(PRIVATE))
    note = build_text_field(lazy("Remark, without a person’s name"))

    def prepare(self, site: str) -> None:
        first = ["site", "authority", "unannounced", "happened_at", "inspectors"]
        self.order_fields([*first, *self.add_measures(daily=False)])

    def values(self, common: Mapping[str, Any]) -> dict[str, Any]:
        return {"inspectors": self.names("inspectors"), "findings": self.findings(), "photos": self.digests}
