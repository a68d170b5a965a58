"""Pictures in and out of the client: arrays, files, profiles; needs numpy and pillow."""
