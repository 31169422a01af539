"""Names, TLS, connections and deadlines."""
