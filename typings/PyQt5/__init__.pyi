"""Names of Qt that Krita brings: without its stubs they are checked for nothing but presence."""
