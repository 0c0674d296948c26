"""Whole requests beside the board's: lists, the API, a lifted card, a new deal. Server time in the process, all around it included."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.test import Client
from django.urls import reverse

from bench import limit, measure
from crm import tokens
from crm.models import User
from pipeline.models import Deal, Kind, Pipeline, Stage, Task

Ask = Callable[[], Any]
"""Sends a request; gives the answer as Django's test client gives it."""


def pages() -> dict[str, Any]:
    import crm.wsgi  # noqa: F401  (the process as it serves)

    pipeline = Pipeline.objects.get()
    admin = User.objects.get(role="admin")
    rep = User.objects.filter(role="rep").order_by("pk")[0]
    deal = Deal.objects.open().filter(owner=rep).order_by("pk")[0]
    at, rows = reverse("board", args=[pipeline.pk]), reverse("deal-list", args=[pipeline.pk])
    opened = reverse("deal", args=[deal.pk])
    return {
        "board, admin": _seen(admin, at),
        "board, admin, one owner": _seen(admin, at, owner=str(rep.pk)),
        "board, rep": _seen(rep, at),
        "gate of all columns, card lifted": _seen(rep, reverse("deal-gates", args=[deal.pk])),
        "deal": _seen(rep, opened),
        "my day": {**_seen(rep, reverse("my-day")), "open_tasks": Task.objects.open().filter(owner=rep).count()},
        "list, admin": _seen(admin, rows),
        "list, rep, by value": _seen(rep, rows, sort="-value"),
        "list, admin, words": _seen(admin, rows, q="monitoring"),
        "API, 50 deals": _asked(rep, "get", reverse("api-deals") + "?page_size=50"),
        "API, 50 deals, admin": _asked(admin, "get", reverse("api-deals") + "?page_size=50"),
        "API, board": _asked(rep, "get", reverse("api-board") + f"?pipeline={pipeline.pk}"),
        "API, new deal": _created(rep, pipeline),
    }


def _seen(user: User, address: str, **query: str) -> dict[str, Any]:
    client = Client(HTTP_HOST=settings.ALLOWED_HOSTS[0])
    client.force_login(user)
    return _timed(lambda: client.get(address, query, secure=True), 200)


def _asked(user: User, method: str, address: str, data: Any = None, status: int = 200) -> dict[str, Any]:
    _token, secret = tokens.make(user, "bench", "write")
    client, headers = Client(HTTP_HOST=settings.ALLOWED_HOSTS[0]), {"Authorization": f"Bearer {secret}"}
    body = {"data": json.dumps(data), "content_type": "application/json"} if data is not None else {}
    return _timed(lambda: getattr(client, method)(address, secure=True, headers=headers, **body), status)


def _created(rep: User, pipeline: Pipeline) -> dict[str, Any]:
    stage = Stage.objects.in_use().filter(pipeline=pipeline, kind=Kind.OPEN).order_by("order")[0]
    return _asked(rep, "post", reverse("api-deals"), {"title": "A new deal", "stage": stage.pk}, 201)


def _timed(ask: Ask, status: int) -> dict[str, Any]:
    ask()
    with limit.statements() as asked:
        answer = ask()
    assert answer.status_code == status, (answer.status_code, answer.content[:300])
    times = measure.times(ask)
    size = round(len(answer.content) / 1024, 1)
    figures = {**times, "queries": len(asked), "kilobytes": size}
    # A deal that was made cannot be made once more.
    return figures if status == 201 else {**figures, "same_statements_bare_ms": limit.replayed(asked)}
