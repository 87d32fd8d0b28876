"""The command line: options, scripts, and StackQL's spelling of both."""
