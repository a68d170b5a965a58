"""The daemon: sockets, queue, worker processes, style library and command line."""
