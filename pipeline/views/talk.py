"""Talk on a deal, for all who see it: comments, taking one's own back, following, and whom one may name."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.paging import query_of
from crm.visitors import Request
from pipeline import access, talk
from pipeline.doors import deal_to_see
from pipeline.forms.daily import CommentForm
from pipeline.models import Comment
from pipeline.views.answers import ask, leave, show

PARTS = ("talk", "timeline", "follow")
OFFERED = 8


@require_POST
def comment(request: Request, pk: int) -> HttpResponse:
    deal = deal_to_see(request, pk)
    form = CommentForm(request.POST)
    if form.is_valid():
        try:
            made = talk.comment(
                deal.pk, form.cleaned_data["text"], by=request.user, once_key=form.cleaned_data["once_key"]
            )
        except ValidationError as refusal:
            form.take(refusal)
        else:
            if made is not None and not request.htmx:
                return leave(request, talk.address_of(made))
            return show(request, deal.pk, *PARTS, said="" if made else _("This was saved already."))
    return ask(request, deal, "comment_form.html", _("Comment"), {"form": form}, 422)


@require_POST
def take_back(request: Request, pk: int, comment_pk: int) -> HttpResponse:
    deal = deal_to_see(request, pk)
    own = get_object_or_404(Comment, deal=deal, pk=comment_pk, by=request.user)
    talk.take_back(own.pk, by=request.user)
    return show(request, deal.pk, "timeline", said=_("Taken back."))


@require_POST
def follow(request: Request, pk: int) -> HttpResponse:
    deal = deal_to_see(request, pk)
    follows = request.POST.get("follows") == "1"
    talk.follow(deal.pk, follows, by=request.user)
    said = _("You hear of comments on this deal.") if follows else _("You hear only when somebody names you.")
    return show(request, deal.pk, "follow", said=said)


@require_GET
def readers(request: Request, pk: int) -> HttpResponse:
    """Whom one may name: those who see the deal, by the beginning of a word of their name."""
    deal = deal_to_see(request, pk)
    words = query_of(request).casefold()
    people = access.readers_of(deal).exclude(pk=request.user.pk).order_by("name", "pk")
    found = [person for person in people if f" {person.name.casefold()}".find(f" {words}") >= 0]
    return render(request, "pipeline/deal/readers.html", {"people": found[:OFFERED], "deal": deal})
