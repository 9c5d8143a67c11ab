"""Writes docs/reference/ from the program itself; the same program gives the same bytes.

    python docs/generate.py

A test compares the committed pages with what this script says, so none of them can go stale.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
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

REFERENCE = Path(__file__).parent / "reference"
_MADE = "<!-- Written by docs/generate.py from the program; change the program, then run that. -->"
_SHORT = {Seconds: "duration", TimeTarget: "time target", ParamValue: "text, number or true/false"}
_SCALARS = {str: "text", int: "whole number", float: "number", bool: "true/false"}
_NOTHING = "-"


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", _MADE, *(part.strip("\n") for part in parts if part)]) + "\n"


def _prose(text: str) -> str:
    return textwrap.dedent(text).strip()


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|") or _NOTHING


def _doc(thing: object) -> str:
    return inspect.getdoc(thing) or ""


# Events


def events() -> str:
    """Every kind of event with its payload."""
    rows = [(f"`{kind}`", text) for kind, text in KINDS.items()]
    return _page(
        "Events of the journal",
        _prose("""
            A journal is a file of JSON Lines, one event a line, append-only. Each line has these fields:

            - `seq`: counts from 0.
            - `t`: nanoseconds since event 0, on a monotonic clock that counts suspend. It never goes back.
            - `utc`: wall time with milliseconds, for people. Nothing is computed from it, but for the gap that a reboot leaves.
            - `kind`: one of the kinds below. A reader refuses any other.
            - `source`: who says so: `engine`, `probes`, a detection source, `player:NAME`, `guard` and so on.
            - `data`: the payload. Secrets are masked by the writer.
            - `prev`: SHA-256 of the line before, without its newline; 64 zeros in event 0.

            A time in `data` that ends in `_ns` is nanoseconds since event 0, like `t`. Where an event tells of an instant
            before it was written, `at_ns` holds that instant, `uncertainty_ns` how far it may be off to either side, and
            `clock` what it was read from.
        """),
        _table(("kind", "payload and meaning"), rows),
    )


# Fault kinds


def faults() -> str:
    """Every fault kind that this distribution registers."""
    kinds = [(kind, registry.get(kind)) for kind in registry.all_kinds()]
    ours = [(kind, injector) for kind, injector in kinds if type(injector).__module__.startswith("injectors.")]
    return _page(
        "Fault kinds",
        _prose("""
            `drill injectors list` prints the kinds that are installed, those of other packages too; this page has the
            built-in ones. A fault is written in a scenario as

            ```yaml
            faults:
              - id: database-stopped
                kind: container.stop
                target: db
                start: 0s
                max_duration: 2m
                params: {grace: 5}
            ```

            Reversibility says what undo can promise. **reversible**: the change itself is taken back.
            **snapshot-restorable**: a snapshot is on disk before the fault, and writes made in between are reported.
            **momentary**: there is nothing to undo. A kind that loses data runs only where `drill.yaml` says
            `data: disposable`.
        """),
        *(_fault(kind, injector) for kind, injector in ours),
    )


def _fault(kind: str, injector: Any) -> str:
    module = sys.modules[type(injector).__module__]
    path = module.__name__.replace(".", "/") + ".py"
    rows = [
        ("reversibility", injector.reversibility),
        ("loses data", "yes" if injector.loses_data else "no"),
        ("needs of the stack", ", ".join(sorted(injector.needs)) or "nothing special"),
        ("source", f"[{path}](../../{path})"),
    ]
    params = [(f"`{name}`", text) for name, text in injector.params.items()]
    shown = _table(("parameter", "meaning"), params) if params else "It takes no parameters."
    return f"## {kind}\n\n{_doc(module)}\n\n{_doc(type(injector))}\n\n{_table(('property', 'value'), rows)}\n\n{shown}"


# Commands


def commands() -> str:
    """Every command that a user may type, from the command line's own tree."""
    found = list(_walk("drill", cli))
    index = "\n".join(f"- [`{name}`](#{name.replace(' ', '-')}): {_first(command)}" for name, command in found[1:])
    words = [
        ("`drill note TYPE`", ", ".join(NOTE_TYPES)),
        ("`drill role ROLE`", ", ".join(ROLES)),
        ("`drill update STATUS`", ", ".join(STATUSES)),
    ]
    return _page(
        "Commands",
        _prose("""
            Every command works on the project of the current folder: its `drill.yaml`, or the reference stack where there
            is none. State goes to `.drill/`, results to `drill-results/`. The installed names are `drill` and
            `chaos-drill`. `-h` and `--help` work everywhere; exit codes are [on their own page](exit-codes.md).

            A command that touches a stack first undoes what a lost drill left behind; one that only reads mentions it in
            a line.
        """),
        index,
        *(_command(name, command) for name, command in found),
        "## What the responders' verbs accept",
        _prose(f"""
            The verbs ({", ".join(f"`{name}`" for name in VERBS)}) go to the drill that runs in this folder, and work while
            it runs. `--as NAME` is your name in the journal; it is your login name when left out. Times of day are UTC,
            `HH:MM` or `HH:MM:SS`.
        """),
        _table(("argument", "words"), words),
    )


