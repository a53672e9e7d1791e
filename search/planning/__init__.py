"""Which pack comes next: pure, from the spec, the seeds and the rows that are there."""
