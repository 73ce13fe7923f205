"""What a house that was restored does not send: the one before may have sent it already.

Keeps true: nothing that was queued, and no reminder that was begun, at the moment of the backup goes
out of a restored house by itself, be it a trial on another machine or the house's successor. What
became of it is said where people look: on the post's page, of webhooks, and in the rooms' records.
"""

from typing import Final

from sqlalchemy import Connection, update

from hustings.store.schema import deliveries, letters, promotions

REASON: Final = "It was on its way at the backup; the house before may have sent it."


def end_sendings(connection: Connection, now_ms: int) -> None:
    """Give up what waits, leave open what was on its way, close the windows of reminders. In the restore's transaction."""
    over = {"body": b"", "recipient": "", "error": REASON, "changed_ms": now_ms}
    for before, after in (("waiting", "given_up"), ("sending", "unsure")):
        ended = update(letters).where(letters.c.state == before)
        connection.execute(ended.values(state=after, **over))
    waited = update(deliveries).where(deliveries.c.state == "waiting")
    connection.execute(waited.values(state="failed", answer=REASON))
    p = promotions.c  # web counts who is left and tells the record, as at the end of any window
    opened = update(promotions).where(p.state == "open", p.ends_ms > now_ms)
    connection.execute(opened.values(ends_ms=now_ms))
