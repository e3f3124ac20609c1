"""What a request points to instead of holding it: files that are kept, and URLs."""
