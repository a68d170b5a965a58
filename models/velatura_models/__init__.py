"""Networks, losses, optimisers and training; torch only, knows no socket."""
