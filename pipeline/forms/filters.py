"""The filters of the board, read from its address. What is not understood is refused in words, never left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import BadRequest
from django.db.models import Q
from django.http import QueryDict
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import access
from crm.forms import Form
from crm.models import Team, User
from crm.search import LONGEST
from pipeline.board import COLUMNS, FACTS, ORDERS, SORTS, Filters
from pipeline.forms.shown import ShownField
from pipeline.models import CardRule, Kind, Pipeline, Tag

STATUSES = [
    ("", gettext_lazy("Open deals")),
    (Kind.WON, gettext_lazy("Won deals")),
    (Kind.LOST, gettext_lazy("Lost deals")),
    ("all", gettext_lazy("All deals")),
]
FLAGS = ("over", "idle", "no_next", "late")
QUICK = FLAGS[:3]
"""Those with a switch of their own in the head."""
EVERYWHERE = (
    "q", "owner", "team", "tag", *FLAGS, "close_from", "close_to", "order", "status", "sort", "columns", "facts"
)  # fmt: skip
"""What means the same in every pipeline, and goes along into another one."""
ONLY_HERE = ("mark",)
"""What names something of one pipeline, such as one of its marks, and stays behind."""


@dataclass(frozen=True)
class Chip:
    """One filter that is on: what it says, and the address without it."""

    text: str
    without: str


class Flag(forms.BooleanField):
    """On as “1”, off when it is not there; anything else is not understood."""

    def to_python(self, value: Any) -> bool:
        if value in (None, "", False, "0"):
            return False
        if value in (True, "1"):
            return True
        raise forms.ValidationError(_("Use 1, or leave it out."), code="invalid")


class FlagInput(forms.CheckboxInput):
    """Leaves the text to the field, where Django would take any text as a yes."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return data.get(name)


class FilterForm(Form):
    q = forms.CharField(label=gettext_lazy("Text"), required=False, max_length=LONGEST)
    owner = forms.ModelChoiceField(
        User.objects.none(), label=gettext_lazy("Owner"), required=False, empty_label=gettext_lazy("Everyone")
    )
    team = forms.ModelChoiceField(
        Team.objects.none(), label=gettext_lazy("Team"), required=False, empty_label=gettext_lazy("All teams")
    )
    tag = forms.ModelChoiceField(
        Tag.objects.none(), label=gettext_lazy("Tag"), required=False, empty_label=gettext_lazy("Any tag")
    )
    mark = forms.ModelChoiceField(
        CardRule.objects.none(), label=gettext_lazy("Mark"), required=False, empty_label=gettext_lazy("Any or none")
    )
    over = Flag(label=gettext_lazy("Over target"), required=False, widget=FlagInput({"value": "1"}))
    idle = Flag(label=gettext_lazy("Idle"), required=False, widget=FlagInput({"value": "1"}))
    no_next = Flag(label=gettext_lazy("No next step"), required=False, widget=FlagInput({"value": "1"}))
    late = Flag(label=gettext_lazy("Close date in the past"), required=False, widget=FlagInput({"value": "1"}))
    close_from = forms.DateField(
        label=gettext_lazy("Closes from"), required=False, widget=forms.DateInput({"type": "date"})
    )
    close_to = forms.DateField(
        label=gettext_lazy("Closes until"), required=False, widget=forms.DateInput({"type": "date"})
    )
    order = forms.ChoiceField(label=gettext_lazy("Order"), required=False, choices=list(ORDERS.items()))
    facts = ShownField(FACTS, ordered=False, label=gettext_lazy("Cards show"))

    def __init__(self, data: QueryDict, user: User) -> None:
        super().__init__(data)
        self.fields["owner"].queryset = people_in_sight(user)  # type: ignore[attr-defined]
        self.fields["team"].queryset = teams_in_sight(user)  # type: ignore[attr-defined]
        self.fields["tag"].queryset = Tag.objects.all()  # type: ignore[attr-defined]
        self.fields["mark"].queryset = CardRule.objects.all()  # type: ignore[attr-defined]

    def clean_order(self) -> str:
        return self.cleaned_data["order"] or "next"


