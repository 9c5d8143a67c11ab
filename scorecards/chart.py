"""The timeline as a PNG: lanes of bars and points, readable in print and by colour-blind people (Okabe and Ito)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drill.model.events import Event
from drill.model.spans import read
from drill.model.units import NS
from scorecards.card import Scorecard
from scorecards.lanes import LANES, Item, items
from scorecards.markdown import verdict_word

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = dict(zip(LANES, ("#D55E00", "#E69F00", "#0072B2", "#009E73", "#CC79A7", "#000000", "#666666"), strict=True))
_MARKERS = dict(zip(LANES, ("s", "s", "^", "o", "D", "|", "x"), strict=True))
_FONT_PT = 8.5
_DPI = 150
_WIDTH_IN = 12.0
_ROW_IN = 0.24
_LEFT, _RIGHT = 0.105, 0.985
_INSIDE = 4


@dataclass(frozen=True, slots=True)
class _Scale:
    """Data time (s or min since injection) against inches, so that labels can be packed before anything is drawn."""

    zero: int
    low: int
    high: int

    @property
    def minutes(self) -> bool:
        return self.high - self.low > 600 * NS

    def x(self, t: int) -> float:
        return (t - self.zero) / NS / (60 if self.minutes else 1)

    def inches(self, t: int) -> float:
        return (t - self.low) / (self.high - self.low) * _WIDTH_IN * (_RIGHT - _LEFT)


@dataclass(frozen=True, slots=True)
class _Placed:
    item: Item
    row: int
    leftwards: bool


def render_chart(events: Sequence[Event], card: Scorecard) -> bytes:
    """PNG bytes. The same journal and the same matplotlib give the same bytes."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a user's matplotlibrc must not change a report
        figure = _figure(events, card)
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=_DPI, metadata={"Software": None})
    return out.getvalue()


def _figure(events: Sequence[Event], card: Scorecard) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    reading = read(events)
    shown = items(events, reading, card)
    onset = min((fault.onset.t for fault in reading.faults if fault.onset), default=0)
    scale = _scale(shown, onset)
    figure = Figure(figsize=(_WIDTH_IN, 1))
    FigureCanvasAgg(figure)
    placed, rows = _pack(shown, scale)
    height = 1.35 + rows * _ROW_IN
    figure.set_size_inches(_WIDTH_IN, height)
    axes = figure.add_axes((_LEFT, 0.5 / height, _RIGHT - _LEFT, rows * _ROW_IN / height))
    _draw(axes, placed, rows, scale)
    _title(figure, card, height)
    return figure


def _scale(shown: Sequence[Item], onset: int) -> _Scale:
    """All that happened; a deadline far beyond it ends in an arrow instead of squeezing the rest."""
    happened = [t for item in shown if item.lane != "Targets" for t in (item.start, item.end) if t is not None]
    low, high = min(happened, default=0), max(happened, default=NS)
    high = max(high, low + NS)
    due = [item.end for item in shown if item.lane == "Targets" and item.end]
    near = [t for t in due if t <= low + 2 * (high - low)]
    high = max([high, *near])
    pad = (high - low) // 40
    return _Scale(onset, low - pad, high + pad)


def _pack(shown: Sequence[Item], scale: _Scale) -> tuple[list[_Placed], int]:
    """Give each item a row of its lane where neither its mark nor its label touches another."""
    placed: list[_Placed] = []
    base = 0
    for lane in LANES:
        taken: list[list[tuple[float, float]]] = []
        for item in (item for item in shown if item.lane == lane):
            left, right, leftwards = _extent(item, scale)
            row = next((i for i, row in enumerate(taken) if _free(row, left, right)), len(taken))
            taken[row:] = taken[row:] or [[]]
            taken[row].append((left, right))
            placed.append(_Placed(item, base + row, leftwards))
        base += max(1, len(taken))
    return placed, base


def _free(row: Sequence[tuple[float, float]], left: float, right: float) -> bool:
    return all(right < other_left or left > other_right for other_left, other_right in row)


def _extent(item: Item, scale: _Scale) -> tuple[float, float, bool]:
    """Inches that mark and label cover, and whether the label stands to the left for want of room."""
    start, edge = scale.inches(item.start), scale.inches(scale.high)
    end = min(edge, scale.inches(_end(item)))
    width = _text_in(item.label) + 0.2
    if end + width <= edge:
        return start - 0.08, end + width, False
    inside = item.end is not None and edge - scale.inches(item.observed or item.start) >= width
    leftwards = not inside and start >= width
    return start - (width if leftwards else 0.08), end + 0.08, leftwards


def _end(item: Item) -> int:
    return max(t for t in (item.start, item.end, item.observed) if t is not None)


