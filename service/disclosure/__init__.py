"""Who may see what of whose signals: the one slice that reads the others, and the only way out for what they hold."""
