"""Scenarios broken on purpose: the tree of a good one, changed in a few places by a seed, and written as YAML again.

The changes know what a scenario is made of (durations, faults, targets, scripts), so that many pass the loader and run.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from copy import deepcopy

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_DURATION = re.compile(r"[0-9.]+(?:ms|s|m|h)(?:[0-9.]+(?:ms|s|m|h))*")
_STR, _INT, _FLOAT, _BOOL, _NULL, _STAMP = (
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp")
)
GOOD_DURATIONS = ("0s", "1ms", "0.001s", "500ms", "1s", "2s", "3s", "5s", "7s", "9s", "20s", "59s", "1m", "90s", "2m")
DURATIONS = (
    *("0", "1m30s", "3m", "5m", "10m"),
    *("-5s", "-0s", "5", "1e9s", "99999999h", "9000000000000000000000s", "366d", "4h1s", "5 parsecs", "1h-2m", ".5s"),
    *(
        "NaN",
        "inf",
        ".inf",
        "1 0s",
        "s",
        "",
        " ",
        "\uff15s",
        "5S",
        "5 s",
        "1,5s",
        "0x10s",
        "5s\u200b",
        "\u0665s",
        "1w",
        "1d",
    ),
)
TARGETS = ("api", "db", "mail", "statuspage", "api", "db", "role:primary", "role:replica")
WORDS = (
    *("role:", "role:leader", "gateway", "API", "*"),
    *("", " ", "ünïcödé", "数据库", "\u202eapi", "a" * 300, "api\u0000", "../../etc/passwd", "$(reboot)", "api; true"),
    *("{shipped}", "%s%n", "😀", "api\nmail", "null", "~", "yes", "all", "one", "two", "page", "alert-clear", "SEV-1"),
)
KINDS = (
    "noop",
    "container.pause",
    "container.kill",
    "container.stop",
    "container.explode",
    "Container.Pause",
    "",
    "x.y",
)
NUMBERS = ("0", "-1", "3", "007", "1e3", "1e400", "0x1f", "1_000", ".nan", "99999999999999999999", "1.5", "1:30")
TAGS = ("!!python/object/apply:os.system", "!mine", "!!binary", "!!set", "!!timestamp", "!!omap", "!include")
_SHORT = {"!!": "tag:yaml.org,2002:"}
Dice = random.Random
Change = Callable[[MappingNode, Dice], None]


def mutated(text: str, seed: int, kinds: Sequence[str]) -> str:
    """The scenario of ``text`` with one to four changes. ``kinds``: fault kinds that exist."""
    dice = random.Random(f"mutation {seed}")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, MappingNode)
    for _ in range(dice.choice((1, 1, 1, 2, 2, 3, 4))):
        dice.choice(_weighted(kinds))(root, dice)
    written = str(yaml.serialize(root, allow_unicode=True, Dumper=yaml.SafeDumper))
    return dice.choice(_TEXT)(written, dice) if dice.random() < 0.06 else written


def _weighted(kinds: Sequence[str]) -> list[Change]:
    def another_kind(root: MappingNode, dice: Dice) -> None:
        for fault in _faults(root, dice):
            _set(fault, "kind", _either(dice, kinds, KINDS))

    hostile = [_drop, _duplicate, _retype, _rename, _nest, _tag, _alias, _swap, _word, _number, _parameter]
    return [
        *hostile,
        *([_duration] * 6),
        *([_more_faults] * 6),
        *([_fields] * 12),
        *([another_kind] * 2),
        *([_script] * 3),
    ]


def _either(dice: Dice, good: Sequence[str], bad: Sequence[str]) -> str:
    """Mostly something that may be right."""
    return dice.choice(good if dice.random() < 0.8 else bad)


def _nodes(node: Node) -> list[Node]:
    """Every node of the tree, once."""
    found: dict[int, Node] = {}

    def visit(one: Node) -> None:
        if id(one) in found:
            return
        found[id(one)] = one
        children = [part for pair in one.value for part in pair] if isinstance(one, MappingNode) else one.value
        for child in children if not isinstance(one, ScalarNode) else []:
            visit(child)

    visit(node)
    return list(found.values())


def _some(root: Node, dice: Dice, kind: type) -> Node:
    return dice.choice([node for node in _nodes(root) if isinstance(node, kind)])


def _pairs(root: Node, dice: Dice) -> list[tuple[Node, Node]]:
    """The entries of one mapping that is not empty."""
    full = [node for node in _nodes(root) if isinstance(node, MappingNode) and node.value]
    return dice.choice(full).value if full else []


def _set(mapping: MappingNode, name: str, value: str, tag: str = _STR) -> None:
    mapping.value = [pair for pair in mapping.value if pair[0].value != name]
    mapping.value.append((ScalarNode(_STR, name), ScalarNode(tag, value)))


def _faults(root: MappingNode, dice: Dice) -> list[MappingNode]:
    """One of its faults, if any is left."""
    for key, value in root.value:
        if key.value == "faults" and isinstance(value, SequenceNode):
            found = [one for one in value.value if isinstance(one, MappingNode)]
            return [dice.choice(found)] if found else []
    return []


def _drop(root: MappingNode, dice: Dice) -> None:
    pairs = _pairs(root, dice)
    if pairs:
        pairs.pop(dice.randrange(len(pairs)))


def _duplicate(root: MappingNode, dice: Dice) -> None:
    pairs = _pairs(root, dice)
    if pairs:
        pairs.append(deepcopy(dice.choice(pairs)))


def _rename(root: MappingNode, dice: Dice) -> None:
    pairs = _pairs(root, dice)
    if pairs:
        at = dice.randrange(len(pairs))
        name = dice.choice((f"{pairs[at][0].value}x", str(pairs[at][0].value)[1:], "<<", "on", "", "日", "a.b", "a b"))
        pairs[at] = (ScalarNode(_STR, name), pairs[at][1])


def _swap(root: MappingNode, dice: Dice) -> None:
    pairs = _pairs(root, dice)
    if len(pairs) > 1:
        one, other = dice.sample(range(len(pairs)), 2)
        pairs[one], pairs[other] = (pairs[one][0], pairs[other][1]), (pairs[other][0], pairs[one][1])


def _retype(root: MappingNode, dice: Dice) -> None:
    pairs = _pairs(root, dice)
    if not pairs:
        return
    at = dice.randrange(len(pairs))
    other: Node = dice.choice(
        (
            ScalarNode(_INT, "3"),
            ScalarNode(_BOOL, "true"),
            ScalarNode(_NULL, "null"),
            ScalarNode(_FLOAT, "1.5"),
            ScalarNode(_STAMP, "2026-01-01"),
            SequenceNode("tag:yaml.org,2002:seq", [], flow_style=True),
            SequenceNode("tag:yaml.org,2002:seq", [deepcopy(pairs[at][1])], flow_style=True),
            MappingNode("tag:yaml.org,2002:map", [], flow_style=True),
            MappingNode("tag:yaml.org,2002:map", [(ScalarNode(_STR, "a"), ScalarNode(_INT, "1"))], flow_style=True),
        )
    )
    pairs[at] = (pairs[at][0], other)


def _nest(root: MappingNode, dice: Dice) -> None:
    pairs = _pairs(root, dice)
    if pairs:
        at = dice.randrange(len(pairs))
        inner: Node = pairs[at][1]
        for _ in range(dice.choice((1, 5, 60, 400))):
            inner = SequenceNode("tag:yaml.org,2002:seq", [inner], flow_style=True)
        pairs[at] = (pairs[at][0], inner)


def _tag(root: MappingNode, dice: Dice) -> None:
    tag = dice.choice(TAGS)
    _some(root, dice, ScalarNode).tag = tag.replace("!!", _SHORT["!!"], 1)


def _alias(root: MappingNode, dice: Dice) -> None:
    """The same node in two places: written as an anchor and an alias."""
    pairs, other = _pairs(root, dice), _pairs(root, dice)
    if pairs and other:
        value = dice.choice(other)[1]
        if not any(node is value for node in [root]) and not _holds(value, pairs):
            at = dice.randrange(len(pairs))
            pairs[at] = (pairs[at][0], value)


def _holds(node: Node, pairs: list[tuple[Node, Node]]) -> bool:
    return any(isinstance(one, MappingNode) and one.value is pairs for one in _nodes(node))


def _word(root: MappingNode, dice: Dice) -> None:
    node = _some(root, dice, ScalarNode)
    node.value, node.tag = dice.choice(WORDS), _STR


def _number(root: MappingNode, dice: Dice) -> None:
    node = _some(root, dice, ScalarNode)
    node.value, node.tag = dice.choice(NUMBERS), dice.choice((_INT, _FLOAT, _STR))


def _duration(root: MappingNode, dice: Dice) -> None:
    found = [node for node in _nodes(root) if isinstance(node, ScalarNode) and _DURATION.fullmatch(node.value)]
    if found:
        dice.choice(found).value = _either(dice, GOOD_DURATIONS, DURATIONS)


def _more_faults(root: MappingNode, dice: Dice) -> None:
    """A copy of a fault, later, on another target; its id may be taken."""
    for key, value in root.value:
        if key.value == "faults" and isinstance(value, SequenceNode) and value.value:
            copy = deepcopy(dice.choice(value.value))
            if isinstance(copy, MappingNode):
                _set(copy, "id", dice.choice(("second", "third", "fourth", f"f{dice.randrange(99)}")))
                _set(copy, "start", _either(dice, GOOD_DURATIONS, DURATIONS))
                _set(copy, "target", _either(dice, TARGETS, WORDS))
            value.value.append(copy)
    _widen(root)


def _fields(root: MappingNode, dice: Dice) -> None:
    """What composes faults: an end by plan, growth, one replica, a role."""
    for fault in _faults(root, dice):
        name = dice.choice(("duration", "max_duration", "start", "ramp", "replicas", "target"))
        good, bad = {"replicas": (("one", "all"), WORDS), "target": (TARGETS, WORDS)}.get(
            name, (GOOD_DURATIONS, DURATIONS)
        )
        _set(fault, name, _either(dice, good, bad))
    _widen(root)


def _widen(root: MappingNode) -> None:
    """So that another target is no reason to refuse it."""
    for key, value in root.value:
        if key.value == "blast_radius" and isinstance(value, SequenceNode):
            value.value = [ScalarNode(_STR, name) for name in ("api", "db", "mail", "statuspage")]


def _parameter(root: MappingNode, dice: Dice) -> None:
    for fault in _faults(root, dice):
        name = dice.choice(("grace", "latency", "percent", "image", "signal", "", "日", "a" * 200))
        entry = (ScalarNode(_STR, name), ScalarNode(dice.choice((_INT, _STR, _FLOAT)), dice.choice((*NUMBERS, *WORDS))))
        params = MappingNode("tag:yaml.org,2002:map", [entry], flow_style=True)
        fault.value = [pair for pair in fault.value if pair[0].value != "params"]
        fault.value.append((ScalarNode(_STR, "params"), params))


def _script(root: MappingNode, dice: Dice) -> None:
    """Steps in another order, fewer, or the same again."""
    for key, value in root.value:
        if key.value == "script" and isinstance(value, SequenceNode) and value.value:
            steps = [deepcopy(dice.choice(value.value)) for _ in range(dice.randrange(len(value.value) + 3))]
            value.value = steps


def _bomb(text: str, dice: Dice) -> str:
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    return laughs + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)) + text


def _torn(text: str, dice: Dice) -> str:
    return text[: dice.randrange(len(text))]


def _noise(text: str, dice: Dice) -> str:
    at = dice.randrange(len(text))
    return (
        text[:at]
        + dice.choice(("\0", "\t", "{", "- ", "&", "*a", "|", "\u2028", "\ufeff", "%", "---\n", '"'))
        + text[at:]
    )


def _twice(text: str, dice: Dice) -> str:
    return text + dice.choice(("---\n", "", "...\n")) + text


_TEXT: tuple[Callable[[str, Dice], str], ...] = (_bomb, _torn, _noise, _noise, _noise, _twice)
