"""The running order: what comes when, who speaks, and for how long it was planned. Pure.

Keeps true: at most one item is current; an item begins at the media time of its public `agenda`
entry, which is what chapters of a replay are made of. The list itself is the hosts' own (kind
`order`, stage only): listeners learn of an item when it begins. `stage.evening.evening` folds
changes in and asks for new ones.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from hustings.base.errors import NotFound, TryLater, UserError
from hustings.stage.names import clean
from hustings.stage.room import Change
from hustings.wire import kinds
from hustings.wire.kinds import Agenda, Order, OrderItem
from hustings.wire.names import SAMPLE_RATE

ITEMS: Final = 40  # 21 kB at most as an entry; beyond: `order_full`
TITLE_CHARS: Final = 120
WHO_CHARS: Final = 80
LONGEST_S: Final = 4 * 3_600


class RunningOrder:
    """The items, which one is current, and how long each took so far."""

    def __init__(self) -> None:
        self.items: list[OrderItem] = []
        self.now = Agenda()
        self.began = 0  # media time at which the current item began
        self._spent: dict[str, int] = {}  # item -> samples, without the current turn

    # --- state -------------------------------------------------------------------------------

    def fold(self, body: Order | Agenda, at: int) -> None:
        """Take a change in; at: the entry's media time."""
        if isinstance(body, Order):
            self.items = list(body.items)
            kept = {item.id for item in self.items} | {self.now.id}
            self._spent = {item: spent for item, spent in self._spent.items() if item in kept}
        elif body.again:
            self.now = msgspec.structs.replace(body, again=False)
        else:
            if self.now.id:
                self._spent[self.now.id] = self.spent(self.now.id, at)
            self.now, self.began = body, at

    def spent(self, item: str, at: int) -> int:
        """Samples that an item has taken until media time `at`."""
        running = max(0, at - self.began) if item and item == self.now.id else 0
        return self._spent.get(item, 0) + running

    def state(self) -> dict[str, Any]:
        """What `restore` needs, as plain data."""
        return {
            "items": [msgspec.to_builtins(item) for item in self.items],
            "now": msgspec.to_builtins(self.now),
            "began": self.began,
            "spent": dict(self._spent),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where an earlier run of the stage stood."""
        self.items = msgspec.convert(state.get("items", []), list[OrderItem])
        self.now = msgspec.convert(state.get("now", {}), Agenda)
        self.began = int(state.get("began", 0))
        self._spent = dict(state.get("spent", {}))

    def shown(self) -> dict[str, Any]:
        """The current item as listeners may know it; empty if there is none."""
        return {**msgspec.to_builtins(self.now), "at": self.began} if self.now.id else {}

    def view(self, at: int) -> dict[str, Any]:
        """The whole as people on the control socket see it; seconds at media time `at`."""
        items = [
            {**msgspec.structs.asdict(item), "spent_s": self.spent(item.id, at) // SAMPLE_RATE}
            for item in self.items
        ]
        turn_s = max(0, at - self.began) // SAMPLE_RATE if self.now.id else 0
        return {"items": items, "now": self.now.id, "turn_s": turn_s}

    # --- what hosts ask for -------------------------------------------------------------------

    def put(self, args: Mapping[str, Any]) -> list[Change]:
        """Add an item, or with `item` change one. Raises `item_title`, `item_planned`, `order_full`."""
        title = clean(str(args.get("title", "")), TITLE_CHARS)
        if not title:
            raise UserError("item_title", "Say what this point of the running order is about.")
        try:
            planned_s = int(args.get("planned_s") or 0)
        except (TypeError, ValueError):
            planned_s = -1
        if not 0 <= planned_s <= LONGEST_S:
            raise UserError("item_planned", "A point is planned for 0 seconds to 4 hours.")
        known = str(args.get("item", ""))
        item = OrderItem(
            id=self._known(known).id if known else self._new_id(),
            title=title,
            who=clean(str(args.get("who", "")), WHO_CHARS),
            participant=str(args.get("participant", ""))[:WHO_CHARS],
            planned_s=planned_s,
        )
        if known:
            changes = self._list([item if each.id == known else each for each in self.items])
            told = Agenda(item.id, item.title, item.who, item.planned_s)
            if known == self.now.id and told != self.now:  # what listeners see changes with it
                changes.append(Change(kinds.AGENDA, msgspec.structs.replace(told, again=True)))
            return changes
        if len(self.items) >= ITEMS:
            raise TryLater("order_full", f"A running order has {ITEMS} points at most.", delay_s=60)
        return self._list([*self.items, item])

    def drop(self, args: Mapping[str, Any]) -> list[Change]:
        """Take an item out; one that is out already is no error. The current one ends."""
        item = str(args.get("item", ""))
        ending = self.end() if item and item == self.now.id else []
        return ending + self._list([each for each in self.items if each.id != item])

    def move(self, args: Mapping[str, Any]) -> list[Change]:
        """Put `item` where `before` stands; without `before`, at the end."""
        item = self._known(str(args.get("item", "")))
        before = str(args.get("before", ""))
        others = [each for each in self.items if each.id != item.id]
        place = next((n for n, each in enumerate(others) if each.id == before), len(others))
        return self._list([*others[:place], item, *others[place:]])

    def start(self, args: Mapping[str, Any]) -> list[Change]:
        """Begin an item; what was current ends with it."""
        item = self._known(str(args.get("item", "")))
        if item.id == self.now.id:
            return []
        return [Change(kinds.AGENDA, Agenda(item.id, item.title, item.who, item.planned_s))]

    def next(self, args: Mapping[str, Any]) -> list[Change]:
        """Begin what follows `after`, the item that the asker sees; after the last: end.

        Two hosts who press at once move one step: for the second, `after` is not current any more.
        """
        after = str(args.get("after", ""))
        if after != self.now.id:
            return []
        ids = [item.id for item in self.items]
        place = ids.index(after) + 1 if after in ids else 0
        return self.start({"item": ids[place]}) if place < len(ids) else self.end()

    def end(self) -> list[Change]:
        """No item is current from now on."""
        return [Change(kinds.AGENDA, Agenda())] if self.now.id else []

    def _list(self, items: list[OrderItem]) -> list[Change]:
        return [] if items == self.items else [Change(kinds.ORDER, Order(items), public=False)]

    def _known(self, item: str) -> OrderItem:
        for each in self.items:
            if each.id == item:
                return each
        raise NotFound("item_unknown", "This point is not in the running order any more.")

    def _new_id(self) -> str:
        """`i1`, `i2` …; an id is not used again while anything knows it."""
        known = [*(item.id for item in self.items), *self._spent, self.now.id]
        return f"i{1 + max((int(each[1:]) for each in known if each), default=0)}"
