"""What the artist sees. Widgets show observable state and call the studio; they hold none themselves."""
