"""The command line: each command reads arguments, calls one function, shows what it gave."""
