"""A sales process in executable form. Each row keeps its identity for ever: it is retired, not deleted, once used."""

from __future__ import annotations

import uuid
from typing import Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    """What a stage means for the deals in it; at the same time the status of those deals."""

    OPEN = "open", _("Open")
    WON = "won", _("Won")
    LOST = "lost", _("Lost")


class ContactRole(models.TextChoices):
    DECISION_MAKER = "decision_maker", _("Decision maker")
    CHAMPION = "champion", _("Champion")
    INFLUENCER = "influencer", _("Influencer")
    USER = "user", _("User")
    BLOCKER = "blocker", _("Blocker")


class Stance(models.TextChoices):
    FOR = "for", _("For us")
    NEUTRAL = "neutral", _("Neutral")
    AGAINST = "against", _("Against")
    UNKNOWN = "unknown", _("Unknown")


class MemberRole(models.TextChoices):
    PROSPECTOR = "prospector", _("Prospector")
    SELLER = "seller", _("Seller")
    SPECIALIST = "specialist", _("Specialist")
    SUCCESS = "success", _("Customer success")
    LEGAL = "legal", _("Legal")


class TaskKind(models.TextChoices):
    CALL = "call", _("Call")
    EMAIL = "email", _("Email")
    MEETING = "meeting", _("Meeting")
    ASSESSMENT = "assessment", _("Needs assessment")
    DEMO = "demo", _("Demo")
    PRESENTATION = "presentation", _("Presentation")
    FOLLOW_UP = "follow_up", _("Follow-up")
    PROPOSAL = "proposal", _("Proposal")
    CONTRACT = "contract", _("Contract")
    RESEARCH = "research", _("Research")
    OTHER = "other", _("Other")


class Channel(models.TextChoices):
    PHONE = "phone", _("by phone")
    EMAIL = "email", _("by email")
    VIDEO = "video", _("by video call")
    VISIT = "visit", _("in person")
    MESSAGE = "message", _("by message")
    SOCIAL = "social", _("on a social network")
    POST = "post", _("by post")


class RetirableQuerySet(models.QuerySet):
    def in_use(self) -> Self:
        return self.filter(retired_at__isnull=True)


class Pipeline(models.Model):
    class Jumps(models.TextChoices):
        PASSED = "passed", _("Ask for the conditions of the stages passed over too")
        TARGET = "target", _("Ask for the conditions of the target stage only")
        NONE = "none", _("Allow no jumps: one stage at a time")

    name = models.CharField(_("name"), max_length=80, unique=True)
    currency = models.CharField(_("currency"), max_length=3, default="EUR", validators=[RegexValidator(r"^[A-Z]{3}$")])
    description = models.TextField(_("what it is for"), blank=True)
    methodology = models.CharField(_("methodology"), max_length=40, blank=True)
    ideal_customer = models.TextField(_("ideal customer"), blank=True, help_text=_("Whom we want, in a few sentences."))
    jumps = models.CharField(
        _("forward jumps"), max_length=6, choices=Jumps, default=Jumps.PASSED,
        help_text=_("What a forward move over several stages asks for. Winning is such a move; losing never asks."),
    )  # fmt: skip
    order = models.PositiveIntegerField(_("order"), default=0)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True)
    edition = models.UUIDField(default=uuid.uuid4, editable=False)
    """The database itself gives another one with every change of any part; see pipeline/in_force.py."""

    objects = RetirableQuerySet.as_manager()

    class Meta:
        verbose_name = _("pipeline")
        verbose_name_plural = _("pipelines")
        ordering = ["order", "name"]

    def __str__(self) -> str:
        return self.name


class PipelineVersion(models.Model):
    """The whole definition as it stood after one saved change; never altered."""

    pipeline = models.ForeignKey(Pipeline, models.PROTECT, related_name="versions", verbose_name=_("pipeline"))
    number = models.PositiveIntegerField(_("number"))
    at = models.DateTimeField(_("saved"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by"))
    note = models.CharField(_("what changed"), max_length=500, blank=True)
    definition = models.JSONField(_("definition"))

    class Meta:
        verbose_name = _("pipeline version")
        verbose_name_plural = _("pipeline versions")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["pipeline", "number"], name="pipeline_version_once")]

    def __str__(self) -> str:
        return f"{self.pipeline} {self.number}"


