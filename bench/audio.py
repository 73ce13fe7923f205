"""The stage's arithmetic alone, in virtual time: rows of `bench.mixing`."""

from bench import mixing
from bench.report import Row


def measure() -> list[Row]:
    """Two and thirteen people talking at once, of thirteen on stage."""
    rows = []
    for talking in (2, 13):
        found = mixing.measure(talking=talking, seconds=20)
        what = f"decode, mix and encode, 13 speakers, {talking} talking"
        rows.append(Row(what, "", f"{found['percent_of_a_core']} % of a core"))
    return rows
