"""What went on without somebody comes back to them as a message."""

from __future__ import annotations

from django.contrib import messages
from django.utils.translation import gettext as _

from crm.visitors import Request
from pipeline.models import BulkItem, BulkRun

Outcome = BulkItem.Outcome


def tell_finished(request: Request) -> None:
    """A change of many deals that went on without its maker says that it is done on the next page they open."""
    pk = request.session.get("bulk")
    run = BulkRun.objects.of(request.user).filter(pk=pk).first() if pk else None
    if run is None or run.is_running:
        return
    del request.session["bulk"]
    done = run.items.filter(outcome__in=[Outcome.DONE, Outcome.BACK]).count()
    named = {"what": run.words, "done": done, "all": run.total}
    words = _("%(what)s: done for %(done)d of %(all)d deals.")
    if run.of_tasks:
        words = _("%(what)s: done for %(done)d of %(all)d tasks.")
    messages.success(request, words % named)
