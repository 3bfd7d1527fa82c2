"""The broker: its tables, its routes, and the one place where its parts are put together."""
