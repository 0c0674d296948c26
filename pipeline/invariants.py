"""What must hold of deals and their history, said a second time in SQL that both engines read."""

from __future__ import annotations

from crm.verification import Invariant

_STANDING = "SELECT count(*) FROM pipeline_stagevisit WHERE undone_at IS NULL"
_DEALS = "SELECT count(*) FROM pipeline_deal"

INVARIANTS = [
    Invariant(
        "one_open_visit", "each deal has exactly one open stay", _DEALS,
        "SELECT d.id, count(v.id) FROM pipeline_deal d LEFT JOIN pipeline_stagevisit v"
        " ON v.deal_id = d.id AND v.left_at IS NULL AND v.undone_at IS NULL GROUP BY d.id HAVING count(v.id) <> 1",
    ),
    Invariant(
        "no_gap_no_overlap", "the stays of a deal are numbered from 1, each begins when the one before it ends", _STANDING,
        "SELECT deal_id, seq FROM (SELECT deal_id, seq, entered_at, lag(left_at) OVER w AS ended, row_number() OVER w AS place"
        " FROM pipeline_stagevisit WHERE undone_at IS NULL WINDOW w AS (PARTITION BY deal_id ORDER BY seq)) link"
        " WHERE seq <> place OR (place > 1 AND (ended IS NULL OR ended <> entered_at))",
    ),
    Invariant(
        "deal_can_be_found", "each deal has the folded title by which it is found", _DEALS,
        "SELECT id FROM pipeline_deal WHERE title_key = ''",
    ),
    Invariant(
        "ends_after_start", "no stay ends before it begins", _STANDING,
        "SELECT id FROM pipeline_stagevisit WHERE left_at < entered_at",
    ),
    Invariant(
        "deal_is_where_its_open_visit_is", "a deal's stage, status, date of entry and date of closing are those of its open stay", _DEALS,
        "SELECT d.id FROM pipeline_deal d JOIN pipeline_stagevisit v ON v.deal_id = d.id AND v.left_at IS NULL AND v.undone_at IS NULL"
        " JOIN pipeline_stage s ON s.id = v.stage_id WHERE v.stage_id <> d.stage_id OR s.kind <> d.status"
        " OR v.entered_at <> d.stage_entered_at OR v.entered_precision <> d.stage_entered_precision"
        " OR coalesce(v.closed_at, v.entered_at) <> coalesce(d.closed_at, v.entered_at)"
        " OR coalesce(v.credited_owner_id, 0) <> coalesce(d.credited_owner_id, 0)"
        " OR coalesce(v.credited_team_id, 0) <> coalesce(d.credited_team_id, 0)",
    ),
    Invariant(
        "life_begins_with_first_visit", "a deal starts with its first stay", _DEALS,
        "SELECT d.id FROM pipeline_deal d JOIN pipeline_stagevisit v ON v.deal_id = d.id AND v.seq = 1 AND v.undone_at IS NULL"
        " WHERE v.entered_at <> d.started_at",
    ),
    Invariant(
        "stage_of_pipeline", "a deal's stage belongs to its pipeline, and is in use or has said where its deals go", _DEALS,
        "SELECT d.id, d.stage_id FROM pipeline_deal d JOIN pipeline_stage s ON s.id = d.stage_id"
        " WHERE s.pipeline_id <> d.pipeline_id OR (s.retired_at IS NOT NULL AND s.retired_into_id IS NULL)",
    ),
    Invariant(
        "closed_or_not", "a closed deal says when and with whom; an open one says neither", _DEALS,
        "SELECT id FROM pipeline_deal WHERE (status = 'open') <> (closed_at IS NULL) OR (status = 'open') <> (credited_owner_id IS NULL)",
    ),
    Invariant(
        "value_is_money", "a value is unknown, or a number from 0 to 13 digits", _DEALS,
        "SELECT id, value FROM pipeline_deal WHERE value < 0 OR NOT (value < 10000000000000)",
    ),
    Invariant(
        "let_in_with_reason", "who was let in against the conditions has a reason, a manager and the conditions kept", _STANDING,
        "SELECT v.id FROM pipeline_stagevisit v WHERE v.let_in = 'override' AND (v.reason = '' OR v.by_id IS NULL OR NOT EXISTS ("
        "SELECT 1 FROM pipeline_moveattempt a JOIN pipeline_attemptcondition c ON c.attempt_id = a.id AND c.result = 'overridden'"
        " WHERE a.deal_id = v.deal_id AND a.to_stage_id = v.stage_id AND a.outcome = 'moved'))",
    ),
    Invariant(
        "let_in_through_conditions", "no stay that conditions let in has a condition that stopped it", _STANDING,
        "SELECT v.id FROM pipeline_stagevisit v JOIN pipeline_moveattempt a ON a.visit_id = v.id"
        " JOIN pipeline_attemptcondition c ON c.attempt_id = a.id"
        " WHERE v.let_in IN ('conditions', 'reopened') AND c.result <> 'warned'",
    ),
    Invariant(
        "let_in_known", "each stay that is no history has the attempt that led to it; history has an import or a reason", _STANDING,
        "SELECT v.id, v.let_in FROM pipeline_stagevisit v WHERE v.undone_at IS NULL AND ("
        "(v.let_in = 'history' AND v.via <> 'import' AND v.reason = '') OR (v.let_in <> 'history' AND NOT EXISTS ("
        "SELECT 1 FROM pipeline_moveattempt a WHERE a.deal_id = v.deal_id AND a.to_stage_id = v.stage_id AND a.outcome = 'moved')))",
    ),
    Invariant(
        "lost_is_lost", "only a lost stage is entered without conditions as lost, and never through a gate", _STANDING,
        "SELECT v.id, v.let_in FROM pipeline_stagevisit v JOIN pipeline_stage s ON s.id = v.stage_id"
        " WHERE (v.let_in = 'lost' AND s.kind <> 'lost') OR (s.kind = 'lost' AND v.let_in NOT IN ('lost', 'history', 'retired'))",
    ),
    Invariant(
        "version_of_pipeline", "each stay names a version of the process that it was in", _STANDING,
        "SELECT v.id FROM pipeline_stagevisit v JOIN pipeline_stage s ON s.id = v.stage_id"
        " JOIN pipeline_pipelineversion p ON p.id = v.pipeline_version_id WHERE p.pipeline_id <> s.pipeline_id",
    ),
    Invariant(
        "totals", "the totals of the columns are the sums of the deals", "SELECT count(*) FROM pipeline_columntotal",
        "SELECT stage_id, owner_id, currency FROM ("
        "SELECT stage_id, owner_id, currency, deals, value FROM pipeline_columntotal UNION ALL"
        " SELECT stage_id, owner_id, currency, -count(*), -sum(coalesce(value, 0)) FROM pipeline_deal WHERE deleted_at IS NULL"
        " GROUP BY stage_id, owner_id, currency) both_sides"
        " GROUP BY stage_id, owner_id, currency HAVING sum(deals) <> 0 OR abs(sum(value)) >= 0.005",
    ),
    Invariant(
        "next_task", "a deal's next due time is that of its earliest open task", _DEALS,
        "SELECT d.id FROM pipeline_deal d LEFT JOIN (SELECT deal_id, min(due_at) AS due FROM pipeline_task"
        " WHERE state = 'open' AND deleted_at IS NULL GROUP BY deal_id) t ON t.deal_id = d.id"
        " WHERE (d.next_task_due_at IS NULL) <> (t.due IS NULL) OR d.next_task_due_at <> t.due",
    ),
    Invariant(
        "task_closed_or_not", "a finished task says when, an open one does not",
        "SELECT count(*) FROM pipeline_task",
        "SELECT id FROM pipeline_task WHERE (state = 'open') <> (closed_at IS NULL)",
    ),
    Invariant(
        "task_about_one", "a task is on a deal or for an organization, never both; what a stage planned is on a deal",
        "SELECT count(*) FROM pipeline_task",
        "SELECT id FROM pipeline_task WHERE (deal_id IS NOT NULL AND organization_id IS NOT NULL)"
        " OR (deal_id IS NULL AND (stage_task_id IS NOT NULL OR visit_id IS NOT NULL))",
    ),
    Invariant(
        "task_of_what_is_there", "no open task is for an organization that is deleted or part of another",
        "SELECT count(*) FROM pipeline_task WHERE organization_id IS NOT NULL",
        "SELECT t.id FROM pipeline_task t JOIN leads_organization o ON o.id = t.organization_id"
        " WHERE t.state = 'open' AND t.deleted_at IS NULL AND (o.deleted_at IS NOT NULL OR o.merged_into_id IS NOT NULL)",
    ),
    Invariant(
        "stage_says_that_it_acts", "a stage says so when the process does something by itself there", "SELECT count(*) FROM pipeline_stage",
        "SELECT s.id FROM pipeline_stage s WHERE (s.acts AND NOT EXISTS (SELECT 1 FROM pipeline_processaction a WHERE a.stage_id = s.id"
        " AND a.retired_at IS NULL)) OR (NOT s.acts AND EXISTS (SELECT 1 FROM pipeline_processaction a WHERE a.stage_id = s.id"
        " AND a.retired_at IS NULL))",
    ),
    Invariant(
        "action_of_its_stay", "what the process did for a stay was done to its deal, and no deal opened itself",
        "SELECT count(*) FROM pipeline_actionrun",
        "SELECT r.id FROM pipeline_actionrun r JOIN pipeline_stagevisit v ON v.id = r.visit_id"
        " WHERE v.deal_id <> r.deal_id OR r.made_id = r.deal_id",
    ),
    Invariant(
        "approval_decided", "an answered approval says who and when", "SELECT count(*) FROM pipeline_approval",
        "SELECT id FROM pipeline_approval WHERE (decision = '') <> (decided_at IS NULL) OR (decision = '') <> (decided_by_id IS NULL)",
    ),
    Invariant(
        "proof_of_its_deal", "a file that proves a commitment is one of the same deal",
        "SELECT count(*) FROM pipeline_commitment WHERE evidence_file_id IS NOT NULL",
        "SELECT c.id FROM pipeline_commitment c JOIN pipeline_dealfile f ON f.id = c.evidence_file_id WHERE f.deal_id <> c.deal_id"
        " OR (f.deleted_at IS NOT NULL AND c.withdrawn_at IS NULL)",
    ),
    Invariant(
        "file_versions", "the versions of a file are numbered from 1 without a gap", "SELECT count(*) FROM pipeline_dealfile",
        "SELECT deal_id, name FROM pipeline_dealfile GROUP BY deal_id, name HAVING max(version) <> count(*)",
    ),
    Invariant(
        "merged_is_gone", "a merged deal is in no list, has nothing left to do, and is part of another", _DEALS,
        "SELECT d.id FROM pipeline_deal d WHERE d.merged_into_id IS NOT NULL AND (d.deleted_at IS NULL"
        " OR d.merged_into_id = d.id OR d.next_task_due_at IS NOT NULL)",
    ),
    Invariant(
        "bulk_finished", "a change of many deals that is finished has looked at each of them", "SELECT count(*) FROM pipeline_bulkrun",
        "SELECT r.id FROM pipeline_bulkrun r WHERE r.finished_at IS NOT NULL AND (EXISTS ("
        "SELECT 1 FROM pipeline_bulkitem i WHERE i.run_id = r.id AND i.outcome = '') OR r.total <> ("
        "SELECT count(*) FROM pipeline_bulkitem i WHERE i.run_id = r.id))",
    ),
    Invariant(
        "change_versions", "no change of a deal is of a version that it has not reached",
        "SELECT count(*) FROM crm_change WHERE object_type = 'deal'",
        "SELECT c.id FROM crm_change c JOIN pipeline_deal d ON d.id = c.object_id WHERE c.object_type = 'deal' AND c.version > d.version",
    ),
]  # fmt: skip
