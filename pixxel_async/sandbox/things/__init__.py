"""What the sandbox's world is made of: values that know what they are at any moment."""
