from __future__ import annotations

from crm.verification import Invariant

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
]  # fmt: skip
