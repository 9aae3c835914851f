"""An association of seven members: one is this installation, six are keys and figures alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from releve.plugins.sector.association.clerk import publish_design, register_member, take_contribution, wrap_design
from releve.plugins.sector.association.keys import Envelope, public_keys
from releve.plugins.sector.association.membership import join_association
from releve.plugins.sector.association.models import MonthlyDesign
from releve.plugins.sector.engine.bulletin import hash_closing, mask_figures, sum_groups
from releve.plugins.sector.engine.contribution import Contribution, sign_text
from releve.plugins.sector.engine.panel import BulletinDesign

DAY = date(2026, 11, 26)
MORNING = datetime(2026, 11, 27, 6, tzinfo=UTC)
TEN = datetime(2026, 11, 27, 9, tzinfo=UTC)
"""Ten o'clock in Paris, when the bulletin of DAY appears."""
OWN = "rive"
OTHERS = tuple(f"member-{i}" for i in range(6))
FIGURES = {
    ("agents_on_site", "MA"): 210,
    ("agents_on_site", "TN"): 120,
    ("agents_at_home", "MA"): 45,
    ("sites_open", "MA"): 2,
    ("sites_closed", "TN"): 1,
}
SEATS = {"MA": 400, "TN": 200}


def sign_key(member: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(member.encode().ljust(32, b"."))


def mask_key(member: str) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(member.encode().ljust(32, b"!"))


@dataclass
class SectorOfSeven:
    """The association, its design, and the secrets that members show."""

    design: BulletinDesign
    secrets: dict[str, str] = field(default_factory=dict)

    @classmethod
    def begin(cls, mode: str = "plain", month: str = "2026-11", places: Iterable[str] = ()) -> SectorOfSeven:
        """Register seven members, publish the design, and join as one of them."""
        at = datetime(2026, 10, 30, tzinfo=UTC)
        secrets = {}
        for name in OTHERS:
            keys = (key.public_key().public_bytes_raw().hex() for key in (sign_key(name), mask_key(name)))
            secrets[name] = register_member(name, *keys, at)
        secrets[OWN] = register_member(OWN, *public_keys(), at)
        groups = {where: (where,) for where in places} or {"MA": ("MA",), "TN": ("TN",), "other": ("MG", "SN")}
        design = publish_design(month, mode, at, groups)
        join_association("sp2c", OWN, public_keys()[0], "https://clerk.example", at)
        return cls(design, secrets)

    def wrapped_design(self) -> Envelope:
        return wrap_design(MonthlyDesign.objects.get(month=self.design.month))

    def make(self, number: int, day: date = DAY, **more: Any) -> Contribution:
        """Return the contribution of a member, plain or masked as the design says."""
        name = OTHERS[number]
        figures = {cell: count + 7 * number for cell, count in FIGURES.items() if "site" not in cell}
        fields: dict[str, Any] = {
            "association": "sp2c", "member": name, "day": day, "design": self.design.digest,
            "figures": figures, "seats": SEATS, "nonce": f"{number + 1:064x}", "software": "0.0.9",
            "made_at": datetime.combine(day + timedelta(1), MORNING.time(), UTC),
        }  # fmt: skip
        made = Contribution(**{**fields, **more})
        if self.design.mode == "plain":
            return made
        panel = {member.id: member.mask_key for member in self.design.members}
        closing = hash_closing(str(day), self.design.digest, list(panel))
        masked = mask_figures(sum_groups(made, self.design), name, mask_key(name), panel, closing)
        return Contribution(**{**fields, **more, "figures": {}, "seats": {}, "masked": tuple(masked)})

    def wrap(self, sent: Contribution) -> Envelope:
        return Envelope("contribution", sent.text, sign_text(sent.text, sign_key(sent.member)))

    def send_all(self, day: date = DAY, numbers: range = range(6)) -> None:
        """Have the others' contributions taken on the next morning."""
        for number in numbers:
            sent = self.make(number, day, nonce=f"{day.toordinal() * 10 + number:064x}")
            take_contribution(self.wrap(sent), datetime.combine(day + timedelta(1), MORNING.time(), UTC))
