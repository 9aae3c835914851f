"""The rules and the charter that the product ships, and those of an installation, as rules."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import resources

from releve.situation import Rules, load_rules, situation_markdown

__all__ = ["rules_with", "shipped_rules"]


def rules_with(texts: Iterable[str] = (), charters: Iterable[str] = ()) -> Rules:
    """Return the shipped rules and charter together with an installation's own YAML texts.

    RuleFaults names every fault of any of them.
    """
    shipped = resources.files("releve.situation") / "data"
    rules = (shipped / "rules.yaml").read_text(encoding="utf-8")
    charter = (shipped / "charter.yaml").read_text(encoding="utf-8")
    return load_rules((rules, *texts), (charter, *charters))


@cache
def shipped_rules() -> Rules:
    """Return the rules and the charter that the product ships."""
    return rules_with()


if __name__ == "__main__":
    print(situation_markdown(shipped_rules()), end="")
