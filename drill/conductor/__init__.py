"""The processes of a drill: the conductor that runs it, the guard that outlives it, and how verbs reach them."""
