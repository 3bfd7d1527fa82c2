"""Where state lives: the database, its schema, and the files that hold keys."""
