"""Batches on many machines: one picture a task, on Dask distributed.

    orders   what is to be painted, as plain values: from the command line, JSONL or CSV
    places   files and object stores alike: list, read, write whole or not at all
    work     in a worker: one engine that stays, and one order painted
    batch    in the command: orders out, outcomes in, a journal of what is done

A worker is a process with an engine of its own and no daemon, so that nothing is left of one that was killed.
Needs Dask distributed and fsspec, the extra `cluster`.
"""
