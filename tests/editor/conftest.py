"""An editor's brain without an editor: a loop whose time is ours, a document that is a dictionary."""
