"""The journal: JSON Lines, one writer at a time, one clock, a hash chain, redacted at the writer."""
