"""What every editor needs to know of galleries, looks, previews and tasks; no toolkit, no editor in it."""
