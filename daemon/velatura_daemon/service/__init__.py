"""The supervisor: socket, sessions, queue, blobs and the worker processes it watches; never torch."""
