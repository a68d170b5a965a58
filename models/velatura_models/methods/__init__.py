"""The feed-forward methods, one file each; `registry` names them."""
