"""The style library: what ships, what the user added, and how pictures become styles."""
