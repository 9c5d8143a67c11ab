"""The reference product's API. The worker and the synthetic customers import its store and its seeds."""
