"""What models there are, and what they can do: each provider's own list, and rows of facts by model name."""
