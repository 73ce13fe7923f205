"""What carries letters: the Protocol that each transport keeps."""

from typing import Protocol

from hustings.web.post.model import Letter, Outcome, TransportName


class Transport(Protocol):
    """One way out of the house."""

    name: TransportName
    most: int
    """Letters under way at once."""
    most_of_host: int
    """Of those, to one host."""
    host_rest_s: float
    """How long a host that fails rests at most, if it does not ask for more."""
    again_if_unsure: bool
    """Whether receivers know a second copy by its key, so that what may have arrived goes again."""

    async def send(self, letter: Letter) -> Outcome:
        """Try once, within its own time limits (15 minutes are the most). What it raises is a bug: the letter is given up."""
        ...

    async def close(self) -> None:
        """Let connections go."""
        ...
