"""The dialog of the gate as every door to it uses it: what was filled in, and what a refusal leaves to be filled in."""

from __future__ import annotations

from typing import Any

from crm.visitors import Request
from pipeline.forms.gate import GateForm, Wish, merged, unanswered
from pipeline.models import Deal, Stage
from pipeline.moves import Refused


def answered(
    request: Request, target: Stage | None, wish: Wish, *, deal: Deal | None = None, currency: str = ""
) -> GateForm | None:
    """The form that was filled in; None for a plain wish, which asks nothing yet."""
    if wish.asked is None or target is None:
        return None
    verdicts = unanswered(wish.asked, target.pipeline_id)
    return GateForm(
        request.POST,
        files=request.FILES,
        target=target,
        user=request.user,
        verdicts=verdicts,
        deal=deal,
        currency=currency,
    )


def given(form: GateForm | None) -> dict[str, Any]:
    """For the rule. A door whose rule takes no date or reason leaves these out."""
    if form is None:
        return {}
    return {
        "fill": form.fill(),
        "override": form.cleaned_data.get("override") or "",
        "close": form.close(),
        "happened_at": form.happened,
    }


def refused(
    request: Request, deal: Deal | None, refusal: Refused, form: GateForm | None, currency: str = ""
) -> GateForm:
    """The dialog with what was typed and, beside it, what is still missing."""
    target = refusal.to_stage
    assert target is not None  # noqa: S101  (the caller has looked)
    known: dict[str, Any] = {"target": target, "user": request.user, "deal": deal, "currency": currency}
    if form is None:
        return GateForm(None, verdicts=refusal.missing, **known)
    asked = [ask.verdict for ask in form.asks]
    again = GateForm(request.POST, files=request.FILES, verdicts=merged(asked, refusal.missing), **known)
    again.is_valid()
    again.tell(refusal)
    return again
