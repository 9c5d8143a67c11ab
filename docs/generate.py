"""Writes docs/reference/ from the program itself; the same program gives the same bytes.

    python docs/generate.py            writes every page
    python docs/generate.py --check    names the pages that are not what the program says, and exits with 1

What people wrote stands in docs/templates/; a line ``<<name>>`` there is filled in from the program.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import click

from drill import errors, registry
from drill.cli import cli
from drill.loader.choices import CHOICES
from drill.model.codec import hints
from drill.model.config import Config
from drill.model.events import KINDS
from drill.model.playbook import DetectionSource, Playbook, Severity, SmokeSource, SmokeTargets
from drill.model.scenario import ParamValue, Scenario
from drill.model.units import Seconds, TimeTarget
from drill.model.verbs import NOTE_TYPES, ROLES, STATUSES, VERBS
from scorecards.rules import BY_ID, CHECKS, READING, RULE_SET, SPANS, Rule

_HERE = Path(__file__).parent
_MADE = "<!-- Written by docs/generate.py; change the program or docs/templates, then run it. -->"
_NOTHING = "-"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = tuple(heads)
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|") or _NOTHING


def _first_paragraph(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())


def _summary(thing: object) -> str:
    return _first_paragraph(inspect.getdoc(thing) or "")


# Events, fault kinds, errors, rules


def _events() -> str:
    return _table(("kind", "payload and meaning"), [(f"`{kind}`", text) for kind, text in KINDS.items()])


def _faults() -> str:
    kinds = [(kind, registry.get(kind)) for kind in registry.all_kinds()]
    built_in = [(kind, injector) for kind, injector in kinds if type(injector).__module__.startswith("injectors.")]
    return "\n\n".join(_fault(kind, injector) for kind, injector in built_in)


def _fault(kind: str, injector: Any) -> str:
    module = sys.modules[type(injector).__module__]
    path = module.__name__.replace(".", "/") + ".py"
    facts = [
        ("reversibility", injector.reversibility),
        ("loses data", "yes" if injector.loses_data else "no"),
        ("needs of the stack", ", ".join(sorted(injector.needs)) or "nothing special"),
        ("source", f"[{path}](../../{path})"),
    ]
    params = [(f"`{name}`", text) for name, text in injector.params.items()]
    shown = _table(("parameter", "meaning"), params) if params else "It takes no parameters."
    words = f"{_summary(module)}\n\n{_summary(type(injector))}"
    return f"## {kind}\n\n{words}\n\n{_table(('property', 'value'), facts)}\n\n{shown}\n\n{_sample(kind)}"


def _sample(kind: str) -> str:
    """The faults of the kind's sample in the catalogue, as they stand there."""
    name = f"sample-{kind.replace('.', '-')}.yaml"
    text = (_HERE.parent / "scenarios" / name).read_text(encoding="utf-8")
    faults = text[text.index("\nfaults:") + 1 :]
    block = re.split(r"\n(?=[a-z])", faults, maxsplit=1)[0].rstrip()
    return f"A sample, [scenarios/{name}](../../scenarios/{name}):\n\n```yaml\n{block}\n```"


def _errors() -> str:
    found = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.DrillError)]
    rows = [(str(cls.exit_code), f"`{cls.slug}`", f"`{cls.__name__}`", _summary(cls)) for cls in found]
    return _table(("code", "slug", "class", "meaning"), rows)


def _rules(rules: Iterable[Rule]) -> str:
    heads = ("id", "title", "required", "points", "definition", "source")
    return _table(heads, [_rule(rule) for rule in rules])


def _rule(rule: Rule) -> tuple[str, ...]:
    required = "yes" if rule.required else "no"
    return (f"`{rule.id}`", rule.title, required, str(rule.points), rule.definition, ", ".join(rule.sources))


# Commands