class Step(models.Model):
    class Phase(models.TextChoices):
        GENERATION = "generation", _("Lead generation")
        NURTURING = "nurturing", _("Lead nurturing")
        CLOSING = "closing", _("Deal closing")
        POST_SALE = "post_sale", _("Post-sale")

    pipeline = models.ForeignKey(Pipeline, models.PROTECT, related_name="steps", verbose_name=_("pipeline"))
    name = models.CharField(_("name"), max_length=80)
    phase = models.CharField(_("phase"), max_length=12, choices=Phase)
    description = models.TextField(_("what happens here"), blank=True)
    order = models.PositiveIntegerField(_("order"), default=0)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True)

    objects = RetirableQuerySet.as_manager()

    class Meta:
        verbose_name = _("step")
        verbose_name_plural = _("steps")
        ordering = ["order", "pk"]
        constraints = [
            models.UniqueConstraint(
                "pipeline", Lower("name"), condition=models.Q(retired_at__isnull=True), name="step_name_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Stage(models.Model):
    class BuyerPhase(models.TextChoices):
        AWARENESS = "awareness", _("Awareness")
        INTEREST = "interest", _("Interest")
        DECISION = "decision", _("Decision")
        ACTION = "action", _("Action")

    pipeline = models.ForeignKey(Pipeline, models.PROTECT, related_name="stages", verbose_name=_("pipeline"))
    step = models.ForeignKey(
        Step, models.PROTECT, null=True, blank=True, related_name="stages", verbose_name=_("step"),
        help_text=_("A lost stage belongs to no step."),
    )  # fmt: skip
    name = models.CharField(_("name"), max_length=60)
    kind = models.CharField(
        _("kind"),
        max_length=4,
        choices=Kind,
        default=Kind.OPEN,
        help_text=_("Fixed once a deal has been in the stage."),
    )
    order = models.PositiveIntegerField(_("order"), default=0, db_index=False)
    probability = models.PositiveSmallIntegerField(
        _("win probability (%)"), default=0, validators=[MaxValueValidator(100)]
    )
    target_days = models.PositiveSmallIntegerField(
        _("target days"), null=True, blank=True, validators=[MinValueValidator(1)],
        help_text=_("A deal longer here than this is shown as over target. Empty: no target."),
    )  # fmt: skip
    idle_days = models.PositiveSmallIntegerField(
        _("idle days"), null=True, blank=True, validators=[MinValueValidator(1)],
        help_text=_("No touch, note, finished task or move for so long: the deal is shown as idle."),
    )  # fmt: skip
    most_deals = models.PositiveSmallIntegerField(
        _("at most so many deals"), null=True, blank=True, validators=[MinValueValidator(1)],
        help_text=_("With so many open deals, of everybody, the stage takes no more until one has moved on. Empty: no limit."),
    )  # fmt: skip
    buyer_phase = models.CharField(_("buyer's phase"), max_length=10, choices=BuyerPhase, blank=True)
    buyer_asks = models.CharField(_("what the buyer asks here"), max_length=200, blank=True)
    buyer_receives = models.CharField(_("what the buyer receives"), max_length=200, blank=True)
    description = models.TextField(_("what happens here"), blank=True)
    is_presentation = models.BooleanField(
        _("presentation"),
        default=False,
        help_text=_("Deals that were here count as presented, where a report asks so."),
    )
    qualified_from_here = models.BooleanField(
        _("qualified from here"),
        default=False,
        help_text=_("Leads that turn into deals enter here. One stage of a pipeline."),
    )
    # Written by definition.py: that the process does something by itself here, so that a move asks only then what.
    acts = models.BooleanField(default=False, editable=False)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True, editable=False)
    retired_into = models.ForeignKey(
        "self", models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("its deals go to")
    )

    objects = RetirableQuerySet.as_manager()

    class Meta:
        verbose_name = _("stage")
        verbose_name_plural = _("stages")
        ordering = ["order", "pk"]
        constraints = [
            # What deals refer to: a deal's stage lies in its pipeline, a deal's status is its stage's kind.
            models.UniqueConstraint(fields=["pipeline", "id", "kind"], name="stage_identity"),
            models.UniqueConstraint(
                "pipeline", Lower("name"), condition=models.Q(retired_at__isnull=True), name="stage_name_once"
            ),
            models.UniqueConstraint(
                fields=["pipeline"],
                condition=models.Q(qualified_from_here=True, retired_at__isnull=True),
                name="stage_one_qualified",
            ),
            models.CheckConstraint(condition=models.Q(kind__in=["open", "won", "lost"]), name="stage_kind_known"),
            models.CheckConstraint(condition=models.Q(probability__lte=100), name="stage_probability_percent"),
        ]

    def __str__(self) -> str:
        return self.name


class EntryCondition(models.Model):
    """What must be true before a deal may enter the stage. `kind` names a row of conditions.KINDS, which says what else is read."""

    stage = models.ForeignKey(Stage, models.PROTECT, related_name="conditions", verbose_name=_("stage"))
    order = models.PositiveIntegerField(_("order"), default=0)
    kind = models.CharField(_("kind"), max_length=20)
    label = models.CharField(
        _("in words"),
        max_length=200,
        help_text=_("What the rep reads, such as “Agrees to a demo” or “Value is filled”."),
    )
    blocks = models.BooleanField(_("blocks"), default=True, help_text=_("Off: it only warns."))
    needs_evidence = models.BooleanField(
        _("asks for evidence"),
        default=False,
        help_text=_("A commitment counts only with a note or link that proves it."),
    )
    since_entering = models.BooleanField(
        _("since entering"),
        default=False,
        help_text=_("Only what happened since the deal entered its present stage counts."),
    )
    field = models.CharField(_("field"), max_length=40, blank=True)
    operator = models.CharField(_("comparison"), max_length=12, blank=True)
    compared_with = models.CharField(_("compared with"), max_length=100, blank=True)
    contact_role = models.CharField(_("contact's role"), max_length=20, choices=ContactRole, blank=True)
    member_role = models.CharField(_("member's role"), max_length=20, choices=MemberRole, blank=True)
    activity_type = models.ForeignKey(
        "leads.ActivityType", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("activity type")
    )
    times = models.PositiveSmallIntegerField(_("times"), default=1, validators=[MinValueValidator(1)])
    # Where it applies; all that is given must hold.
    when_value_at_least = models.DecimalField(
        _("applies when value at least"), max_digits=17, decimal_places=4, null=True, blank=True
    )
    when_currency = models.CharField(_("applies when currency"), max_length=3, blank=True)
    when_tag = models.ForeignKey(
        "pipeline.Tag", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("applies when tagged")
    )
    when_source = models.ForeignKey(
        "leads.Source", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("applies when source")
    )
    when_customer = models.CharField(
        _("applies when customer"), max_length=8, blank=True, choices=[("new", _("new")), ("existing", _("existing"))]
    )
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True, editable=False)

    objects = RetirableQuerySet.as_manager()

    class Meta:
        verbose_name = _("entry condition")
        verbose_name_plural = _("entry conditions")
        ordering = ["order", "pk"]

    def __str__(self) -> str:
        return self.label


