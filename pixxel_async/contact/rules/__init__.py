"""What answers tell, as pure functions over plain values."""
