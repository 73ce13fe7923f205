"""Which other programs are told what happens in a house."""

from collections.abc import Sequence

import msgspec

from hustings.client.http import Line, read
from hustings.client.types import Webhook, WebhookMade, WebhookTold


class _Webhooks(msgspec.Struct):
    webhooks: list[Webhook]


class Webhooks:
    """`house.webhooks`."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def list(self) -> Sequence[Webhook]:
        """All of the house."""
        return self._line.get("/webhooks", _Webhooks).webhooks

    def get(self, webhook: Webhook | str) -> WebhookTold:
        """One of them, and how its last messages went."""
        return self._line.get(f"/webhooks/{_name(webhook)}", WebhookTold)

    def create(self, url: str, events: Sequence[str]) -> WebhookMade:
        """One more; its secret is in this answer alone."""
        asked = {"url": url, "events": events}
        return read(self._line.call("POST", "/webhooks", body=asked, once=True), WebhookMade)

    def change(
        self, webhook: Webhook | str, url: str, events: Sequence[str], *, on: bool = True
    ) -> Webhook:
        """Another address, other events; paused, or told again."""
        asked = {"url": url, "events": events, "state": "on" if on else "off"}
        return read(self._line.call("PUT", f"/webhooks/{_name(webhook)}", body=asked), Webhook)

    def renew_secret(self, webhook: Webhook | str) -> WebhookMade:
        """A new secret; for a day the one before signs too."""
        return read(self._line.call("POST", f"/webhooks/{_name(webhook)}/secret"), WebhookMade)

    def test(self, webhook: Webhook | str) -> None:
        """Send a message that tells of nothing."""
        self._line.call("POST", f"/webhooks/{_name(webhook)}/test")

    def send_again(self, webhook: Webhook | str, message: str) -> None:
        """The same message once more."""
        self._line.call("POST", f"/webhooks/{_name(webhook)}/deliveries/{message}/again")

    def remove(self, webhook: Webhook | str) -> None:
        """Forget it."""
        self._line.call("DELETE", f"/webhooks/{_name(webhook)}")


def _name(webhook: Webhook | str) -> str:
    return webhook if isinstance(webhook, str) else webhook.webhook
