"""drill: chaos drills and incident simulation on a team's own staging stack."""

__version__ = "0.1.0"
