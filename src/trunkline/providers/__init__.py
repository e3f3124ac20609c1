"""Who to call and how they differ: one file a provider, found by its module's name and loaded when it is configured."""
