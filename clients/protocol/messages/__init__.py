"""The wire model: one set of messages that the services' routes and the client share."""