class StageTask(models.Model):
    """The template of a rep's task, planned when a deal enters the stage."""

    class Answer(models.TextChoices):
        NEVER = "", _("not repeated")
        ANSWER = "answer", _("until the buyer answers")
        LEAVING = "leaving", _("until the deal leaves the stage")

    stage = models.ForeignKey(Stage, models.PROTECT, related_name="tasks", verbose_name=_("stage"))
    order = models.PositiveIntegerField(_("order"), default=0)
    title = models.CharField(_("title"), max_length=200)
    kind = models.CharField(_("kind"), max_length=12, choices=TaskKind, default=TaskKind.OTHER)
    instructions = models.TextField(_("how we do it here"), blank=True)
    channel = models.CharField(_("channel"), max_length=8, choices=Channel, blank=True)
    template = models.ForeignKey(
        "pipeline.Resource", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("template"),
        help_text=_("What is sent or followed: a resource of this stage, shown beside the task."),
    )  # fmt: skip
    per_day = models.PositiveSmallIntegerField(
        _("how many a day"), null=True, blank=True, validators=[MinValueValidator(1)],
        help_text=_("How many of these somebody does on a usual day, such as 30 cold calls. Shown with the task."),
    )  # fmt: skip
    offset_days = models.PositiveSmallIntegerField(_("due after days"), default=0)
    working_days = models.BooleanField(_("count working days"), default=True)
    after_previous = models.BooleanField(
        _("after the task before"),
        default=False,
        help_text=_("Starts, and counts its days, when the task before it is done."),
    )
    required = models.BooleanField(_("required"), default=False)
    owner_role = models.CharField(
        _("done by"),
        max_length=20,
        choices=MemberRole,
        blank=True,
        help_text=_("Empty, or nobody has the role: the deal's owner."),
    )
    repeat_days = models.CharField(
        _("repeat after days"), max_length=40, blank=True, validators=[RegexValidator(r"^\d{1,3}(,\d{1,3})*$")],
        help_text=_("2,4,8: again two, then four, then eight days after the one before. One number repeats evenly."),
    )  # fmt: skip
    repeat_limit = models.PositiveSmallIntegerField(_("at most"), default=0)
    repeat_until = models.CharField(_("repeat"), max_length=8, choices=Answer, blank=True)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True, editable=False)

    objects = RetirableQuerySet.as_manager()

    class Meta:
        verbose_name = _("stage task")
        verbose_name_plural = _("stage tasks")
        ordering = ["order", "pk"]

    def __str__(self) -> str:
        return self.title


class Resource(models.Model):
    class ResourceKind(models.TextChoices):
        SCRIPT = "script", _("Call script")
        QUESTIONS = "questions", _("Questions")
        ANSWERS = "answers", _("Concerns and answers")
        CHECKLIST = "checklist", _("Checklist")
        DECK = "deck", _("Deck")
        TEMPLATE = "template", _("Template")
        PAPER = "paper", _("Paper")
        OTHER = "other", _("Other")

    stage = models.ForeignKey(Stage, models.PROTECT, related_name="resources", verbose_name=_("stage"))
    stage_task = models.ForeignKey(
        StageTask, models.SET_NULL, null=True, blank=True, related_name="resources", verbose_name=_("beside the task")
    )
    order = models.PositiveIntegerField(_("order"), default=0)
    title = models.CharField(_("title"), max_length=200)
    kind = models.CharField(_("kind"), max_length=10, choices=ResourceKind, default=ResourceKind.OTHER)
    text = models.TextField(_("text"), blank=True, help_text=_("Markdown."))
    url = models.URLField(_("link"), blank=True)
    for_buyer = models.BooleanField(_("for the buyer"), default=False)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True, editable=False)

    objects = RetirableQuerySet.as_manager()

    class Meta:
        verbose_name = _("resource")
        verbose_name_plural = _("resources")
        ordering = ["order", "pk"]

    def __str__(self) -> str:
        return self.title
