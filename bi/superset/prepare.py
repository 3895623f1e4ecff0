"""Run by Superset's own Python: its database, its roles, one account, and the project's dashboards.

Reads one JSON from stdin (so that no password stands in a command line): `account`, `contents` (path →
YAML of the bundle), `passwords` (path → password of a database). Idempotent: a second run overwrites the
dashboards by what the project holds and leaves everything else.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from flask_migrate import upgrade
from superset.app import create_app


def main(asked: dict[str, Any]) -> None:
    app = create_app()
    with app.app_context():
        from superset import appbuilder, security_manager
        from superset.migrations import __path__ as migrations

        upgrade(directory=next(iter(migrations)))
        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        user = _user(security_manager, **asked["account"])

        from superset.commands.importers.v1.assets import ImportAssetsCommand
        from superset.utils.core import override_user

        with override_user(user):
            ImportAssetsCommand(asked["contents"], passwords=asked["passwords"]).run()


def _user(security: Any, name: str, password: str) -> Any:
    """The account, with the password that is printed; made where it is missing."""
    user = security.find_user(name)
    if user is None:
        role = security.find_role("Admin")
        return security.add_user(name, "Thông suốt", "Admin", f"{name}@localhost", role, password)
    security.reset_password(user.id, password)
    return user


if __name__ == "__main__":
    main(json.load(sys.stdin))
