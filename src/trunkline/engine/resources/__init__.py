"""What the routes of each kind of object do, one file a kind."""
