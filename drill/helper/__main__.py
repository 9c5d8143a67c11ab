"""The helper's one entry: ``python3 -m drill.helper ORDER``. Exit code 1 and a line for what did not work."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from drill.helper import keeper, probe, rules, shape


def main(argument: str) -> int:
    """Do what the order says."""
    order = json.loads(base64.urlsafe_b64decode(argument))
    try:
        answer = _ACTIONS[order["do"]](order)
    except (RuntimeError, OSError) as error:
        print(error)
        return 1
    if answer is not None:
        print(json.dumps(answer))
    return 0


def _look(order: Mapping[str, Any]) -> Any:
    mark = order["mark"]
    return {"rules": [asdict(rule) for rule in rules.seen(mark)], "devices": shape.seen(mark)}


def _clear(order: Mapping[str, Any]) -> Any:
    rules.clear(order["mark"])
    shape.clear(order["mark"])
    return _look(order)


def _tell(order: Mapping[str, Any]) -> Any:
    said = keeper.tell(order)
    if said:
        raise RuntimeError(said)
    return {}


_ACTIONS = {
    "addresses": lambda _: rules.addresses(),
    "clear": _clear,
    "keep": keeper.keep,
    "look": _look,
    "probe": lambda _: probe.features(),
    "tell": _tell,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
