"""Entities on local disk: databases below `worker.state_dir`, which hold a prefix of what the state topics hold."""
