"""The worker process: the engine, what it keeps resident, and one runner a kind of job."""
