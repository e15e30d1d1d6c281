"""The command `pixxel`: data on stdout, words for people on stderr, one exit code for each way to end."""
