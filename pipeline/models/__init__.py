from pipeline.models.agreements import Approval, Commitment
from pipeline.models.automation import ActionRun, ProcessAction
from pipeline.models.bookmarks import FirstView, SavedView
from pipeline.models.bulk import BulkItem, BulkRun
from pipeline.models.card_rules import CardRule
from pipeline.models.deals import CloseReason, Deal, Product, Tag
from pipeline.models.goals import ActivityGoal
from pipeline.models.history import AttemptCondition, ColumnTotal, MoveAttempt, StageVisit
from pipeline.models.people import DealActivity, DealContact, DealMember, DealViewer
from pipeline.models.process import (
    Channel,
    ContactRole,
    EntryCondition,
    Kind,
    MemberRole,
    Pipeline,
    PipelineVersion,
    Resource,
    Stage,
    StageTask,
    Stance,
    Step,
    TaskKind,
)
from pipeline.models.recurring import PlannedWork, RecurringWork
from pipeline.models.talk import Comment, DealFile, DealFollower
from pipeline.models.tasks import Task

__all__ = [
    "ActionRun",
    "ActivityGoal",
    "Approval",
    "AttemptCondition",
    "BulkItem",
    "BulkRun",
    "CardRule",
    "Channel",
    "CloseReason",
    "ColumnTotal",
    "Comment",
    "Commitment",
    "ContactRole",
    "Deal",
    "DealActivity",
    "DealContact",
    "DealFile",
    "DealFollower",
    "DealMember",
    "DealViewer",
    "EntryCondition",
    "FirstView",
    "Kind",
    "MemberRole",
    "MoveAttempt",
    "Pipeline",
    "PipelineVersion",
    "PlannedWork",
    "ProcessAction",
    "Product",
    "RecurringWork",
    "Resource",
    "SavedView",
    "Stage",
    "StageTask",
    "StageVisit",
    "Stance",
    "Step",
    "Tag",
    "Task",
    "TaskKind",
]
