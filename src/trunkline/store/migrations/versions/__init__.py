"""`v0001_….py` and its followers: what each changes in the tables. A released one is never edited."""
