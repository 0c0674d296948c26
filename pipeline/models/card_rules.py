"""Which cards of a pipeline carry a mark, and which. How cards look is no part of the process: no version keeps it."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from pipeline.models.process import Pipeline


class CardRule(models.Model):
    """The first one that matches gives the card its colour; the labels of all that match stand on it."""

    class What(models.TextChoices):
        OVER_TARGET = "over_target", _("Longer in the stage than its target days")
        NO_NEXT_STEP = "no_next_step", _("No next step")
        OVERDUE = "overdue", _("The next task is overdue")
        IDLE = "idle", _("Idle")
        LATE = "late", _("The close date has passed")
        VALUE = "value", _("Value at least …, in the pipeline's currency")
        EMPLOYEES = "employees", _("Organization with at least … employees")
        TAG = "tag", _("Has the tag …")

    class Colour(models.TextChoices):
        AMBER = "amber", _("Amber")
        RED = "red", _("Red")
        GREEN = "green", _("Green")
        SLATE = "slate", _("Slate")
        BLUE = "blue", _("Blue")
        GREY = "grey", _("Grey")

    pipeline = models.ForeignKey(Pipeline, models.CASCADE, related_name="card_rules", verbose_name=_("pipeline"))
    order = models.PositiveIntegerField(_("order"), default=0)
    what = models.CharField(_("which deals"), max_length=12, choices=What)
    at_least = models.DecimalField(
        _("at least"), max_digits=17, decimal_places=4, null=True, blank=True, validators=[MinValueValidator(1)],
        help_text=_("For a value or a number of employees."),
    )  # fmt: skip
    tag = models.ForeignKey(
        "pipeline.Tag", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("tag"),
        help_text=_("For a tag."),
    )  # fmt: skip
    label = models.CharField(_("label"), max_length=20, help_text=_("What the card says, such as “Large deal”."))
    colour = models.CharField(_("colour"), max_length=5, choices=Colour, default=Colour.GREY)

    class Meta:
        verbose_name = _("mark on cards")
        verbose_name_plural = _("marks on cards")
        ordering = ["order", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(what__in=["value", "employees"]) | models.Q(at_least__isnull=False),
                name="card_rule_has_bound",
            ),
            models.CheckConstraint(
                condition=~models.Q(what="tag") | models.Q(tag__isnull=False), name="card_rule_has_tag"
            ),
        ]

    def __str__(self) -> str:
        return self.label
