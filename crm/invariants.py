from __future__ import annotations

from django.db import connection

from crm.verification import Invariant

# Two leases of a sender before the webhooks were last at work: nobody who is at work leaves a row so long.
_LEFT_BEHIND = {
    "sqlite": "datetime(lease_until, '+120 seconds') < (SELECT datetime(max(tried_at)) FROM crm_webhook)",
    "postgresql": "lease_until + interval '120 seconds' < (SELECT max(tried_at) FROM crm_webhook)",
}[connection.vendor]

# The key of a reminder's delivery, as crm/models/reminders.py says it; and the number of a reminder in the key of a notice.
_KEY = {
    "sqlite": "'reminder ' || r.id || ' ' || replace(r.due_at, ' ', 'T') || CASE length(r.due_at) WHEN 19 THEN '.000000Z' ELSE 'Z' END",
    "postgresql": "'reminder ' || r.id || ' ' || to_char(r.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
}[connection.vendor]
_NUMBER = {
    "sqlite": "CAST(substr(n.key, 10, instr(substr(n.key, 10), ' ') - 1) AS INTEGER)",
    "postgresql": "split_part(n.key, ' ', 2)::bigint",
}[connection.vendor]
_FALSE = {"sqlite": "'false'", "postgresql": "'false'::jsonb"}[connection.vendor]
_MINUTES_BEFORE_THE_LAST_TRY = {
    "sqlite": "datetime(r.not_before, '+300 seconds') < (SELECT datetime(max(tried_at)) FROM crm_reminder)",
    "postgresql": "r.not_before + interval '300 seconds' < (SELECT max(tried_at) FROM crm_reminder)",
}[connection.vendor]
_SENT_LATER = {
    "sqlite": "datetime(lease_until, '+60 seconds') < (SELECT datetime(max(sent_at)) FROM crm_outgoingmail)",
    "postgresql": "lease_until + interval '60 seconds' < (SELECT max(sent_at) FROM crm_outgoingmail)",
}[connection.vendor]
_TOLD = "SELECT count(*) FROM crm_notice n WHERE n.key LIKE 'reminder %'"
_DONE = "SELECT count(*) FROM crm_reminder WHERE state = 'done'"

