"""Which stage of which pipeline a row means; and the pipeline itself, where the import is to make it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm import money
from crm.importing import Job, Stop
from crm.importing.columns import Entry, nearest
from crm.models import Company
from crm.tables import Row, shortened
from crm.text import same_name_key
from pipeline.imports import shaping
from pipeline.models import Kind, Pipeline, Stage

MOST = 1_000


class Places:
    """`look` at every row, then `ready`; `of` gives the stage of an entry or adds a fault to it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.named: dict[str, str] = {}
        self.stages: dict[int, dict[str, Stage]] = {}
        self.pipelines = {same_name_key(each.name): each for each in Pipeline.objects.in_use()}
        self.only: Pipeline | None = self._said()

    def look(self, row: Row) -> str:
        """The key of the row's stage."""
        text = self.job.sheet.text(row, "stage")
        key = same_name_key(text)
        if key:
            self.named.setdefault(key, " ".join(text.split()))
        if len(self.named) > MOST:
            column = self.job.sheet.column("stage")
            raise Stop(
                _("“%(column)s” names more than %(limit)d stages; is it the right column?")
                % {"column": column, "limit": MOST}
            )
        return key

    def ready(self, in_order: Callable[[Sequence[str]], list[str]]) -> None:
        """`in_order` puts the names of stages into the order that deals go through; asked when a pipeline is made."""
        wanted = self.job.options.pipeline
        if self.only is None and wanted:
            self.only = self._make(None, wanted, in_order)
        elif self.only is not None and not self._stages_of(self.only):
            if not self.job.options.create_stages:
                message = _("The pipeline “%(name)s” has no stages. Make them of the file's with --create-stages.")
                raise Stop(message % {"name": self.only.name})
            self.only = self._make(self.only, self.only.name, in_order)

    def of(self, entry: Entry) -> Stage | None:
        pipeline = self.only or self._pipeline_of(entry)
        text = entry.values.get("stage", "")
        if pipeline is None:
            return None
        stages = self._stages_of(pipeline)
        stage = stages.get(same_name_key(text))
        if stage is None:
            reason = _("“%(pipeline)s” has no such stage.") if text else _("Say in which stage the deal is.")
            known = ", ".join(each.name for each in stages.values())
            hint = nearest(text, [each.name for each in stages.values()]) or _("Its stages are: %(names)s.") % {
                "names": known
            }
            entry.faults.append(self.job.sheet.fault(entry, "stage", reason % {"pipeline": pipeline.name}, hint))
        return stage

    def first_open(self, pipeline_id: int) -> Stage:
        return min(
            (each for each in self.stages[pipeline_id].values() if each.kind == Kind.OPEN), key=lambda each: each.order
        )

    def _pipeline_of(self, entry: Entry) -> Pipeline | None:
        text = entry.values.get("pipeline", "")
        pipeline = self.pipelines.get(same_name_key(text))
        if pipeline is None:
            reason = _("There is no such pipeline.") if text else _("Say in which pipeline the deal is.")
            hint = nearest(text, [each.name for each in self.pipelines.values()]) or _("Or give --pipeline NAME.")
            entry.faults.append(self.job.sheet.fault(entry, "pipeline", reason, hint))
        return pipeline

    def _stages_of(self, pipeline: Pipeline) -> dict[str, Stage]:
        if pipeline.pk not in self.stages:
            rows = Stage.objects.in_use().filter(pipeline=pipeline).select_related("pipeline").order_by("order", "pk")
            self.stages[pipeline.pk] = {same_name_key(stage.name): stage for stage in rows}
        return self.stages[pipeline.pk]

    def _said(self) -> Pipeline | None:
        """The one pipeline of the import. None: it is to be made, or each row names its own. Raises Stop."""
        wanted, names = self.job.options.pipeline, [each.name for each in self.pipelines.values()]
        if wanted:
            found = self.pipelines.get(same_name_key(wanted))
            if found is None and not self.job.options.create_stages:
                hint = nearest(wanted, names) or _("Make it of the file's stages with --create-stages.")
                raise Stop(_("There is no pipeline “%(name)s”.") % {"name": wanted} + f" {hint}")
            return found
        if "pipeline" in self.job.sheet.places:
            return None
        if self.job.options.create_stages:
            raise Stop(_("Name the pipeline to make: --pipeline NAME."))
        if len(names) != 1:
            raise Stop(
                _("Say into which pipeline: --pipeline NAME. There are: %(names)s.")
                % {"names": ", ".join(names) or "–"}
            )
        return next(iter(self.pipelines.values()))

    def _make(self, pipeline: Pipeline | None, name: str, in_order: Callable[[Sequence[str]], list[str]]) -> Pipeline:
        options = self.job.options
        if not self.named:
            raise Stop(_("The file names no stage to make the pipeline of."))
        kind_of = shaping.kinds(list(self.named.values()), options.won, options.lost, options.ask)
        open_ones = in_order([each for each, kind in kind_of.items() if kind == Kind.OPEN])
        ordered = [*open_ones, *(each for each, kind in kind_of.items() if kind != Kind.OPEN)]
        currency = options.currency or Company.current().base_currency
        if currency not in money.known_currencies():
            raise Stop(_("“%(code)s” is not a currency; use a code such as EUR.") % {"code": shortened(currency)})
        note = _("Made from the stages of “%(file)s”.") % {"file": shortened(self.job.sheet.table.path.name, 80)}
        made = shaping.shape(pipeline, name, currency, ordered, kind_of, by=self.job.by, note=note, now=self.job.now)
        self.stages.pop(made.pk, None)
        self._tell(made)
        return made

    def _tell(self, made: Pipeline) -> None:
        stages = self._stages_of(made).values()
        kinds: dict[str, list[str]] = defaultdict(list)
        for stage in stages:
            kinds[stage.kind].append(stage.name)
        words = ngettext(
            "Pipeline “%(name)s” with %(count)d stage, in %(currency)s: %(open)s; won: %(won)s; lost: %(lost)s.",
            "Pipeline “%(name)s” with %(count)d stages, in %(currency)s: %(open)s; won: %(won)s; lost: %(lost)s.", len(stages),
        )  # fmt: skip
        parts = {kind.value: ", ".join(kinds[kind]) for kind in Kind}
        self.job.report.notes.append(
            words % {"name": made.name, "count": len(stages), "currency": made.currency, **parts}
        )
