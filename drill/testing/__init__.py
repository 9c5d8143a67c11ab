"""For tests: a virtual clock and an in-memory stack, on which the whole engine runs deterministically."""
