"""A dismissed edge is noticed at once, by a stage that is running."""

from hustings.base.revocations import Revocations, revoke


def test_what_is_revoked_counts_at_once(tmp_path):
    revoked = Revocations(tmp_path)
    assert "paris" not in revoked
    revoke(tmp_path, "paris")
    assert "paris" in revoked
    assert "pari" not in revoked
    revoke(tmp_path, "rome")
    assert "paris" in revoked
    assert "rome" in revoked
