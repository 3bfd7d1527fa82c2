"""Signs of misuse: what is out of the ordinary in the log, by rules that the officer reads and tunes."""
