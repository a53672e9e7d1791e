"""What accompanies a running search: the terminal, TensorBoard, metrics, the summary."""
