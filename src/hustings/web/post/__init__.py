"""Letters that leave the house: mail, pushes and web hooks, from one queue in SQL.

How to enqueue, so that a letter is part of the change that it tells of:

    async with database.write() as connection:
        ...                                              # the change
        await post.add(connection, [Draft(...)], now_ms) # hustings.web.post.queries
    services.post.wake()                                 # optional: now, not within a second

- `Draft.key` says what the letter is for (`remind:hall:1800000:ACCOUNT`): a key that is there
  already adds nothing, so whoever is not sure whether they enqueued does it again.
- Many rows go in one `add` (an executemany); in steps of 5,000, each in a write of its own, since
  SQLite has one writer: a step takes it some 0.2 s, so 100,000 letters take about 4 s. `not_before_ms` spreads them; `until_ms` says when they are of no use any more.
- Full is TryLater("post_full"), a body above 64 KiB UserError("letter_large").

How to carry: one file here for each transport, a class that keeps `ports.Transport`; it goes into
the list in `web/services.py`. What it answers (`Sent`, `TryAgain`, `Refused`, `Unsure`) decides the
rest: `lanes` (how many at once, which hosts rest) and `verdicts` (what becomes of the letter), both
pure. A letter is claimed, committed as `sending`, and only then sent; what a killed process leaves
there may have arrived: it is `unsure`, shown as that, and not sent again, unless its transport says
that its receivers know a second copy (`again_if_unsure`).
"""
