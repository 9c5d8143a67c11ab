"""The status page as HTML: newest post first, every word of a post escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

MARK = "EXERCISE"
KNOWN = ("investigating", "mitigating", "monitoring", "resolved")

STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5a6473; --line: #dde2e9; --card: #fff; --ground: #f4f6f9;
  --red: #b3261e; --amber: #8a5300; --blue: #1f5fae; --green: #1b6e3c; --drill: #ffe08a; --drill-ink: #3d2c00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf2; --soft: #a3adbb; --line: #323a46; --card: #1c222b;
  --ground: #12161c; --red: #ff8a80; --amber: #ffc56b; --blue: #8bbcff; --green: #7fd8a0; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main, header { max-width: 44rem; margin: 0 auto; padding: 1.25rem 1rem; }
header { padding-bottom: 0; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.125rem; line-height: 1.35; margin: .35rem 0; overflow-wrap: anywhere; }
.drill { background: var(--drill); color: var(--drill-ink); padding: .75rem 1rem; text-align: center; }
.now { margin: .75rem 0 0; padding: .9rem 1rem; border-radius: .5rem; background: var(--card);
  border: 1px solid var(--line); border-left: .375rem solid var(--tone); font-weight: 600; }
.banner { --tone: var(--amber); margin: .75rem 0 0; padding: .75rem 1rem; border-radius: .5rem;
  border: 1px solid var(--tone); background: var(--card); }
.banner p { margin: 0; white-space: pre-line; overflow-wrap: anywhere; }
article { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: 1rem;
  margin: 0 0 1rem; }
article p { margin: .5rem 0 0; white-space: pre-line; overflow-wrap: anywhere; }
.status { color: var(--tone); font-weight: 700; font-size: .8125rem; letter-spacing: .04em; text-transform: uppercase;
  overflow-wrap: anywhere; }
time { color: var(--soft); font-size: .875rem; }
.meta { display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: baseline; justify-content: space-between; }
.investigating { --tone: var(--red); } .mitigating { --tone: var(--amber); }
.monitoring { --tone: var(--blue); } .resolved, .quiet { --tone: var(--green); } .other { --tone: var(--soft); }
"""

NOW = {
    "investigating": "We are investigating an incident.",
    "mitigating": "We are working on an incident.",
    "monitoring": "A fix is in place and we are watching it.",
    "resolved": "The latest incident is resolved.",
    "other": "See the latest update below.",
}


def render(posts: Sequence[dict[str, Any]], banner: Mapping[str, Any]) -> str:
    """The whole page from posts in the order in which they came, and the banner that the product shows (or nothing)."""
    newest_first = list(reversed(posts))
    tone = tone_of(newest_first[0]["status"]) if newest_first else "quiet"
    now = NOW[tone] if newest_first else "No incidents have been reported."
    articles = "\n".join(article(post) for post in newest_first)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Reference SaaS status</title>
<style>{STYLE}</style>
</head>
<body>
{drill_bar(posts, banner)}<header>
<h1>Reference SaaS status</h1>
{product_banner(banner)}<p class="now {tone}">{now}</p>
</header>
<main>
{articles}
</main>
</body>
</html>
"""


def drill_bar(posts: Sequence[dict[str, Any]], banner: Mapping[str, Any]) -> str:
    """A bar across the top as long as any post, or the banner, is marked as part of an exercise."""
    texts = [text for post in posts for text in (post["title"], post["body"])]
    if not any(MARK in text for text in [*texts, banner.get("text", "")]):
        return ""
    return (
        f'<div class="drill" role="note"><strong>{MARK}</strong>: what is marked {MARK} belongs to a drill'
        " on a staging system. No customer is affected.</div>\n"
    )


def product_banner(banner: Mapping[str, Any]) -> str:
    """What the product itself tells its users now."""
    if not banner:
        return ""
    return (
        '<aside class="banner" aria-label="Shown in the product">'
        f'<p class="status">Shown in the product</p>\n<p>{escape(banner["text"])}</p></aside>\n'
    )


def article(post: dict[str, Any]) -> str:
    """One post."""
    posted = datetime.fromisoformat(post["posted"])
    return f"""<article>
<div class="meta"><span class="status {tone_of(post["status"])}">{escape(post["status"])}</span>
<time datetime="{escape(post["posted"])}">{posted:%d %B %Y, %H:%M} UTC</time></div>
<h2>{escape(post["title"])}</h2>
<p>{escape(post["body"])}</p>
</article>"""


def tone_of(status: str) -> str:
    """The status as a class of the style sheet."""
    return status.strip().lower() if status.strip().lower() in KNOWN else "other"
