"""A TCP proxy with the HTTP API of Toxiproxy, and faults for HTTP of our own.

Imports the standard library and h11 only: the same files run inside a container that has nothing else of ours.
"""

VERSION = "2.12.0"
"""The version of Toxiproxy whose API this is."""
