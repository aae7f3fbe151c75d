"""Resources that a process can run out of: memory, space on disks, the time until certificates end."""
