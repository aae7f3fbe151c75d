"""What operators do with a running installation, as libraries behind the commands."""
