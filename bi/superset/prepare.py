"""Run by Superset's own Python: its database, its roles, two accounts, and the project's dashboards.

Reads one JSON from stdin (so that no password stands in a command line): `account`, `viewer`, `contents` (path →
YAML of the bundle), `passwords` (path → password of a database). Idempotent: a second run overwrites the
dashboards by what the project holds and leaves everything else.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from flask_migrate import upgrade
from superset.app import create_app

VIEWER = "Thongsuot viewer"
# What a reader of dashboards does beside reading them.
READING = frozenset(
    {"can_dashboard", "can_slice", "can_explore_json", "can_get_column_values", "can_view_chart_as_table",
     "can_language_pack", "can_log", "can_csv", "can_get_embedded", "can_drill"}
)  # fmt: skip


def main(asked: dict[str, Any]) -> None:
    app = create_app()
    with app.app_context():
        from superset import appbuilder, security_manager
        from superset.migrations import __path__ as migrations

        upgrade(directory=next(iter(migrations)))
        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        user = _user(security_manager, "Admin", **asked["account"])

        from superset.commands.importers.v1.assets import ImportAssetsCommand
        from superset.utils.core import override_user

        with override_user(user):
            ImportAssetsCommand(asked["contents"], passwords=asked["passwords"]).run()
        _make_viewer_role(security_manager)
        _user(security_manager, VIEWER, **asked["viewer"])


def _make_viewer_role(security: Any) -> None:
    """Sees every dashboard and chart on the marts; changes, imports and queries nothing."""
    role = security.find_role(VIEWER) or security.add_role(VIEWER)
    gamma = security.find_role("Gamma")
    role.permissions = [
        permission
        for permission in gamma.permissions
        if permission.permission.name in ("can_read", "menu_access") or permission.permission.name in READING
    ]
    role.permissions.append(
        security.add_permission_view_menu("all_datasource_access", "all_datasource_access")
    )
    security.session.commit()


def _user(security: Any, role_name: str, name: str, password: str) -> Any:
    """The account, with the password that is printed; made where it is missing."""
    user = security.find_user(name)
    if user is None:
        role = security.find_role(role_name)
        return security.add_user(name, "Thông suốt", role_name, f"{name}@localhost", role, password)
    security.reset_password(user.id, password)
    return user


if __name__ == "__main__":
    main(json.load(sys.stdin))
