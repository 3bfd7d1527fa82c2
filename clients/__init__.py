"""What a partner installs: the protocol, the client library and the `covenant` command. Needs no server package."""
