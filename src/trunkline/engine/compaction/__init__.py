"""Conversations compacted by a model."""