class ListForm(FilterForm):
    """The filters of the list: those of the board, and which deals beside the open ones."""

    status = forms.ChoiceField(label=gettext_lazy("Status"), required=False, choices=STATUSES)
    sort = forms.ChoiceField(required=False, choices=[(way, way) for name in SORTS for way in (name, f"-{name}")])
    columns = ShownField(COLUMNS, ordered=True, label=gettext_lazy("Columns"))


def people_in_sight(user: User) -> Any:
    """Whose deals one may look at: an admin everybody's, a manager their people's, a rep their own and, by a setting, the team's."""
    bounds = access.reach(user)
    everyone = User.objects.active()
    return everyone if bounds.everyone else everyone.filter(pk__in={user.pk, *bounds.managed_users, *bounds.team_mates})


def teams_in_sight(user: User) -> Any:
    bounds = access.reach(user)
    return Team.objects.all() if bounds.everyone else Team.objects.filter(pk__in=bounds.managed_teams)


@dataclass(frozen=True)
class Asked:
    """What the address asks for: the filters, the form that shows them, and the address without needless parts."""

    filters: Filters
    form: FilterForm
    query: str
    chips: list[Chip]

    def offer_marks_of(self, pipeline: Pipeline) -> None:
        """Of all marks those of this pipeline, and the one that is chosen."""
        rules = CardRule.objects.filter(Q(pipeline=pipeline) | Q(pk=self.filters.mark))
        self.form.fields["mark"].queryset = rules  # type: ignore[attr-defined]

    @property
    def elsewhere(self) -> str:
        """The same for the board or the list of another pipeline."""
        kept = QueryDict(self.query, mutable=True)
        for name in set(kept) - set(EVERYWHERE):
            del kept[name]
        return kept.urlencode()

    @property
    def flags(self) -> list[forms.BoundField]:
        return [self.form[name] for name in FLAGS]


def read_filters(
    data: QueryDict, user: User, also: tuple[str, ...] = (), form_class: type[FilterForm] = FilterForm
) -> Asked:
    """`also` are other names that the address may hold. Raises BadRequest in words."""
    form = form_class(data, user)
    for name in data:
        if name not in form.fields and name not in also:
            raise BadRequest(_("The board knows no filter “%(name)s”.") % {"name": name[:40]})
        if len(data.getlist(name)) > 1 and not isinstance(form.fields.get(name), ShownField):
            raise BadRequest(_("“%(name)s” stands in the address more than once.") % {"name": name[:40]})
    if not form.is_valid():
        name = next(iter(form.errors))
        named = {"name": name, "value": data.get(name, "")[:40], "why": form.errors[name][0]}
        raise BadRequest(_("%(name)s=%(value)s cannot be shown: %(why)s") % named)
    chosen = {name: value for name, value in form.cleaned_data.items() if value}
    filters = Filters(**{name: getattr(value, "pk", value) for name, value in chosen.items()})
    return Asked(filters, form, _address(data, form), _chips(data, form, chosen))


def _address(data: QueryDict, form: FilterForm, without: str = "") -> str:
    kept = QueryDict(mutable=True)
    for name, field in form.fields.items():
        shown = isinstance(field, ShownField)
        value = ",".join(form.cleaned_data[name]) if shown else data.get(name, "").strip()
        if value and value != "0" and name != without and (name, value) != ("order", "next"):
            kept[name] = value
    return kept.urlencode()


def _chips(data: QueryDict, form: FilterForm, chosen: dict[str, Any]) -> list[Chip]:
    chips = []
    for name, value in chosen.items():
        if name in ("order", "sort", "columns", "facts", *QUICK):  # those have a switch of their own
            continue
        label = str(form.fields[name].label)
        if name.startswith("close_"):
            value = date_format(value, "j M Y")
        if name == "status":
            label, value = str(dict(STATUSES)[value]), True
        text = label if value is True else _("%(label)s: %(value)s") % {"label": label, "value": value}
        chips.append(Chip(text, _address(data, form, without=name)))
    return chips
