"""The doors to what changes while a page is open: the stream of a board, a deal or My day, and the same by asking."""

from __future__ import annotations

import hashlib
import json

from django.http import HttpResponse, HttpResponseNotModified, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.http import parse_etags
from django.views.decorators.http import require_GET

from crm import clock, streams
from crm.streams import Visit
from crm.visitors import Request
from pipeline.doors import deal_to_see
from pipeline.live.events import Audience, cursor_of
from pipeline.live.hub import hub, missed
from pipeline.live.stream import Stream
from pipeline.models import Pipeline

LATEST = 10**17
"""Microseconds: more is no time of ours."""


@require_GET
def board_stream(request: Request, pipeline_id: int) -> HttpResponseBase:
    """204 tells a browser not to try again by itself: there is no room, and the page asks every few seconds instead."""
    pipeline = get_object_or_404(Pipeline.objects.in_use(), pk=pipeline_id)
    stream = Stream(Visit.of(request), Audience.of(request.user), pipeline=pipeline.pk)
    return _answer(request, stream)


@require_GET
def board_changes(request: Request, pipeline_id: int) -> HttpResponse:
    """What changed since then. The tag stays the same while nothing more has."""
    pipeline = get_object_or_404(Pipeline.objects.in_use(), pk=pipeline_id)
    now = cursor_of(clock.now())
    data = missed(Audience.of(request.user), pipeline.pk, _since(request, now), now) or {}
    tag = f'"{hashlib.sha256(json.dumps(data).encode()).hexdigest()[:20]}"'
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if tag in [each.removeprefix("W/") for each in known]:  # a proxy that packs answers makes it a weak one
        return HttpResponseNotModified(headers={"ETag": tag})
    return JsonResponse({**data, "cursor": now}, headers={"ETag": tag})


@require_GET
def deal_stream(request: Request, pk: int) -> HttpResponseBase:
    """Who else looks at this deal."""
    deal = deal_to_see(request, pk)
    return _answer(request, Stream(Visit.of(request), Audience.of(request.user), deal=deal.pk))


@require_GET
def day_stream(request: Request) -> HttpResponseBase:
    """The bell beside My day; boards and deals hear it by their own stream."""
    return _answer(request, Stream(Visit.of(request), Audience.of(request.user)))


def _answer(request: Request, stream: Stream) -> HttpResponseBase:
    if not hub.has_room(stream.visit):
        return HttpResponse(status=204)
    since = _since(request, cursor_of(clock.now()))
    return streams.answer(request, hub.parts(stream, since), stream.hold)


def _since(request: Request, now: int) -> int:
    """What a browser heard last, if it says so; else what the page says, and without it the present moment."""
    for given in (request.headers.get("Last-Event-ID", ""), request.GET.get("since", "")):
        if given.isascii() and given.isdigit() and 0 < int(given[:20]) < LATEST:
            return min(int(given), now)
    return now