def _text_in(label: str) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    return float(TextPath((0, 0), label, prop=FontProperties(size=_FONT_PT)).get_extents().width) / 72


def _draw(axes: Axes, placed: Sequence[_Placed], rows: int, scale: _Scale) -> None:
    axes.set_xlim(scale.x(scale.low), scale.x(scale.high))
    axes.set_ylim(rows - 0.5, -0.5)
    _lanes(axes, placed, rows)
    for spot in placed:
        if spot.item.lane == "Impact" and spot.item.end is not None:
            axes.axvspan(scale.x(spot.item.start), scale.x(spot.item.end), color="#E69F00", alpha=0.10, lw=0, zorder=0)
        (_bar if spot.item.end is not None else _point)(axes, spot, scale)
        _label(axes, spot, scale)
    axes.set_xlabel(f"{'minutes' if scale.minutes else 'seconds'} since injection", fontsize=9)
    axes.tick_params(axis="x", labelsize=9)
    axes.grid(axis="x", color="#dddddd", lw=0.6, zorder=0)
    axes.set_axisbelow(True)


def _lanes(axes: Axes, placed: Sequence[_Placed], rows: int) -> None:
    """Names beside the lanes, and a line between them."""
    first = 0
    ticks = []
    for lane in LANES:
        last = max((spot.row for spot in placed if spot.item.lane == lane), default=first)
        ticks.append((first + last) / 2)
        first = last + 1
        if first < rows:
            axes.axhline(first - 0.5, color="#999999", lw=0.8)
    axes.set_yticks(ticks, LANES, fontsize=9.5)
    axes.tick_params(axis="y", length=0)


def _bar(axes: Axes, spot: _Placed, scale: _Scale) -> None:
    item, colour = spot.item, _COLOURS[spot.item.lane]
    start, end = scale.x(item.start), min(scale.x(item.end or item.start), scale.x(scale.high))
    if item.lane != "Targets":
        axes.barh(spot.row, end - start, left=start, height=0.5, color=colour, edgecolor="black", lw=0.6, zorder=2)
        return
    axes.barh(spot.row, end - start, left=start, height=0.5, facecolor="white", edgecolor="black", lw=0.8, zorder=2)
    if item.observed is not None:
        seen = scale.x(item.observed)
        hatch = "////" if item.faint else ""
        axes.barh(
            spot.row,
            seen - start,
            left=start,
            height=0.26,
            color="#56B4E9",
            edgecolor="black",
            lw=0.5,
            hatch=hatch,
            zorder=3,
        )
    if item.end is not None and item.end > scale.high:
        axes.plot(end, spot.row, marker=">", color="black", ms=6, clip_on=False, zorder=4)


def _point(axes: Axes, spot: _Placed, scale: _Scale) -> None:
    item, colour = spot.item, _COLOURS[spot.item.lane]
    face = "white" if item.faint else colour
    axes.plot(scale.x(item.start), spot.row, marker=_MARKERS[item.lane], color=colour, mfc=face, ms=6.5, zorder=3)


def _label(axes: Axes, spot: _Placed, scale: _Scale) -> None:
    at, offset, side = _anchor(spot, scale)
    axes.annotate(
        spot.item.label,
        (scale.x(at), spot.row),
        xytext=(offset, 0),
        textcoords="offset points",
        ha=side,
        va="center_baseline",
        fontsize=_FONT_PT,
        zorder=5,
        bbox={"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.85} if offset == _INSIDE else None,
    )


def _anchor(spot: _Placed, scale: _Scale) -> tuple[int, int, Literal["left", "right"]]:
    """Where a label hangs (ns), its offset (points), its side: right of the mark, else left of it, else in the bar."""
    item = spot.item
    width = _text_in(item.label) + 0.2
    if spot.leftwards:
        return item.start, -7, "right"
    if scale.inches(scale.high) - scale.inches(_end(item)) >= width:
        return _end(item), 7, "left"
    seen = item.observed or item.start
    fits = scale.inches(scale.high) - scale.inches(seen) >= width
    return (max(seen, item.start) if fits else item.start), _INSIDE, "left"


def _title(figure: Figure, card: Scorecard, height: float) -> None:
    labels = "".join(f" · {label}" for label in card.labels)
    if card.low is None or card.high is None:
        score = "no score"
    else:
        score = f"score {card.low:g}" + ("" if card.low == card.high else f" to {card.high:g}")
    figure.text(_LEFT, 1 - 0.3 / height, f"{card.scenario_title}{labels}", fontsize=13, weight="bold", va="center")
    line = f"{verdict_word(card)}{labels} · {score} · targets of {card.targets_severity} · {card.began_utc}"
    figure.text(_LEFT, 1 - 0.58 / height, line, fontsize=9.5, va="center")
