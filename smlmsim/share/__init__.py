"""Data of others, and one's own for others: fetched from a repository with licence and checksums, drafted for one."""
