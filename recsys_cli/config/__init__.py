"""From words on the command line to one checked config."""
