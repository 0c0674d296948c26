"""The Celery application. Jobs live in each app's `jobs.py`, so that *task* always means a rep's task."""

import os
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import celeryd_init

from crm import file_queue, own_clock  # noqa: F401  (listens for the start of a worker)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")

file_queue.use()
app = Celery("stagecraft")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(related_name="jobs")


@app.on_after_configure.connect
def make_folders_of_the_embedded_broker(sender: Celery, **_: Any) -> None:
    options = sender.conf.broker_transport_options
    for name in ("data_folder_in", "control_folder"):
        if name in options:
            Path(options[name]).mkdir(parents=True, exist_ok=True)


@celeryd_init.connect
def let_workers_wait(conf: Any, **_: Any) -> None:
    """A page gives up on Redis after a fifth of a second; a worker has nothing better to do than to wait."""
    if conf.broker_url.startswith("redis"):
        patient = {**conf.broker_transport_options, "socket_timeout": 30, "socket_connect_timeout": 5}
        del patient["max_retries"]
        conf.broker_transport_options = patient
