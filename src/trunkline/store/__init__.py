"""What is kept between requests: a journal that replies wait for, and behind it one SQL database.

`open.py` puts the parts together. No other part of trunkline knows which database it is, and this one knows no other
edge and not the engine.
"""
