"""Statistics of accuracies: pure functions over numbers."""
