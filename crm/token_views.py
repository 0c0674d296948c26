"""The doors to one's own access tokens. A value is shown once, in the answer that made it."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm import tokens
from crm.account_forms import TokenForm
from crm.models import ApiToken
from crm.models.audit import Via
from crm.visitors import Request


@require_http_methods(["GET", "HEAD", "POST"])
def token_list(request: Request) -> HttpResponse:
    form, value = TokenForm(request.POST or None), ""
    if form.is_valid():
        try:
            _token, value = tokens.make(request.user, **form.cleaned_data)
        except ValidationError as refusal:
            form.take(refusal)
    context = {
        "form": TokenForm() if value else form,
        "value": value,
        "tokens": ApiToken.objects.of(request.user).in_use(),
    }
    return render(request, "account/tokens.html", context, status=422 if form.is_bound and not value else 200)


@require_POST
def token_revoke(request: Request, pk: int) -> HttpResponse:
    if not tokens.revoke(request.user, pk, by=request.user, via=Via.PAGE):
        raise Http404
    messages.success(request, _("The token no longer works."))
    return redirect("tokens")
