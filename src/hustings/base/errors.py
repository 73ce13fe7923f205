"""Errors sorted by who must act: the person, the other program, the operator, or time.

Everything that is not one of these is a bug. Each carries a stable `code` (listed in
docs/protocol.md), a sentence that says what to do, and the HTTP status it becomes. Services
turn them into RFC 9457 problem documents with `problem()`.
"""

from typing import Any, ClassVar


class HustingsError(Exception):
    """Base of all errors we raise on purpose."""

    status: ClassVar[int] = 500

    def __init__(self, code: str, title: str, **facts: Any) -> None:
        super().__init__(title)
        self.code = code
        self.title = title
        self.facts = facts

    def problem(self) -> dict[str, Any]:
        """The RFC 9457 document: type, title, status, code and any further facts."""
        return {
            "type": f"urn:hustings:error:{self.code}",
            "title": self.title,
            "status": self.facts.get("status", self.status),
            "code": self.code,
            **{k: v for k, v in self.facts.items() if k != "status"},
        }


class UserError(HustingsError):
    """The person can mend it: a wrong name, a file we cannot read, a command in the wrong state."""

    status = 400


class PeerError(HustingsError):
    """The other program broke the protocol."""

    status = 400


class Denied(HustingsError):
    """Not allowed: no, an expired, a foreign or a revoked credential, or the wrong role."""

    status = 403


class NotFound(HustingsError):
    """There is no such thing here."""

    status = 404


class TryLater(HustingsError):
    """Full or starting: the same call may succeed after `delay_s` seconds."""

    status = 503

    def __init__(self, code: str, title: str, *, delay_s: float = 2.0, **facts: Any) -> None:
        super().__init__(code, title, **facts)
        self.delay_s = delay_s


class OperatorError(HustingsError):
    """Whoever runs the machine must act: a setting, a port, the disk, a missing program."""

    status = 500
