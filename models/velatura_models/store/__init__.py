"""Files of weights: where they lie, how they are read, fetched, verified and described."""
