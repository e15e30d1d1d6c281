"""Describe our connection type to Airflow; apart from the operators, since Airflow asks while it is being imported."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the provider information for Airflow's entry point `apache_airflow_provider`."""
    return {
        "package-name": "pixxel-async",
        "name": "Pixxel",
        "description": "Export hyperspectral packages from Pixxel's API.",
        "connection-types": [
            {"connection-type": "pixxel", "hook-class-name": "pixxel_async.integrations.airflow.PixxelHook"}
        ],
    }
