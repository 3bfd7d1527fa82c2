"""What others have to do before something opens: a source releases its signal, parties of some kinds approve."""
