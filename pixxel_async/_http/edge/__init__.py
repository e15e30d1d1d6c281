"""The only room that knows aiohttp: sessions, responses, proxies, and its errors translated into ours."""
