"""Three addresses for machines: is the process alive, can it work, and what did a browser refuse to run."""

import json
import logging
from datetime import timedelta

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from crm.models import Reminder
from crm.proxy import client_address

logger = logging.getLogger("crm.csp")
LOOPBACK = {"127.0.0.1", "::1"}
LONGEST_REPORT = 8_192
LEFT_WAITING = timedelta(seconds=60)


@login_not_required
@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_GET
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when the database answers and has every migration, for callers on this machine."""
    if client_address(request) not in LOOPBACK:
        return HttpResponseForbidden("", content_type="text/plain")
    try:
        executor = MigrationExecutor(connection)
        missing = bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        left = not missing and Reminder.objects.due(timezone.now() - LEFT_WAITING).exists()
    except DatabaseError:
        return HttpResponse("database\n", status=503, content_type="text/plain")
    if missing:
        return HttpResponse("migrations\n", status=503, content_type="text/plain")
    # Pages work, so no balancer takes this process away; whoever watches reads that no worker is at work.
    return HttpResponse("degraded: reminders wait\n" if left else "ok\n", content_type="text/plain")


# Browsers post these on their own, without a token and also for visitors who have not signed in.
@csrf_exempt
@login_not_required
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """Logs which directive refused what. Neither the page's address nor a sample of the script is kept."""
    body = request.body[:LONGEST_REPORT]
    try:
        report = json.loads(body).get("csp-report", {})
        fields = {key: str(report.get(key, ""))[:200] for key in ("effective-directive", "blocked-uri", "line-number")}
    except (ValueError, AttributeError):
        return HttpResponse(status=400)
    logger.warning("refused by the content policy", extra={"fields": fields})
    return HttpResponse(status=204)


urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("csp-report", csp_report, name="csp_report"),
]
