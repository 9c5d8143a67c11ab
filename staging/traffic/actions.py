"""What the synthetic customers do: a sequence that a seed decides, whatever the product answers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from api.seed import accounts
from faker import Faker

WEIGHTS = {"sign-in": 4, "savings": 4, "payment": 3, "canary": 3, "document": 2, "accounts": 2, "documents": 1}
"""How often each action comes, out of the sum of all."""


class Action(NamedTuple):
    """One thing that one customer does."""

    kind: str
    email: str
    text: str
    friend: str
    amount_cents: int


def actions(seed: int) -> Iterator[Action]:
    """Without end. The same seed gives the same actions by the same people (with the same version of Faker)."""
    chance = random.Random(seed)  # noqa: S311 - a drill must be repeatable, not secret
    faker = Faker()
    faker.random.seed(seed)
    customers = accounts()
    while True:
        yield Action(
            kind=chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0],
            email=chance.choice(customers).email,
            text=f"Report by {faker.name()}",
            friend=f"{faker.user_name()}@example.com",
            amount_cents=chance.randrange(500, 50_000),
        )
