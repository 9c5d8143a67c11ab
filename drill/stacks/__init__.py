"""The staging system under drill, behind the port ``drill.ports.Stack``: Docker Compose, or local processes."""

from __future__ import annotations

from pathlib import Path

from drill import shipped
from drill.errors import InvalidInput
from drill.model.config import Config
from drill.ports import Stack

KINDS = ("compose", "process")


def open_stack(config: Config, kind: str, root: Path, state: Path) -> Stack:
    """The stack of that kind (empty: the default of drill.yaml); starts and contacts nothing.

    ``root``: folder of drill.yaml; ``state``: folder of this stack's own state. Raises InvalidInput or Refused.
    """
    from drill.stacks.compose import ComposeStack
    from drill.stacks.process import ProcessStack

    kind = kind or config.stack.default
    if kind not in KINDS:
        raise InvalidInput(f"no stack is of kind {kind!r}; use one of {', '.join(KINDS)}")
    if kind == "compose":
        return ComposeStack(config, root, shipped.root())
    if not config.stack.process:
        raise InvalidInput(
            "drill.yaml does not allow the process stack; set stack.process: true, or use `--stack compose`"
        )
    return ProcessStack(config, root, state, shipped.root())
