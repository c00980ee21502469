"""What Piccolo's migrations need to know; see `piccolo_conf`."""

from __future__ import annotations

from pathlib import Path

from piccolo.conf.apps import AppConfig

from coursewright_api.database.tables import TABLES

APP_NAME = "coursewright"

APP_CONFIG = AppConfig(
    app_name=APP_NAME,
    migrations_folder_path=Path(__file__).with_name("migrations"),
    table_classes=list(TABLES),
)
