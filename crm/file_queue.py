"""The embedded queue, of files: a message comes into sight whole.

kombu makes a file under its last name and then writes into it. A worker that looks in between takes the empty file,
cannot read it, and ends.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]
        """The name ends as kombu's own, by which it finds the queue; until then it is of no queue."""
        name = f"{round(time.monotonic() * 1000)}_{uuid.uuid4()}"
        folder = Path(self.data_folder_out)
        try:
            written = folder / f"{name}.part"
            written.write_bytes(dumps(payload).encode())
            written.rename(folder / f"{name}.{queue}.msg")
        except OSError as error:
            raise ChannelError(f"Cannot write a message into {folder}") from error


class Transport(filesystem.Transport):
    Channel = Channel


def use() -> None:
    TRANSPORT_ALIASES["filesystem"] = "crm.file_queue:Transport"
