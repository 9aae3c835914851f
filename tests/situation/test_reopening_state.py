"""What a closed site waits for, and what of it each reader may take back."""

from __future__ import annotations

from datetime import timedelta

from releve.situation import Reopening, find_reopening
from tests.situation.rule_chain import Chain


def waits(chain: Chain, reader: str = "samira") -> Reopening:
    found = find_reopening(chain.situation, "casa", chain.operator, chain.rules, chain.now, reader)
    assert found is not None
    return found


def test_a_closed_site_waits_for_its_checklist_two_people_and_its_earliest_time() -> None:
    chain = Chain()
    assert find_reopening(chain.situation, "casa", chain.operator, chain.rules, chain.now, "x") is None
    earliest = chain.now + timedelta(days=1)
    chain.record("site.closed", site="casa", cause="hazard", earliest_reopening=earliest)
    begun = waits(chain)
    assert begun.waits
    assert begun.undone == len(begun.items) > 0
    for item in begun.items:
        chain.record("reopening.checked", site="casa", item=item.id, actor="karim")
    done = waits(chain)
    assert done.undone == 0
    assert all(item.done and item.done.by == "karim" and item.done.undo for item in done.items)
    chain.record("reopening.approved", site="casa", actor="samira")
    (approval,) = waits(chain).approvals
    assert (approval.by, bool(approval.undo), waits(chain).mine) == ("samira", True, True)
    other = waits(chain, "karim")
    assert (other.mine, other.approvals[0].undo, other.approvals_missing) == (False, "", True)
    assert not any(item.done and item.done.undo for item in other.items), "it was approved"
    chain.after(days=2)
    chain.record("reopening.approved", site="casa", actor="karim")
    last = waits(chain)
    assert (last.waits, last.undone, last.approvals_missing) == (False, 0, False)
