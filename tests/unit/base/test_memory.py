"""How much memory this process uses."""

import resource

from hustings.base.memory import memory_share


def test_the_share_is_known_also_when_no_file_can_be_opened() -> None:
    before = memory_share()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        assert 0.5 * before <= memory_share() <= 2 * before < 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
