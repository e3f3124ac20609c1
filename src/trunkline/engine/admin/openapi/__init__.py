"""The admin API as it describes itself: a table of what its routes take and answer, and the document made of it."""
