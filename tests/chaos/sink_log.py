"""The sink's log, read while it grows."""

import json
from pathlib import Path
from typing import Any

from tests.chaos.model import RECORDS, Request


class SinkLog:
    """`recorded` are the events that have been recorded, `last_at` when the last request came."""

    def __init__(self, file: Path) -> None:
        file.touch()
        self._file = file.open()
        self._rest = ""
        self._rows: dict[int, dict[str, Any]] = {}
        self.recorded: set[int] = set()
        self.last_at = 0.0

    def read(self) -> None:
        """Take in what is new."""
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        for line in lines:
            row = json.loads(line)
            known = self._rows.setdefault(row.pop("id"), {})
            known |= row
            if "number" in row:
                self.last_at = row["at"]
                if row["fault"] in RECORDS:
                    self.recorded.add(row["number"])

    def requests(self) -> list[Request]:
        """In the order they came."""
        return [Request(**row) for row in self._rows.values()]

    def close(self) -> None:
        self._file.close()
