"""The ground floor: people, access, audit, inbox and outbox, the pages that all share, and the project's wiring.

It may import no other app; it names them by string only.
"""

from crm.celery import app as celery_app

__all__ = ["celery_app"]