def _walk(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for child in sorted(command.commands):
            if not command.commands[child].hidden:
                yield from _walk(f"{name} {child}", command.commands[child])


def _first(command: click.Command) -> str:
    return " ".join(_help(command).split("\n\n")[0].split())


def _help(command: click.Command) -> str:
    return inspect.cleandoc(command.help or "").replace("\b\n", "")


def _command(name: str, command: click.Command) -> str:
    usage = " ".join([name, *(_argument(p) for p in command.params if isinstance(p, click.Argument))])
    usage += " COMMAND" if isinstance(command, click.Group) else ""
    options = [param for param in command.params if isinstance(param, click.Option)]
    rows = [(_flags(option), _option(option)) for option in options]
    parts = [f"## {name}", _help(command), f"```text\n{usage}{' [OPTIONS]' if rows else ''}\n```"]
    return "\n\n".join([*parts, *([_table(("option", "meaning"), rows)] if rows else [])])


def _argument(argument: click.Argument) -> str:
    name = _choices(argument) or (argument.name or "").upper()
    name += "..." if argument.nargs == -1 else ""
    return name if argument.required else f"[{name}]"


def _choices(param: click.Parameter) -> str:
    return "{" + "|".join(str(choice) for choice in param.type.choices) + "}" if _is_choice(param) else ""


def _is_choice(param: click.Parameter) -> bool:
    return isinstance(param.type, click.Choice)


def _flags(option: click.Option) -> str:
    value = "" if option.is_flag else " " + (_choices(option) or option.type.name.upper())
    return " / ".join(f"`{flag}{value}`" for flag in (*option.opts, *option.secondary_opts))


def _option(option: click.Option) -> str:
    words = [option.help or ""]
    words += ["Required."] if option.required else []
    words += [f"Default: {option.default}."] if option.show_default else []
    return " ".join(filter(None, words))


# Files


def configuration() -> str:
    """Every field of the three YAML files."""
    return _page(
        "Configuration files",
        _prose("""
            Three YAML files: scenarios (what goes wrong), playbooks (how your team wants to respond) and `drill.yaml`
            (which stack, how the truth is probed). `drill validate FILE` checks any of them, with file and line;
            `drill schema scenario`, `playbook` and `config` print JSON Schema for an editor. Unknown fields are errors.

            - **duration**: `500ms`, `30s`, `15m`, `4h`, `1h30m`, `2 weeks`.
            - **time target**: a duration, or `1 business day`, `3 business days` of the playbook's calendar.
        """),
        *(_file(title, where, cls) for title, where, cls in _FILES),
    )


_FILES: tuple[tuple[str, str, type], ...] = (
    ("Scenario", "`NAME.yaml` in the folder of scenarios; `id` is NAME.", Scenario),
    ("Playbook", "A shipped one by name, or a file of yours; `id` is the file's name.", Playbook),
    ("drill.yaml", "In the folder that you run `drill` in; `drill init` writes one.", Config),
)


def _file(title: str, where: str, cls: type) -> str:
    sections = [f"### {path}\n\n{_first_line(kind)}\n\n{_fields(kind)}" for path, kind in _records("", cls)]
    return "\n\n".join([f"## {title}", where, *sections])


def _first_line(cls: type) -> str:
    return " ".join(_doc(cls).split("\n\n")[0].split())


def _records(path: str, cls: type) -> Iterator[tuple[str, type]]:
    """The types of a file, each under the YAML path where it stands."""
    yield path or "Top level", cls
    for field in dataclasses.fields(cls):
        inner, suffix = _inside(hints(cls)[field.name])
        if isinstance(inner, type) and dataclasses.is_dataclass(inner) and inner is not TimeTarget:
            yield from _records(f"{path}.{field.name}{suffix}".lstrip("."), inner)


def _inside(hint: Any) -> tuple[Any, str]:
    """What a list, mapping or optional holds, and how its path goes on."""
    arguments = [argument for argument in get_args(hint) if argument is not type(None)]
    if get_origin(hint) is tuple:
        return arguments[0], "[]"
    if get_origin(hint) is not None and issubclass(_class(hint), Mapping):
        return arguments[1], ".NAME"
    return (arguments[0], "") if len(arguments) == 1 else (hint, "")


def _class(hint: Any) -> type:
    origin = get_origin(hint)
    return origin if isinstance(origin, type) else object


def _fields(cls: type) -> str:
    rows = [(f"`{f.name}`", _type(cls, f.name), _default(f), _meaning(cls, f)) for f in dataclasses.fields(cls)]
    return _table(("field", "type", "default", "meaning"), rows)


def _type(cls: type, name: str) -> str:
    hint = hints(cls)[name]
    if words := CHOICES.get((cls.__name__, name)):
        shown = ", ".join(f"`{word}`" for word in words if word)
        return ("some of " if get_origin(hint) is tuple else "one of ") + shown
    return _named(hint)


def _named(hint: Any) -> str:
    if hint in _SHORT or hint in _SCALARS:
        return _SHORT.get(hint) or _SCALARS[hint]
    inner, suffix = _inside(hint)
    if suffix == "[]":
        return f"list of {_named(inner)}"
    if suffix == ".NAME":
        return f"name to {_named(inner)}"
    return _named(inner) if inner is not hint else "a mapping, below"


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is dataclasses.MISSING:
        return "**required**" if field.default_factory is dataclasses.MISSING else "none"
    return _shown(field.default)


def _shown(value: object) -> str:
    if value is None or value in ("", ()):
        return "none"
    if dataclasses.is_dataclass(value):
        return "its fields' defaults"
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g} s" if isinstance(value, float) else str(value)


