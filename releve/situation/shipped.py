"""The rules and the charter that the product ships, and those of an installation, as rules."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import resources

from releve.situation import ChosenPack, SituationRules, load_rules, write_reference


def load_rules_with(
    texts: Iterable[str] = (), charters: Iterable[str] = (), chosen: Iterable[ChosenPack] = ()
) -> SituationRules:
    """Return the shipped rules and charter together with an installation's own YAML texts.

    Of the shipped packs, those that are ``chosen`` are in force on their days.
    SituationRuleFaults names every fault of any of them.
    """
    shipped = resources.files("releve.situation") / "data"
    rules = (shipped / "rules.yaml").read_text(encoding="utf-8")
    charter = (shipped / "charter.yaml").read_text(encoding="utf-8")
    files = (entry for entry in (shipped / "packs").iterdir() if entry.name.endswith(".yaml"))
    packs = [file.read_text(encoding="utf-8") for file in sorted(files, key=lambda f: f.name)]
    return load_rules((rules, *texts), (charter, *charters), packs).choose(chosen)


@cache
def load_shipped_rules() -> SituationRules:
    """Return the rules and the charter that the product ships, no pack in force."""
    return load_rules_with()


if __name__ == "__main__":
    print(write_reference(load_shipped_rules()), end="")
