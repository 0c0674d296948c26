from __future__ import annotations

from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection

from crm import file_queue


def channel(folder: Path) -> Any:
    options = {"data_folder_in": str(folder), "data_folder_out": str(folder), "control_folder": str(folder / "control")}
    return Connection("filesystem://localhost", transport_options=options).channel()


def test_a_message_comes_into_sight_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue, seen, write = channel(tmp_path), [], Path.write_bytes

    def watched(path: Path, data: bytes) -> int:
        path.touch()
        for part in (data[:3], data):
            write(path, part)
            with pytest.raises(Empty):
                queue._get("celery")
            seen.append(part)
        return len(data)

    monkeypatch.setattr(Path, "write_bytes", watched)
    queue._put("celery", {"job": "crm.jobs.deliver_mail"})
    assert isinstance(queue, file_queue.Channel) and len(seen) == 2
    assert queue._get("celery") == {"job": "crm.jobs.deliver_mail"} and list(tmp_path.glob("*.msg")) == []


def test_messages_of_another_queue_are_left(tmp_path: Path) -> None:
    queue = channel(tmp_path)
    queue._put("other", {"job": "x"})
    with pytest.raises(Empty):
        queue._get("celery")
    assert queue._get("other") == {"job": "x"}