_REAL: dict[type, type] = {SmokeSource: DetectionSource, SmokeTargets: Severity}


def _meaning(cls: type, field: dataclasses.Field[Any]) -> str:
    if text := field.metadata.get("doc"):
        return str(text)
    real = {f.name: f.metadata.get("doc", "") for f in dataclasses.fields(_REAL[cls])}
    if field.name == "channels":
        return "By channel: `within` of that channel."
    return f"{real[field.name]} May only be shorter than the real value."


# Exit codes


def exit_codes() -> str:
    """Exit codes from the tree of errors, and the outcomes of a drill."""
    found = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.DrillError)]
    rows = [(str(cls.exit_code), f"`{cls.slug}`", f"`{cls.__name__}`", _first_line(cls)) for cls in found]
    return _page(
        "Exit codes and errors",
        _prose("""
            `drill run`, `drill demo`, `drill attach` (when the drill has ended) and `drill score` exit with what became of
            the drill. Every other command exits with 0, or with the code of the error that it prints in one line.
        """),
        _table(
            ("code", "of a drill"),
            [
                ("0", "Passed: every required span and check passed."),
                (
                    "1",
                    "Ran, and a required span or check failed or is unknown; a stop condition ends so too. "
                    "`drill score` gives it for a journal without an end.",
                ),
                ("2", "Invalid input or usage; nothing was started."),
                ("3", "Refused for safety; nothing was touched."),
                ("4", "The harness or the stack failed, or the conductor was lost; everything is proved undone."),
                (
                    "5",
                    "Something is **not proved undone**. Its manual steps are printed. This comes before every other.",
                ),
                ("6", "Voided because of a real incident; everything is proved undone."),
                ("7", "The kill switch was on, or ended the drill; everything is proved undone."),
                ("130", "Aborted by a person (Ctrl-C, `drill abort`); everything is proved undone."),
            ],
        ),
        "Errors that the program raises on purpose. The slug is what the conductor's socket answers with.",
        _table(("code", "slug", "class", "meaning"), rows),
    )


# Scorecard


def scorecard() -> str:
    """The rule set: definitions, what is required, points."""
    points = sum(rule.points for rule in BY_ID.values())
    return _page(
        "The scorecard",
        f"Rule set `{RULE_SET}`. The same journal and rule set give the same JSON and Markdown, byte for byte.",
        _prose("""
            Every row has a verdict: `pass`, `fail`, `unknown`, `no-target` (measured, but the playbook promises nothing) or
            `not-applicable`. **unknown is never a pass**: a drill passes only when every required row passes.
        """),
        READING,
        _prose(f"""
            Points sum to {points}. A rule with several rows (a notification for each channel) shares its points evenly.
            The score is a pair from low to high: unknown counted as fail, and as pass. What does not apply, or has no
            target, is taken out and the rest is scaled to 100, so a score cannot exceed 100. A required rule without points
            is a gate: it can fail a drill, but tells nothing of how people responded.

            Targets are those of the severity that the scenario expects, or of the first declared one where that is
            stricter: declaring low buys no time. `early` marks a boundary that was reached before its start; the duration
            is then negative, and never clipped to zero.

            Labels: **SMOKE** means that intervals and targets were shortened by the playbook's `smoke` section,
            **SCRIPTED** that a script responded. Neither is evidence of how people respond.
        """),
        "## Spans",
        _rules(SPANS),
        "## Checks",
        _rules(CHECKS),
    )


def _rules(rules: tuple[Rule, ...]) -> str:
    rows = [
        (
            f"`{rule.id}`",
            rule.title,
            "yes" if rule.required else "no",
            str(rule.points),
            rule.definition,
            ", ".join(rule.sources),
        )
        for rule in rules
    ]
    return _table(("id", "title", "required", "points", "definition", "source"), rows)


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "configuration.md": configuration,
    "events.md": events,
    "exit-codes.md": exit_codes,
    "faults.md": faults,
    "scorecard.md": scorecard,
}


def main() -> None:
    """Write every page."""
    REFERENCE.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")
        print(f"wrote {REFERENCE / name}")


if __name__ == "__main__":
    main()
