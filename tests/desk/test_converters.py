"""Any id is one segment of an address, and comes back."""

from __future__ import annotations

import re

import pytest
from django.urls import Resolver404, resolve, reverse
from hypothesis import given
from hypothesis import strategies as st

from releve.desk.endpoint import RefConverter


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_every_id_comes_back_from_its_address(text: str) -> None:
    address = reverse("cell", kwargs={"client": text, "contingency": text})
    assert address.isascii()
    match = resolve(address)
    assert match.kwargs == {"client": text, "contingency": text}


def test_an_id_that_ends_like_a_twin_is_not_taken_for_one() -> None:
    address = reverse("cell", kwargs={"client": "a", "contingency": "b.json"})
    assert address == "/cell/a/b~2Ejson"
    assert resolve(f"{address}.json").url_name == "cell_json"


@pytest.mark.parametrize("path", ["/cell/a/~FF", "/cell/a/b/c", "/cell/a/~g0", "/cell/a/"])
def test_what_is_not_an_id_is_no_page(path: str) -> None:
    with pytest.raises(Resolver404):
        resolve(path)


def test_the_pattern_is_anchored_on_safe_letters() -> None:
    assert re.fullmatch(RefConverter.regex, "carrier:Maroc~20Telecom")
    assert not re.fullmatch(RefConverter.regex, "../x")
