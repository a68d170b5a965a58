"""The feed-forward methods, one file each; `loading` names them."""
