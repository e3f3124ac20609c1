"""What the people who run it see: one line a request."""
