"""The tables and the queries of the product, for PostgreSQL and SQLite alike. ``%s`` marks a parameter."""

from __future__ import annotations

from typing import Any

from api.seed import accounts, spending

Step = tuple[str, tuple[Any, ...]]
"""A statement and its parameters."""

NEWEST_WRITES = 20_000
"""How many of the newest canaries or payments a listing covers; the synthetic customers remember 5000 of theirs."""
NEWEST_DOCUMENTS = 200

TABLES = {
    "accounts": "id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT NOT NULL, company TEXT NOT NULL,"
    " plan TEXT NOT NULL",
    "spending": "company TEXT NOT NULL, month TEXT NOT NULL, before_cents INTEGER NOT NULL, now_cents INTEGER NOT NULL,"
    " PRIMARY KEY (company, month)",
    # No unique constraint on purpose: a write that was made twice must be visible as two rows.
    "canaries": "seq {counter}, id TEXT NOT NULL",
    "payments": "seq {counter}, id TEXT NOT NULL, amount_cents INTEGER NOT NULL",
    "documents": "seq {counter}, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, content TEXT NOT NULL",
    "document_words": "document TEXT PRIMARY KEY, words INTEGER NOT NULL",
    "shares": "document TEXT NOT NULL, email TEXT NOT NULL, PRIMARY KEY (document, email)",
    "jobs": "seq {counter}, document TEXT NOT NULL",
}
INDEXES = (
    "CREATE INDEX IF NOT EXISTS canaries_by_id ON canaries (id)",
    "CREATE INDEX IF NOT EXISTS payments_by_id ON payments (id)",
)

SEEDS = (
    ("INSERT INTO accounts VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING", accounts()),
    ("INSERT INTO spending VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING", spending()),
)

ACCOUNTS = "SELECT id, email, name, company, plan FROM accounts ORDER BY id"
SPENDING = "SELECT company, month, before_cents, now_cents FROM spending ORDER BY company, month"
CANARIES = f"""SELECT id, count(*) FROM (SELECT id FROM canaries ORDER BY seq DESC LIMIT {NEWEST_WRITES}) AS newest
    GROUP BY id"""  # noqa: S608 - made of constants
PAYMENTS = f"""SELECT id, count(*) FROM (SELECT id FROM payments ORDER BY seq DESC LIMIT {NEWEST_WRITES}) AS newest
    GROUP BY id"""  # noqa: S608 - made of constants
PAYMENT = "SELECT 1 FROM payments WHERE id = %s LIMIT 1"
DOCUMENT = "SELECT 1 FROM documents WHERE id = %s"
DOCUMENTS = f"""SELECT id, name, words FROM documents LEFT JOIN document_words ON document = id
    ORDER BY documents.seq DESC LIMIT {NEWEST_DOCUMENTS}"""  # noqa: S608 - made of constants
SHARES = f"""SELECT document, email FROM shares WHERE document IN
    (SELECT id FROM documents ORDER BY seq DESC LIMIT {NEWEST_DOCUMENTS}) ORDER BY email"""  # noqa: S608 - as above
WAITING = "SELECT count(*) FROM jobs"

# A job is taken, done and forgotten in one transaction: a worker that is killed leaves it as it was.
TAKE_JOB = "DELETE FROM jobs WHERE seq = (SELECT seq FROM jobs ORDER BY seq LIMIT 1 {lock}) RETURNING document"
CONTENT = "SELECT content FROM documents WHERE id = %s"
INDEX = "INSERT INTO document_words VALUES (%s, %s) ON CONFLICT DO NOTHING"


def create(counter: str) -> list[str]:
    """The statements that make what is missing; ``counter`` is the database's own kind of growing key."""
    tables = [f"CREATE TABLE IF NOT EXISTS {name} ({columns})" for name, columns in TABLES.items()]
    return [statement.format(counter=counter) for statement in tables] + list(INDEXES)


def canary(name: str) -> list[Step]:
    """Add it unless it is there."""
    unless_there = "WHERE NOT EXISTS (SELECT 1 FROM canaries WHERE id = %s)"
    return [(f"INSERT INTO canaries (id) SELECT CAST(%s AS TEXT) {unless_there}", (name, name))]


def payment(name: str, amount_cents: int) -> list[Step]:
    """Book it unless it is booked."""
    unless_booked = "WHERE NOT EXISTS (SELECT 1 FROM payments WHERE id = %s)"
    fields = "SELECT CAST(%s AS TEXT), CAST(%s AS INTEGER)"
    return [(f"INSERT INTO payments (id, amount_cents) {fields} {unless_booked}", (name, amount_cents, name))]


def document(name: str, title: str, content: str) -> list[Step]:
    """Store it and queue its job, both or neither, unless it is there."""
    unless_there = "WHERE NOT EXISTS (SELECT 1 FROM documents WHERE id = %s)"
    fields = "SELECT CAST(%s AS TEXT), CAST(%s AS TEXT), CAST(%s AS TEXT)"
    return [
        (f"INSERT INTO jobs (document) SELECT CAST(%s AS TEXT) {unless_there}", (name, name)),
        (f"INSERT INTO documents (id, name, content) {fields} {unless_there}", (name, title, content, name)),
    ]


def share(name: str, email: str) -> list[Step]:
    return [("INSERT INTO shares VALUES (%s, %s) ON CONFLICT DO NOTHING", (name, email))]
