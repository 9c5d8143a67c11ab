"""Files to checked objects: the one door through which YAML enters the program."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from drill import shipped
from drill.errors import InvalidInput
from drill.loader.build import Builder
from drill.loader.check_config import check_config
from drill.loader.check_playbook import check_playbook
from drill.loader.check_scenario import check_scenario
from drill.loader.finding import BrokenFileError, Finding, locate, one_line
from drill.loader.nodes import Pairs, Scalar, compose
from drill.loader.references import InjectorKinds, playbook_references, scenario_references
from drill.loader.source import read_text
from drill.model.config import Config
from drill.model.playbook import Playbook
from drill.model.scenario import Scenario

T = TypeVar("T", Scenario, Playbook, Config)
Kind = Literal["scenario", "playbook", "config"]
KINDS: dict[Kind, type] = {"scenario": Scenario, "playbook": Playbook, "config": Config}


def load_scenario(path: Path) -> Scenario:
    """The scenario in a file. Raises InvalidInput: one line with file, line, YAML path and remedy."""
    return _load(Scenario, path, None)


def load_playbook(path: Path) -> Playbook:
    """The playbook in a file. Raises InvalidInput."""
    return _load(Playbook, path, None)


def load_playbook_with_lines(path: Path) -> tuple[Playbook, Callable[[str], int]]:
    """The playbook in a file, and the line of each YAML path of it, or of what holds it. Raises InvalidInput."""
    document = _Document(path, None)
    return cast(Playbook, document.checked(Playbook)), document.line


def load_config(path: Path, root: Path | None = None) -> Config:
    """The settings in a ``drill.yaml``, whose paths must stay inside ``root``.

    Without ``root`` that is the file's own folder; for the reference stack, all that is shipped. Raises InvalidInput.
    """
    return _load(Config, path, root)


def problems(path: Path, kind: str | None = None, root: Path | None = None) -> list[str]:
    """Every problem of one file, one line each; the kind is told from the top-level keys when it is not given."""
    document = _Document(path, root)
    document.read(KINDS[cast(Kind, kind)] if kind else None)
    return document.problems


def reference_problems(path: Path, playbook: Playbook, config: Config, injector_kinds: InjectorKinds) -> list[str]:
    """``check_references`` with file and line, for a scenario or playbook file. Raises InvalidInput if it is none."""
    document = _Document(path, None)
    loaded = document.read(None)
    if isinstance(loaded, Scenario):
        document.add(scenario_references(loaded, playbook, config, injector_kinds))
    if isinstance(loaded, Playbook):
        document.add(playbook_references(loaded, config))
    return document.problems


def _load(cls: type[T], path: Path, root: Path | None) -> T:
    return cast(T, _Document(path, root).checked(cls))


class _Document:
    """One file on its way in, with the lines of its problems."""

    def __init__(self, path: Path, root: Path | None) -> None:
        self._path = path
        self._root = root or _root(path)
        self._builder = Builder()
        self.problems: list[str] = []

    def read(self, cls: type | None) -> Any:
        """The checked object, or anything when there are problems."""
        try:
            node = compose(read_text(self._path, self._root))
            loaded = self._builder.build(cls or _kind(node), node)
        except BrokenFileError as error:
            self._say(error.line, Finding("", error.text))
            return None
        for line, finding in self._builder.findings:
            self._say(line, finding)
        if not self.problems:
            self.add(self._checks(loaded))
        return loaded

    def checked(self, cls: type) -> Any:
        """The object. Raises InvalidInput: its first problem."""
        loaded = self.read(cls)
        if found := self.problems:
            more = f" (and {len(found) - 1} more, see `drill validate`)" if len(found) > 1 else ""
            raise InvalidInput(found[0] + more)
        return loaded

    def line(self, path: str) -> int:
        """Where a YAML path stands, from 1."""
        return locate(self._builder.lines, path)

    def add(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self._say(self.line(finding.path), finding)

    def _checks(self, loaded: Any) -> Iterable[Finding]:
        if isinstance(loaded, Scenario):
            return check_scenario(loaded, self._path.stem)
        if isinstance(loaded, Playbook):
            return check_playbook(loaded, self._path.stem)
        return check_config(loaded, self._path.parent, self._root)

    def _say(self, line: int, finding: Finding) -> None:
        self.problems.append(one_line(str(self._path), line, finding))


def _root(path: Path) -> Path:
    reference = shipped.reference_config()
    return shipped.root() if path.absolute() == reference.absolute() else path.parent


def _kind(node: Pairs) -> type:
    """The kind of file that most of the top-level keys belong to. Raises BrokenFileError when none does."""
    keys = {key.text for key, _ in node.pairs if isinstance(key, Scalar)}
    fields = {cls: {f.name for f in dataclasses.fields(cls)} for cls in KINDS.values()}
    common: Mapping[type, int] = {cls: len(keys & names) for cls, names in fields.items()}
    best = max(common, key=lambda cls: common[cls])
    if not common[best]:
        raise BrokenFileError(
            node.line, "this is no scenario, playbook or config: none of its keys fits; see `drill schema`"
        )
    return best
