"""The tree is RFC 9162's: roots of the Certificate Transparency test vectors, and the definition itself."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.journal.merkle import EMPTY_ROOT, Frontier, leaf_hash, node_hash

# Leaves and roots of the reference implementation of RFC 6962/9162 (certificate-transparency, merkletree tests).
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def tree_hash(leaves: list[bytes]) -> bytes:
    """MTH as RFC 9162 2.1.1 defines it, by recursion."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(tree_hash(leaves[:k]), tree_hash(leaves[k:]))


def test_the_known_roots():
    tree = Frontier()
    assert tree.root() == EMPTY_ROOT
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        tree.append(leaf)
        assert tree.root().hex() == root


@given(st.lists(st.binary(max_size=8), max_size=70), st.integers(0, 70))
def test_any_tree_is_the_definition_and_survives_a_restart(leaves, cut):
    tree = Frontier()
    for leaf in leaves[:cut]:
        tree.append(leaf)
    tree = Frontier(tree.size, tree.hashes)
    for leaf in leaves[cut:]:
        tree.append(leaf)
    assert tree.size == len(leaves)
    assert len(tree.hashes) == len(leaves).bit_count()
    assert tree.root() == tree_hash(leaves)


@pytest.mark.parametrize(("size", "edge"), [(1, []), (3, [b"x" * 32]), (1, [b"short"]), (-1, [])])
def test_an_impossible_edge_is_refused(size, edge):
    with pytest.raises(ValueError, match="cannot be the edge"):
        Frontier(size, edge)
