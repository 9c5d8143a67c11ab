"""Changes that a team makes itself: the most common cause of an incident."""
