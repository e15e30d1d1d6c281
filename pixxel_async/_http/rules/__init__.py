"""Pure decisions about one call: retry, throttle, paging, authentication, link safety, size limits."""
