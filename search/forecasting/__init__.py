"""What a search will take, told before anything starts."""
