"""What TensorBoard shows of a search: its studies in one log folder, its trials in another."""
