"""Everything the views need, opened from the settings and closed in order."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hustings.base.clock import Clock
from hustings.base.keyfiles import participant_key, service_key
from hustings.base.listening import neighbour_tls
from hustings.settings import Settings
from hustings.store import Database, open_database
from hustings.web.accounts.service import Accounts
from hustings.web.api.pace import Pace
from hustings.web.board.service import Board
from hustings.web.crew.service import Crew
from hustings.web.guests.service import Guests
from hustings.web.house.service import House
from hustings.web.keys.service import Keys
from hustings.web.mailbox.service import Mailbox
from hustings.web.oidc.provider import Provider
from hustings.web.oidc.service import Oidc
from hustings.web.outbound.addresses import origin_of
from hustings.web.outbound.budget import Budget
from hustings.web.outbound.door import Door
from hustings.web.outbound.names import Resolver
from hustings.web.outbox.service import Outbox
from hustings.web.outbox.stage import StageClient
from hustings.web.people.service import People
from hustings.web.post.mail import Mail
from hustings.web.post.ports import Transport
from hustings.web.post.service import Post
from hustings.web.push.vapid import Vapid
from hustings.web.reminders import closing
from hustings.web.reminders.dispatch import Dispatch
from hustings.web.reminders.opening import Notices, open_notices
from hustings.web.reminders.service import Reminders
from hustings.web.rooms.darkroom import Darkroom
from hustings.web.rooms.service import Rooms
from hustings.web.rules.service import HouseRules
from hustings.web.webhooks.service import Hooks
from hustings.web.webhooks.transport import HookTransport
from hustings.wire.links import Links, links_for, stage_url
from hustings.wire.tokens import KeyRing


@dataclass(frozen=True)
class Services:
    """One web service's parts."""

    settings: Settings
    clock: Clock
    database: Database
    house: House
    accounts: Accounts
    people: People
    crew: Crew
    guests: Guests
    keys: Keys
    mailbox: Mailbox
    rooms: Rooms
    rules: HouseRules
    outbox: Outbox
    post: Post
    vapid: Vapid
    reminders: Reminders
    dispatch: Dispatch
    board: Board
    stage: StageClient
    outbound: Door  # to addresses that people type in
    hooks: Hooks
    darkroom: Darkroom
    oidc: Oidc | None  # where the operator named a provider
    links: Links  # as far as the settings alone tell
    pace: Pace = field(default_factory=Pace)
    counts: Counter[str] = field(default_factory=Counter)  # requests by status class

    def links_for(self, asked_host: str) -> Links:
        """Addresses that this visitor can use."""
        return links_for(self.settings, asked_host=asked_host)


@asynccontextmanager
async def open_services(settings: Settings, clock: Clock) -> AsyncIterator[Services]:
    """Open database, keys and the way to the stage. Raises OperatorError."""
    data = Path(settings.data)
    people, services = KeyRing([participant_key(data)]), KeyRing([service_key(data)])
    database = await open_database(settings.web.database, folder=data)
    tls = True if settings.web.stage else neighbour_tls(settings.tls.cert)
    stage = StageClient(stage_url(settings), services, clock, tls=tls)
    links, title = links_for(settings), settings.house.title
    resolvers = to_hooks, to_pushes, to_provider = Resolver(clock), Resolver(clock), Resolver(clock)
    notices: Notices | None = None
    try:
        accounts = Accounts(database, clock)
        outbound = Door(clock, resolve=to_hooks, allow=settings.outbound.allow)
        hooks = Hooks(database, people, links, clock, read=outbound.read, data=data)
        rooms = Rooms(database, people, clock, tell=[closing.learn, hooks.tell])
        notices = open_notices(settings, database, clock, to_pushes)
        carriers = [HookTransport(database, people, outbound, clock), *notices.pushes]
        post = Post(database, [*carriers, *_mail(settings, people, clock)], clock)
        outbox = Outbox(database, rooms, stage, clock)

        def wake() -> None:
            post.wake()
            outbox.wake()

        yield Services(
            settings=settings,
            clock=clock,
            database=database,
            house=House(database, clock),
            accounts=accounts,
            crew=Crew(database, clock, people),
            guests=Guests(database, people, clock),
            people=People(database, clock, people),
            mailbox=Mailbox(database, accounts, post, people, clock, web=links.web, title=title),
            keys=Keys(database, clock),
            rooms=rooms,
            rules=HouseRules(database, clock),
            outbox=outbox,
            post=post,
            vapid=notices.vapid,
            reminders=notices.reminders,
            dispatch=notices.dispatch(database, clock, post, wake),
            board=Board(stage, clock),
            stage=stage,
            outbound=outbound,
            hooks=hooks,
            oidc=_oidc(settings, database, accounts, to_provider, clock),
            links=links,
            darkroom=Darkroom(),
        )
    finally:
        if notices is not None:
            await notices.close()
        for each in resolvers:
            each.close()
        await stage.close()
        await database.close()


def _mail(settings: Settings, keys: KeyRing, clock: Clock) -> list[Transport]:
    """Mail, if it is set up."""
    return [Mail(settings.mail, clock, keys)] if settings.mail.host else []


def _oidc(
    settings: Settings, database: Database, accounts: Accounts, resolver: Resolver, clock: Clock
) -> Oidc | None:
    """The provider, if one is named; its own origin may lie in the operator's network."""
    oidc = settings.oidc
    if not oidc.issuer:
        return None
    door = Door(
        clock,
        resolve=resolver,
        allow=(*settings.outbound.allow, origin_of(oidc.issuer)),
        budget=Budget(rate=10, burst=100, of_host=16),  # people wait, and challenges bound them
    )
    return Oidc(oidc, database, accounts, Provider(oidc, door, clock), clock)
