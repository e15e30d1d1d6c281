"""The only package that imports aiohttp: sessions, responses, proxies, and translation of its errors."""
