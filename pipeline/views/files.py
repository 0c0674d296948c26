"""Files of a deal: adding them, handing them out to who may see the deal, saying what they are, deleting them."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.models.audit import Via
from crm.visitors import Request
from pipeline import files
from pipeline.doors import deal_to_edit, deal_to_see
from pipeline.files import NewFile
from pipeline.forms.files import AddFilesForm, FileForm
from pipeline.models import Deal, DealFile
from pipeline.views.answers import ask, refuse, show

PARTS = ("files", "timeline")
# Should a browser open it in spite of all: nothing in it runs, loads or belongs to this site.
SHUT_IN = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cross-Origin-Resource-Policy": "same-origin"}


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: Request, pk: int) -> HttpResponse:
    deal = deal_to_edit(request, pk)
    if request.method != "POST":
        return _ask(request, deal, AddFilesForm())
    form = AddFilesForm(request.POST, request.FILES)
    if not form.is_valid():
        return _ask(request, deal, form, 422)
    kept = _keep(request, deal, form.new)
    for text in form.refused:
        messages.error(request, text)
    said = ngettext("“%(name)s” is on the deal.", "%(n)s files are on the deal.", len(kept))
    told = said % {"name": kept[0].name, "n": len(kept)} if kept else ""
    return show(request, deal.pk, *PARTS, said=told)


def _keep(request: Request, deal: Deal, new: list[NewFile]) -> list[DealFile]:
    """One by one: a file for which there is no room is told, and does not take the others with it."""
    kept = []
    for each in new:
        try:
            kept.append(files.add(deal.pk, each, by=request.user))
        except ValidationError as refusal:
            messages.error(request, f"“{each.name}”: {' '.join(refusal.messages)}")
    return kept


def _ask(request: Request, deal: Deal, form: AddFilesForm, status: int = 200) -> HttpResponse:
    return ask(request, deal, "files_form.html", _("Add files"), {"form": form}, status)


@require_safe
def download(request: Request, pk: int, file_pk: int) -> HttpResponseBase:
    """Always as a download, under the name that it came with."""
    file = _file(deal_to_see(request, pk), file_pk)
    try:
        content = default_storage.open(file.stored_as)
    except FileNotFoundError:
        raise Http404 from None
    return FileResponse(
        content, as_attachment=True, filename=file.name, content_type=file.content_type, headers=SHUT_IN
    )


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: Request, pk: int, file_pk: int) -> HttpResponse:
    deal = deal_to_edit(request, pk)
    file = _file(deal, file_pk)
    sent = request.POST if request.method == "POST" else None
    form = FileForm(sent, file=file)
    if sent is None or not form.is_valid():
        context = {"form": form, "file": file}
        return ask(request, deal, "file_form.html", file.name, context, 422 if sent is not None else 200)
    files.change(deal.pk, file.pk, by=request.user, via=Via.PAGE, **form.cleaned_data)
    return show(request, deal.pk, *PARTS, said=_("Saved."))


@require_POST
def remove(request: Request, pk: int, file_pk: int) -> HttpResponse:
    deal = deal_to_edit(request, pk)
    file = _file(deal, file_pk)
    try:
        files.remove(deal.pk, file.pk, by=request.user)
    except ValidationError as refusal:
        return refuse(request, deal.pk, *PARTS, why=" ".join(refusal.messages))
    return show(request, deal.pk, *PARTS, said=_("“%(name)s” was deleted.") % {"name": file.name})


def _file(deal: Deal, pk: int) -> DealFile:
    return get_object_or_404(DealFile.objects.of(deal), pk=pk)
