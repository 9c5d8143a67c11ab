"""The conductor's Unix socket: one JSON line asks, one JSON line answers. Owner only."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drill.engine.conduct import Drill
from drill.engine.recorder import Recorder
from drill.errors import DrillError, InvalidInput

_LONGEST = 65536


class Server:
    """Answers verbs and control requests while a drill runs."""

    def __init__(self, path: Path, drill: Drill, recorder: Recorder) -> None:
        self._path = path
        self._drill = drill
        self._recorder = recorder
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. A socket file that a dead conductor left is replaced."""
        self._path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=_LONGEST)
        finally:
            os.umask(mask)

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = await self._answer(await reader.readline())
        except DrillError as error:
            answer = {"ok": False, "error": str(error), "slug": error.slug}
        except (ValueError, OSError) as error:
            answer = {"ok": False, "error": f"not a request: {error}", "slug": InvalidInput.slug}
        writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()

    async def _answer(self, line: bytes) -> Mapping[str, Any]:
        request = json.loads(line)
        match request:
            case {"do": "use", "player": str(player), "verb": str(verb), "args": dict(args)}:
                words = {str(name): str(value) for name, value in args.items()}
                return {"ok": True, "text": await self._drill.desk.use(player, verb, words)}
            case {"do": "end", "outcome": "aborted" | "voided" as outcome, "reason": str(reason)}:
                self._drill.control.end(outcome, reason)
                return {"ok": True, "text": f"{outcome}: undoing everything now"}
            case {"do": "status"}:
                return {"ok": True, "status": self._status()}
        raise InvalidInput("not a request that a conductor knows")

    def _status(self) -> Mapping[str, Any]:
        """What any player may see: until the first alert it is the same for every scenario."""
        firing: dict[str, str] = {}
        for event in self._recorder.of("alert.fired", "alert.cleared"):
            if event.kind == "alert.fired":
                firing[event.data["alert_id"]] = event.data["detail"]
            else:
                firing.pop(event.data["alert_id"], None)
        declared = self._recorder.of("incident.declared", "severity.changed")
        return {
            "state": "running",
            "alerts_firing": firing,
            "severity": declared[-1].data["severity"] if declared else None,
            "acknowledged": bool(self._recorder.of("incident.acknowledged")),
            "resolved": bool(self._recorder.of("incident.resolved")),
        }