def _walk(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for child in sorted(command.commands):
            if not command.commands[child].hidden:
                yield from _walk(f"{name} {child}", command.commands[child])


def _index() -> str:
    _, *found = _walk("drill", cli)
    lines = [f"- [`{name}`](#{name.replace(' ', '-')}): {_first_paragraph(_help(each))}" for name, each in found]
    return "\n".join(lines)


def _commands() -> str:
    return "\n\n".join(_command(name, command) for name, command in _walk("drill", cli))


def _words() -> str:
    words = {"drill note TYPE": NOTE_TYPES, "drill role ROLE": ROLES, "drill update STATUS": STATUSES}
    return _table(("argument", "words"), [(f"`{what}`", ", ".join(known)) for what, known in words.items()])


def _help(command: click.Command) -> str:
    return inspect.cleandoc(command.help or "").replace("\b\n", "")


def _command(name: str, command: click.Command) -> str:
    words = [name, *(_argument(param) for param in command.params if isinstance(param, click.Argument))]
    words += ["COMMAND"] if isinstance(command, click.Group) else []
    options = [param for param in command.params if isinstance(param, click.Option)]
    words += ["[OPTIONS]"] if options else []
    parts = [f"## {name}", _help(command), f"```text\n{' '.join(words)}\n```"]
    if options:
        parts.append(_table(("option", "meaning"), [(_flags(option), _meaning(option)) for option in options]))
    return "\n\n".join(parts)


def _argument(argument: click.Argument) -> str:
    name = _choices(argument) or (argument.name or "").upper().replace("_", "-")
    name += "..." if argument.nargs == -1 else ""
    return name if argument.required else f"[{name}]"


def _choices(param: click.Parameter) -> str:
    return "|".join(str(word) for word in param.type.choices) if isinstance(param.type, click.Choice) else ""


def _flags(option: click.Option) -> str:
    value = "" if option.is_flag else " " + (_choices(option) or option.type.name.upper())
    return " / ".join(f"`{flag}{value}`" for flag in (*option.opts, *option.secondary_opts))


def _meaning(option: click.Option) -> str:
    words = [option.help or ""]
    words += ["Required."] if option.required else []
    words += [f"Default: {option.default}."] if option.show_default else []
    return " ".join(filter(None, words))


# Files

_SHORT = {
    Seconds: "duration",
    TimeTarget: "time target",
    ParamValue: "text, number or true/false",
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true/false",
}
_REAL: dict[type, type] = {SmokeSource: DetectionSource, SmokeTargets: Severity}
"""What a type of the smoke overlay shortens: its fields have the same names."""


def _file(cls: type) -> str:
    sections = [f"### {path}\n\n{_summary(kind)}\n\n{_fields(kind)}" for path, kind in _records("", cls)]
    return "\n\n".join(sections)


def _records(path: str, cls: type) -> Iterator[tuple[str, type]]:
    """The types of a file, each under the YAML path where it stands."""
    yield f"`{path}`" if path else "Top level", cls
    for field in dataclasses.fields(cls):
        inner, suffix = _inside(hints(cls)[field.name])
        if isinstance(inner, type) and dataclasses.is_dataclass(inner) and inner is not TimeTarget:
            yield from _records(f"{path}.{field.name}{suffix}".lstrip("."), inner)


def _inside(hint: Any) -> tuple[Any, str]:
    """What a list, mapping or optional holds, and how its path goes on."""
    origin, arguments = get_origin(hint), [kind for kind in get_args(hint) if kind is not type(None)]
    if origin is tuple:
        return arguments[0], "[]"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return arguments[1], ".NAME"
    return (arguments[0], "") if len(arguments) == 1 else (hint, "")


def _fields(cls: type) -> str:
    rows = [(f"`{f.name}`", _type(cls, f.name), _default(f), _doc(cls, f)) for f in dataclasses.fields(cls)]
    return _table(("field", "type", "default", "meaning"), rows)


def _type(cls: type, name: str) -> str:
    hint = hints(cls)[name]
    if words := CHOICES.get((cls.__name__, name)):
        shown = ", ".join(f"`{word}`" for word in words if word)
        return ("some of " if get_origin(hint) is tuple else "one of ") + shown
    return _named(hint)


def _named(hint: Any) -> str:
    if hint in _SHORT:
        return _SHORT[hint]
    inner, suffix = _inside(hint)
    if suffix == "[]":
        return f"list of {_named(inner)}".replace("list of a mapping", "list of mappings")
    if suffix == ".NAME":
        return f"name to {_named(inner)}"
    return "a mapping, below" if inner is hint else _named(inner)


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        value = field.default
        duration = isinstance(value, int | float) and str(field.type) == "Seconds"
        return f"{value:g}s" if duration else _shown(value)
    return "**required**" if field.default_factory is dataclasses.MISSING else "none"


def _shown(value: object) -> str:
    if value is None or value in ("", ()):
        return "none"
    if isinstance(value, TimeTarget):
        return str(value)
    if dataclasses.is_dataclass(value):
        return "the defaults of its fields"
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _doc(cls: type, field: dataclasses.Field[Any]) -> str:
    if text := field.metadata.get("doc"):
        return str(text)
    real = {f.name: f.metadata.get("doc", "") for f in dataclasses.fields(_REAL[cls])}
    return f"{real[field.name]} May only be shorter than the real value."


_PARTS: dict[str, Callable[[], str]] = {
    "events": _events,
    "faults": _faults,
    "index": _index,
    "verbs": lambda: ", ".join(f"`{name}`" for name in VERBS),
    "words": _words,
    "commands": _commands,
    "scenario": lambda: _file(Scenario),
    "playbook": lambda: _file(Playbook),
    "config": lambda: _file(Config),
    "errors": _errors,
    "rule-set": lambda: RULE_SET,
    "reading": lambda: READING,
    "points": lambda: str(sum(rule.points for rule in BY_ID.values())),
    "spans": lambda: _rules(SPANS),
    "checks": lambda: _rules(CHECKS),
}


def pages() -> dict[Path, str]:
    """Every page with its path."""
    return {_HERE / "reference" / path.name: _page(path) for path in sorted((_HERE / "templates").glob("*.md"))}


def _page(template: Path) -> str:
    title, _, rest = template.read_text(encoding="utf-8").partition("\n")
    return f"{title}\n\n{_MADE}\n" + re.sub(r"<<([a-z-]+)>>", lambda hole: _PARTS[hole[1]](), rest)


def main() -> int:
    """Write, or check."""
    if sys.argv[1:] == ["--check"]:
        stale = [path for path, text in pages().items() if not path.is_file() or path.read_text("utf-8") != text]
        print("\n".join(f"{path}: stale; run python docs/generate.py" for path in stale) or "every page is up to date")
        return bool(stale)
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(f"wrote {len(pages())} pages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
