"""What can be wrong with weights, free of torch so that listing and downloading stay light."""


class WeightsError(Exception):
    """Weights that cannot be used.

    Attributes:
        code: `unknown` (no such backbone or method), `missing` (not installed), `corrupt` (damaged,
            truncated, not finite, or not a safetensors file), `architecture` (sound, but another
            network's), `download` (could not be fetched or verified).
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
