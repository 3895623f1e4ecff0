"""Random inputs for every reader and every text that people control. `python -m tests.fuzzing` runs them."""