INVARIANTS = [
    Invariant(
        "company_once", "there is at most one company row",
        "SELECT count(*) FROM crm_company",
        "SELECT id FROM crm_company WHERE id <> 1",
    ),
    Invariant(
        "team_no_circle", "no team is part of itself, not even by way of others",
        "SELECT count(*) FROM crm_team",
        "WITH RECURSIVE above (start, team) AS (SELECT id, parent_id FROM crm_team WHERE parent_id IS NOT NULL"
        " UNION SELECT above.start, crm_team.parent_id FROM above JOIN crm_team ON crm_team.id = above.team"
        " WHERE crm_team.parent_id IS NOT NULL) SELECT start FROM above WHERE start = team",
    ),
    Invariant(
        "mail_state", "mail that was sent says when and keeps no text; mail given up says why",
        "SELECT count(*) FROM crm_outgoingmail",
        "SELECT id, state FROM crm_outgoingmail WHERE (state = 'sent' AND (sent_at IS NULL OR body <> ''))"
        " OR (state = 'dead' AND last_error = '') OR attempts > 5",
    ),
    Invariant(
        "webhook_delivery", "an event is tried five times at most; what was sent says when, and what was not says why",
        "SELECT count(*) FROM crm_webhookdelivery",
        "SELECT id, state FROM crm_webhookdelivery WHERE attempts > 5 OR (state = 'sent') <> (sent_at IS NOT NULL)"
        " OR (state IN ('parked', 'dropped') AND last_error = '') OR (state = 'sending') <> (lease_until IS NOT NULL)",
    ),
    Invariant(
        "webhook_not_left", "no event is left half sent while webhooks are at work",
        "SELECT count(*) FROM crm_webhookdelivery WHERE state = 'sending'",
        "SELECT d.id FROM crm_webhookdelivery d JOIN crm_webhook w ON w.id = d.webhook_id WHERE d.state = 'sending'"  # noqa: S608
        f" AND d.event <> 'test' AND w.paused_at IS NULL AND {_LEFT_BEHIND}",
    ),
    Invariant(
        "webhook_position", "changes are read in order: what is settled was read, and nothing beyond the last change is",
        "SELECT count(*) FROM crm_webhookposition",
        "SELECT id FROM crm_webhookposition WHERE settled_to > read_to OR id <> 1",
    ),
    Invariant(
        "reminder_not_left", "no reminder waits five minutes past its time while a worker is at work",
        "SELECT count(*) FROM crm_reminder WHERE state = 'pending'",
        f"SELECT r.id FROM crm_reminder r WHERE r.state = 'pending' AND {_MINUTES_BEFORE_THE_LAST_TRY}",  # noqa: S608
    ),
    Invariant(
        "reminder_told", "each delivered reminder has its one notice",
        _DONE,
        "SELECT r.id FROM crm_reminder r WHERE r.state = 'done' AND NOT EXISTS"  # noqa: S608
        f" (SELECT 1 FROM crm_notice n WHERE n.user_id = r.user_id AND n.key = {_KEY})",
    ),
    Invariant(
        "reminder_told_by", "each notice of a reminder has its delivered reminder",
        _TOLD,
        "SELECT n.id FROM crm_notice n WHERE n.key LIKE 'reminder %' AND NOT EXISTS (SELECT 1 FROM crm_reminder r"  # noqa: S608
        f" WHERE r.id = {_NUMBER} AND r.state = 'done' AND r.user_id = n.user_id AND n.key = {_KEY})",
    ),
    Invariant(
        "reminder_mail", "what is told by email only has its mail, and a mail about a reminder has its notice",
        _TOLD,
        "SELECT n.id FROM crm_notice n WHERE n.key LIKE 'reminder %' AND NOT n.in_bell AND NOT EXISTS"
        " (SELECT 1 FROM crm_outgoingmail m WHERE m.key = n.key || ' ' || n.user_id)"
        " UNION ALL SELECT m.id FROM crm_outgoingmail m WHERE m.key LIKE 'reminder %' AND NOT EXISTS"
        " (SELECT 1 FROM crm_notice n WHERE n.user_id = m.user_id AND m.key = n.key || ' ' || n.user_id)",
    ),
    Invariant(
        "mail_once", "of each mail there is one row, whatever became of it",
        "SELECT count(*) FROM crm_outgoingmail",
        "SELECT key FROM crm_outgoingmail GROUP BY key HAVING count(*) > 1",
    ),
    Invariant(
        "mail_not_left", "no mail is left half sent while others go out",
        "SELECT count(*) FROM crm_outgoingmail WHERE state = 'sending'",
        f"SELECT id FROM crm_outgoingmail WHERE state = 'sending' AND {_SENT_LATER}",  # noqa: S608
    ),
    Invariant(
        "reminder_dead", "a reminder that was given up says why, and its user is told so",
        "SELECT count(*) FROM crm_reminder WHERE state = 'dead'",
        "SELECT r.id FROM crm_reminder r WHERE r.state = 'dead' AND (r.reason = '' OR NOT EXISTS"  # noqa: S608
        f" (SELECT 1 FROM crm_notice n WHERE n.user_id = r.user_id AND n.key = 'undelivered ' || {_KEY}))",
    ),
    Invariant(
        "reminder_attempts", "a reminder is tried five times at most, and one that was cancelled says why",
        "SELECT count(*) FROM crm_reminder",
        "SELECT id, state FROM crm_reminder WHERE attempts > 5 OR (state = 'cancelled' AND reason = '')",
    ),
    Invariant(
        "reminder_to_people_here", "nothing was delivered to somebody who did not work here at that time",
        _DONE,
        "SELECT r.id FROM crm_reminder r JOIN crm_change c ON c.object_type = 'user' AND c.object_id = r.user_id"  # noqa: S608
        f" AND c.field = 'is_active' AND c.new = {_FALSE} AND c.at <= r.done_at WHERE r.state = 'done' AND NOT EXISTS"
        " (SELECT 1 FROM crm_change later WHERE later.object_type = 'user' AND later.object_id = r.user_id"
        " AND later.field = 'is_active' AND later.at > c.at AND later.at <= r.done_at)",
    ),
]  # fmt: skip
