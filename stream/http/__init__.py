"""Parts of the HTTP servers of all services: limits on connections, TLS, passwords, the check of `Host`."""
