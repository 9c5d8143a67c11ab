"""What goes wrong: an answer of the API, or a start that cannot be."""

from __future__ import annotations


class ApiError(Exception):
    """An error with the HTTP status that the API answers."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class CannotStart(Exception):
    """The proxy cannot be started: one line saying what is wrong, where, and what to do."""


def bad_body(why: str) -> ApiError:
    """400: the body is no JSON, or has a field of a wrong type."""
    return ApiError(f"bad request body: {why}", 400)


def missing(field: str) -> ApiError:
    """400: a field that must be there."""
    return ApiError(f"missing required field: {field}", 400)
