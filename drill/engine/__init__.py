"""The engine: runs a drill and emits events. It imports neither injectors nor scorecards."""
