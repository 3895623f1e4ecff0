{# Written by `thongsuot docs` from expectations/; not by hand. #}
{# Source → kind (log, snapshot), key, staged_key, silence, unit, reports (unit level → rule). #}
{% macro canon() -%}
{{ return({
    "citizen_feedback": {
        "kind": "snapshot",
        "key": ["feedback_code"],
        "staged_key": ["feedback_code"],
        "silence": "withdrawn",
        "unit": ["unit_code"],
        "reports": {
            "commune": {"expects": "none", "on_days": "all", "max_age_days": 7, "reason": "reports_when_needed"},
            "department": {"expects": "none", "on_days": "all", "max_age_days": 7, "reason": "reports_when_needed"},
            "province": {"expects": "every", "on_days": "all", "max_age_days": 7, "reason": none},
        },
    },
    "dossier_log": {
        "kind": "log",
        "key": ["dossier_code", "recorded_at", "status_code"],
        "staged_key": ["dossier_code", "recorded_at", "status_code"],
        "silence": none,
        "unit": ["receiving_unit_code", "processing_unit_code"],
        "reports": {
            "commune": {"expects": "every", "on_days": "working", "max_age_days": 0, "reason": none},
            "department": {"expects": "seen", "on_days": "working", "max_age_days": 0, "reason": "receives_no_dossiers"},
        },
    },
    "issue_register": {
        "kind": "snapshot",
        "key": ["issue_code"],
        "staged_key": ["issue_code"],
        "silence": "withdrawn",
        "unit": ["unit_code"],
        "reports": {
            "commune": {"expects": "none", "on_days": "all", "max_age_days": 7, "reason": "reports_when_needed"},
            "department": {"expects": "none", "on_days": "all", "max_age_days": 7, "reason": "reports_when_needed"},
            "province": {"expects": "every", "on_days": "all", "max_age_days": 7, "reason": none},
        },
    },
    "national_index": {
        "kind": "snapshot",
        "key": ["captured_at", "province_code"],
        "staged_key": ["captured_at", "province_code"],
        "silence": "none",
        "unit": [],
        "reports": {
            "province": {"expects": "every", "on_days": "all", "max_age_days": 7, "reason": none},
        },
    },
    "national_ranking": {
        "kind": "snapshot",
        "key": ["captured_at", "province_code"],
        "staged_key": ["captured_at", "province_code"],
        "silence": "none",
        "unit": [],
        "reports": {
            "province": {"expects": "every", "on_days": "all", "max_age_days": 7, "reason": none},
        },
    },
    "task_tracker": {
        "kind": "snapshot",
        "key": ["task_code", "unit_code"],
        "staged_key": ["owner_level", "task_code", "unit_code"],
        "silence": "withdrawn",
        "unit": ["unit_code", "lead_agency_code"],
        "reports": {
            "commune": {"expects": "every", "on_days": "all", "max_age_days": 7, "reason": none},
            "department": {"expects": "none", "on_days": "all", "max_age_days": 7, "reason": "has_no_commune_tasks"},
            "province": {"expects": "every", "on_days": "all", "max_age_days": 7, "reason": none},
        },
    },
}) }}
{%- endmacro %}
