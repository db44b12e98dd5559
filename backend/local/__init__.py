"""What `hsi up` runs on one box: PostgreSQL and Valkey out of packages, and our processes."""
