"""``/api/savings``: what the signed-in company saves, and the LLM provider's words for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from api.accounts import Accounts, LastGood
from api.cache import Cache
from api.flags import Flags
from api.store import Store
from api.upstream import Budget, Refused, Upstream

CACHED_S = 30
VISITOR = "1"
"""The account that is shown to somebody who has not signed in."""


class Savings:
    def __init__(
        self, store: Store, folder: Path, flags: Flags, accounts: Accounts, llm: Upstream, cache: Cache | None
    ) -> None:
        self._spending = LastGood(folder / "spending.json", flags, store.spending)
        self._flags = flags
        self._accounts = accounts
        self._llm = llm
        self._cache = cache

    async def show(self, request: Request) -> JSONResponse:
        """Within 0.9 s. 502 when the explanation is on and its provider gives none: a hard dependency on purpose."""
        budget = Budget()
        figures = await self._figures(request.cookies.get("account", VISITOR))
        explanation = await self._explain(figures, budget) if self._flags["savings_explanations"] else None
        return JSONResponse({**figures, "explanation": explanation})

    async def _figures(self, account: str) -> dict[str, Any]:
        key = f"savings:{account}"
        kept = await self._cache.get(key) if self._cache is not None else None
        if isinstance(kept, dict):
            return kept
        found = await self._accounts.find("id", int(account)) if account.isdecimal() else None
        if found is None:
            raise HTTPException(404, "there is no such account; sign in again")
        figures = company_savings(found["company"], await self._spending.rows())
        if self._cache is not None:
            await self._cache.put(key, figures, CACHED_S)
        return figures

    async def _explain(self, figures: dict[str, Any], budget: Budget) -> str:
        saved = f"{figures['saved_cents'] / 100:,.2f} euros"
        prompt = f"Explain in one sentence: {figures['company']} saved {saved} in {len(figures['months'])} months."
        try:
            answer = await self._llm.post("/llm/completions", {"prompt": prompt}, budget)
        except Refused as error:
            raise HTTPException(502, str(error)) from error
        return str(answer.get("text", ""))


def company_savings(company: str, spending: list[dict[str, Any]]) -> dict[str, Any]:
    """Saved cents in all and by month."""
    months = {row["month"]: row["before_cents"] - row["now_cents"] for row in spending if row["company"] == company}
    return {"company": company, "saved_cents": sum(months.values()), "months": months}
