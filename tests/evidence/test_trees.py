"""Trees: the ledger's and the verifier's against the definition, and another implementation."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from pymerkle import InmemoryTree, verify_consistency, verify_inclusion

from releve.ledger.merkle import consistency_path, fold_hashes, inclusion_path, leaf_hash, list_subtrees, tree_hash
from releve.ledger.verify import Tree, VerifyError, is_grown, is_included

ENTRIES = [hashlib.sha256(b"%d" % n).hexdigest() for n in range(71)]
LEAVES = [bytes.fromhex(text) for text in ENTRIES]
SIZES = (*range(1, 35), 63, 64, 65, 70)


def subtree(level: int, index: int) -> bytes:
    width = 1 << level
    return fold_hashes([leaf_hash(data) for data in LEAVES[index * width : (index + 1) * width]])


def by_definition(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162, section 2.1.1."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    left, right = by_definition(leaves[:half]), by_definition(leaves[half:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize("size", SIZES)
def test_the_root_is_that_of_the_definition(size: int) -> None:
    root = by_definition(LEAVES[:size])
    tree = Tree()
    for entry in ENTRIES[:size]:
        tree.add(entry)
    assert tree_hash(size, subtree) == root
    assert tree.root() == root.hex()
    assert len(tree.subtrees) == size.bit_count()


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_is_proved_and_no_other(size: int) -> None:
    root = by_definition(LEAVES[:size]).hex()
    for leaf in range(size):
        path = [node.hex() for node in inclusion_path(leaf, size, subtree)]
        assert len(path) <= (size - 1).bit_length()
        assert is_included(ENTRIES[leaf], leaf + 1, size, path, root)
        assert not is_included(ENTRIES[leaf + 1], leaf + 1, size, path, root)
        assert not is_included(ENTRIES[leaf], leaf + 1, size, [*path, root], root)
        assert not is_included(ENTRIES[leaf], leaf + 1, size, path[:-1], root) or not path
        others = [seq for seq in range(1, size + 1) if seq != leaf + 1]
        assert not any(is_included(ENTRIES[leaf], seq, size, path, root) for seq in others)


@pytest.mark.parametrize("second", SIZES)
def test_every_growth_is_proved_and_no_other(second: int) -> None:
    new = {"size": second, "tree": by_definition(LEAVES[:second]).hex()}
    for first in range(1, second + 1):
        old = {"size": first, "tree": by_definition(LEAVES[:first]).hex()}
        path = [node.hex() for node in consistency_path(first, second, subtree)]
        assert is_grown(old, new, path)
        forged = {"size": first, "tree": by_definition(LEAVES[1 : first + 1]).hex()}
        assert not is_grown(forged, new, path)
        assert not is_grown(old, new, [*path, new["tree"]])
        if path:
            assert not is_grown(old, new, path[:-1])
            assert not is_grown(old, {**new, "tree": old["tree"]}, path)


@pytest.mark.parametrize("sizes", [(1, 2, 3, 4), (5, 6, 33, 70), (64, 65), (63, 70), (70,)])
def test_a_history_gives_the_root_of_every_size_in_it(sizes: tuple[int, ...]) -> None:
    """What a proof of growth from each would show, joined from left to right."""
    tree = Tree()
    for start, size in pairwise((0, *sizes)):
        nodes = [subtree(level, index).hex() for level, index in list_subtrees(start, size)]
        tree.grow(size, nodes)
        assert (tree.size, tree.root()) == (size, by_definition(LEAVES[:size]).hex())
        for wrong in (nodes[:-1], [*nodes, nodes[0]]):
            with pytest.raises(VerifyError, match="does not lead to a root"):
                grow_from(start, nodes=wrong, size=size)


def grow_from(start: int, nodes: list[str], size: int) -> None:
    tree = Tree()
    for entry in ENTRIES[:start]:
        tree.add(entry)
    tree.grow(size, nodes)


def other_tree(size: int) -> Any:
    tree = InmemoryTree(algorithm="sha256")
    for data in LEAVES[:size]:
        tree.append_entry(data)
    return tree


@pytest.mark.parametrize("size", [1, 2, 7, 8, 33, 70])
def test_another_implementation_finds_the_same(size: int) -> None:
    other = other_tree(size)
    root = tree_hash(size, subtree)
    assert other.get_root() == root
    for leaf in range(size):
        proof = other.prove_inclusion(leaf + 1, size)
        verify_inclusion(leaf_hash(LEAVES[leaf]), root, proof)
        assert proof.path[1:] == inclusion_path(leaf, size, subtree)
    for first in range(1, size + 1):
        verify_consistency(tree_hash(first, subtree), root, other.prove_consistency(first, size))
