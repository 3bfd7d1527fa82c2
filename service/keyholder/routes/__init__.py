"""The key holder's routes: thin handlers that own the transaction and answer after it."""
