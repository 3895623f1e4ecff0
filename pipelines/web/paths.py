"""Under which paths our own pages stand, beside Dagster's."""

EXPORTS, REPORTS, DASHBOARDS, SITE = "/exports", "/reports", "/dashboards", "/handbook"
