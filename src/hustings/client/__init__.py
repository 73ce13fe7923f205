"""A small typed client of the interface for programs (`/api/v1`, docs/api.md).

    from hustings.client import House

    with House("https://hustings.example", key) as house:
        room = house.rooms.create("Who runs the harbour?", host="Ada")
        print(room.listen)

It imports nothing of the services: a program that uses it speaks HTTP alone.
"""

from hustings.client.errors import ApiError, Changed, Denied, NotFound, TryLater, Unreachable
from hustings.client.house import House
from hustings.client.types import (
    Guest,
    GuestAnswer,
    Helper,
    Invitation,
    Me,
    Message,
    Person,
    PersonInvited,
    Promotion,
    Reminders,
    Room,
    RoomMade,
    RoomPlan,
    Webhook,
    WebhookMade,
    WebhookTold,
    Words,
)

__all__ = [
    "ApiError",
    "Changed",
    "Denied",
    "Guest",
    "GuestAnswer",
    "Helper",
    "House",
    "Invitation",
    "Me",
    "Message",
    "NotFound",
    "Person",
    "PersonInvited",
    "Promotion",
    "Reminders",
    "Room",
    "RoomMade",
    "RoomPlan",
    "TryLater",
    "Unreachable",
    "Webhook",
    "WebhookMade",
    "WebhookTold",
    "Words",
]
