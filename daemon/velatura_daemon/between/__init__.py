"""What travels between supervisor and worker: messages with descriptors, shared memory."""
