"""A radio studio's line to the stage: the Icecast source protocol, from the socket to a speaker's voice."""
