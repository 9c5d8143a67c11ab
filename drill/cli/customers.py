"""The made-up customers who get the e-mails of a drill: the same ones for the same seed."""

from __future__ import annotations

from dataclasses import replace

from drill.model.config import Config

_HOW_MANY = 3


def with_customers(config: Config, seed: int) -> Config:
    """The configuration with recipients; those of drill.yaml stay as they are."""
    if config.sinks.customers:
        return config
    from faker import Faker

    faker = Faker("en_GB")
    faker.seed_instance(seed)
    addresses = tuple(faker.unique.safe_email() for _ in range(_HOW_MANY))
    return replace(config, sinks=replace(config.sinks, customers=addresses))
