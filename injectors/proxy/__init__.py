"""Faults on the connections between services, through the stack's Toxiproxy-compatible proxy."""
