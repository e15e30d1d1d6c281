"""Which packages a run fetches: arguments, manifests, listings and filters."""
