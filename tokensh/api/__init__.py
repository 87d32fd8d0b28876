"""Plan to HTTP: requests, hosts, credentials, replies, the journal of creates."""
