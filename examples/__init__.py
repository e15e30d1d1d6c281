"""Whole programs, each run by a test."""
