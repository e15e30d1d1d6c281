"""Pure decisions about paths: locations, and which members of an archive may become files."""
