"""Credentials that do not last: tokens of Google's and Microsoft's clouds, temporary keys of AWS."""
