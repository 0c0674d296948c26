"""What happens here is told to other programs: signed, at least once, and never to an address inside.

A row of change is the outbox: the rule that changes a record wrote it in its own transaction. `reading` finds those rows
and writes a delivery for each webhook that asks for the event; `delivering` claims what is due and sends it by `post`,
which connects only to what `addresses` has checked; `keeping` is the one writer of webhooks; `kinds` knows what the apps
above offer.
"""
