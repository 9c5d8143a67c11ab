"""The chat as HTML for people: newest first, every word of a post escaped, calls to everybody highlighted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5a6473; --line: #dde2e9; --card: #fff; --ground: #f4f6f9;
  --link: #1f5fae; --call: #ffe08a; --call-ink: #3d2c00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf2; --soft: #a3adbb; --line: #323a46; --card: #1c222b;
  --ground: #12161c; --link: #8bbcff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main, header { max-width: 44rem; margin: 0 auto; padding: 1.25rem 1rem; }
header { padding-bottom: 0; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.125rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
section { margin: 0 0 2rem; }
a { color: var(--link); overflow-wrap: anywhere; display: inline-block; padding: .35rem 0; }
a:focus-visible, h2:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
nav { display: flex; flex-wrap: wrap; gap: 0 1.25rem; }
ol { list-style: none; margin: 0; padding: 0; }
li { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem;
  margin: 0 0 .75rem; }
li.call { border-left: .375rem solid var(--call); }
li p { margin: .25rem 0 0; white-space: pre-line; overflow-wrap: anywhere; }
mark { background: var(--call); color: var(--call-ink); font-weight: 700; padding: 0 .25rem; border-radius: .25rem; }
time, .note { color: var(--soft); font-size: .875rem; }
"""

REFRESH_S = 5
_CALL = re.compile(r"&lt;!(here|channel|everyone)(?:\|[^&<>]*)?&gt;")


def render(rooms: Mapping[str, Sequence[dict[str, Any]]], older: int, live: bool) -> str:
    """The whole page. ``older``: how many posts are kept but not shown; ``live``: it reloads itself."""
    refresh = f'<meta http-equiv="refresh" content="{REFRESH_S}">\n' if live else ""
    body = "\n".join(_room(number, name, posts) for number, (name, posts) in enumerate(rooms.items(), 1))
    more = f'<p class="note">{older} older posts are kept and not shown here.</p>' if older else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{refresh}<title>Captured chat</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>Captured chat</h1>
<p class="note">Rooms of the staging stack. Nothing here reaches a real chat.</p>
<nav aria-label="Page">{_navigation(rooms, live)}</nav>
</header>
<main>
{body or '<p class="note">Nothing has been posted.</p>'}
{more}
</main>
</body>
</html>
"""


def _navigation(rooms: Mapping[str, Any], live: bool) -> str:
    reload = '<a href="/chat">Stop reloading</a>' if live else f'<a href="/chat?live=1">Reload every {REFRESH_S} s</a>'
    links = [f'<a href="#room-{number}">#{escape(name)}</a>' for number, name in enumerate(rooms, 1)]
    return "\n".join([reload, *(links if len(links) > 1 else [])])


def _room(number: int, name: str, posts: Sequence[dict[str, Any]]) -> str:
    items = "\n".join(map(_post, posts))
    return f"""<section aria-labelledby="room-{number}">
<h2 id="room-{number}" tabindex="-1">#{escape(name)}</h2>
<ol>
{items}
</ol>
</section>"""


def _post(post: dict[str, Any]) -> str:
    posted = datetime.fromisoformat(post["posted_utc"])
    text, calls = _CALL.subn(r"<mark>@\1</mark>", escape(post["text"], quote=False))
    # A poster writes these three for the signs themselves, as chat programs want it.
    for entity in ("&lt;", "&gt;", "&amp;"):
        text = text.replace(f"&amp;{entity[1:]}", entity)
    return f"""<li{' class="call"' if calls else ""}>
<time datetime="{escape(post["posted_utc"])}">{posted:%d %B %Y, %H:%M:%S} UTC</time>
<p>{text}</p>
</li>"""
