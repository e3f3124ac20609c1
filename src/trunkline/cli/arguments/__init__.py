"""What can be typed behind each command, and what `--help` says of it: a file for those with much to say."""
