"""Documents that people read, written from data. The same data gives the same bytes."""
