"""Functions on features and pictures: statistics, Gram matrices, whitening, colour, tiles."""
