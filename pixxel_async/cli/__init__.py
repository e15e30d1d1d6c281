"""The command `pixxel`: data on stdout, messages on stderr, one exit code per kind of ending."""
