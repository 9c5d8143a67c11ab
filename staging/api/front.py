"""``/``: the product's page, in one file, with the banner that the status page's operators put up."""

from __future__ import annotations

import base64
import hashlib

from starlette.requests import Request
from starlette.responses import HTMLResponse

_SCRIPT = """
async function read(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error("HTTP " + answer.status);
  return answer.json();
}
function show(id, text) {
  document.getElementById(id).textContent = text;
}
async function refresh() {
  try {
    const banner = await read("/banner");
    show("banner", banner.text || "");
    document.getElementById("banner").hidden = !banner.text;
  } catch { /* without the banner service the page is as useful */ }
  try {
    const savings = await read("/api/savings");
    show("company", savings.company);
    show("saved", (savings.saved_cents / 100).toLocaleString("en", {style: "currency", currency: "EUR"}));
    show("why", savings.explanation || "");
    show("trouble", "");
  } catch (error) {
    show("trouble", "Your savings cannot be shown at the moment (" + error.message + ").");
  }
}
refresh();
setInterval(refresh, 5000);
"""
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 0 auto; padding: 1.5rem; color: #1d2530; }
#banner { background: #fff3cd; border: 1px solid #d9b44a; border-radius: 4px; padding: .6rem 1rem; }
#trouble { color: #a4262c; }
#saved { font-size: 2.4rem; margin: 0; }
"""
_PAGE = f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Savings</title><style>{_STYLE}</style></head>
<body>
<p id="banner" role="status" hidden></p>
<h1>Savings</h1>
<p>Signed in as <strong id="company">…</strong></p>
<p id="saved">…</p>
<p id="why"></p>
<p id="trouble" role="alert"></p>
<script>{_SCRIPT}</script>
</body>
</html>
"""


def _hash(content: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() + "'"


_POLICY = f"default-src 'none'; connect-src 'self'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}"
HEADERS = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}


async def front_page(_request: Request) -> HTMLResponse:
    return HTMLResponse(_PAGE, headers=HEADERS)
