"""The sample package has tests of its own; ``test_plugin`` runs them where it is installed."""

collect_ignore = ["sample_package"]
