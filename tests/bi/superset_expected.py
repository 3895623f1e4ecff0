"""What each chart of the dashboards must hold, asked of `marts.duckdb` by hand-written SQL.

By chart file; `$day`, `$period` and `$unit` are what the filters stand on. Where a unit is chosen and the chart
follows it, the tables hold that unit's rows alone. Column names are the keys that Superset answers with. Nothing
here is read from the bundle.
"""

from __future__ import annotations

PROVINCE = (
    "from online_submission_rate where (unit_code = 'province' or $unit is not null) and period = $period"
)
INDEX = """from service_quality_index where component = 'total' and (unit_code = 'province' or $unit is not null)
    and period = $period and as_of_day = $day"""
TASKS = "from task_completion where lead_agency_code = 'all' and as_of_day = $day and owner_level"
OPEN = "from issue_backlog where is_open"
BUCKETS = ", ".join(
    f"sum({bucket})::bigint as sum_{bucket}"
    for bucket in ("done_on_time", "done_late", "done_no_due", "open_in_term", "open_overdue", "open_no_due")
)

EXPECTED = {
    "rate_of_the_province": f"select rate as rate_of_choice {PROVINCE} and as_of_day = $day",
    "online_of_the_province": f"select numerator as numerator_of_choice {PROVINCE} and as_of_day = $day",
    "received_by_the_province": f"select denominator as denominator_of_choice {PROVINCE} and as_of_day = $day",
    "still_needed_to_target": (
        "select additional_online_to_target as additional_online_to_target_of_choice "
        f"{PROVINCE} and as_of_day = $day"
    ),
    "headline_at_each_cutoff": (
        "select label_vi, rate, 100 * rate_change as rate_change_points, online, received, "
        "national_rank, province_count, rank_movement "
        "from online_submission_headline"
    ),
    "rate_day_by_day": f"select as_of_day, rate as rate_of_choice, target as target_of_choice {PROVINCE}",
    "received_by_channel": """
        select received_day, case channel when 'online' then 'Trực tuyến · Online'
            when 'postal' then 'Bưu chính · Post' else 'Trực tiếp · In person' end as channel_label,
            sum(received)::bigint as sum_received
        from submission_by_channel_daily group by all""",
    "communes_ranked": """
        select rank_in_level, unit_name, map {'large': 'Lớn · Large', 'medium': 'Vừa · Medium',
            'small': 'Nhỏ · Small'}[size_peers] as size_peers_label, rank_in_size_peers, rate, numerator,
            denominator, 100 * change_since_week_before as change_since_week_before_points,
            rank_movement_since_week_before, 100 * gap_to_target as gap_to_target_points
        from online_submission_rate
        where unit_level = 'commune' and as_of_day = $day and period = $period""",
    "commune_map": """
        select case
                when rate is null then 'Chưa có · None'
                when rate >= target + 0.2 then '1. Trên chỉ tiêu từ 20 điểm % · 20 points above'
                when rate >= target then '2. Đạt chỉ tiêu · Target met'
                else '3. Dưới chỉ tiêu · Below target'
            end as rate_class, rates.unit_name, longitude as longitude_of_mart, latitude as latitude_of_mart,
            denominator as denominator_of_mart
        from online_submission_rate as rates inner join dim_unit as units using (unit_code)
        where rates.unit_level = 'commune' and is_current and latitude is not null and as_of_day = $day
            and period = $period""",
    "departments_ranked": """
        select rank_in_level, unit_name, rate, numerator, denominator, 100 * gap_to_target as gap_to_target_points
        from online_submission_rate
        where unit_level = 'department' and as_of_day = $day and period = $period""",
    "sectors_ranked": """
        select rank_in_dimension, member_name, rate, numerator, denominator,
            100 * change_since_period_before as change_since_period_before_points
        from online_submission_breakdown
        where dimension = 'sector' and as_of_day = $day and period = $period""",
    "releases": "select release_id, as_of, published_at, author, reason, release_hash from audit.releases",
    "release_checks": (
        "select release_id, outcome, text_vi, next_vi, text_en, next_en, rule from audit.release_checks "
        "where outcome in ('accepted', 'warned')"
    ),
    "tasks_of_the_province": f"select rate_completed as rate_completed_of_mart {TASKS} = 'province'",
    "tasks_of_the_province_overdue": f"select open_overdue as open_overdue_of_mart {TASKS} = 'province'",
    "tasks_of_the_communes": f"select rate_completed as rate_completed_of_mart {TASKS} = 'commune'",
    "communes_without_a_report": f"select reporters_missing as reporters_missing_of_mart {TASKS} = 'commune'",
    "tasks_by_lead_agency": f"""
        select lead_agency_name, {BUCKETS} from task_completion
        where owner_level = 'province' and lead_agency_code <> 'all' and as_of_day = $day group by all""",
    "commune_tasks_day_by_day": f"""
        select as_of_day, {BUCKETS} from task_completion
        where owner_level = 'commune' and lead_agency_code = 'all' group by all""",
    "task_ledger_to_act_on": """
        select if(owner_level = 'province', 'Cấp tỉnh · Province', 'Cấp xã · Communes') as owner_level_label,
            task_code, unit_name, title, due_date, days_late, days_left, reported_status_raw,
            map {'done_on_time': 'Hoàn thành đúng hạn', 'done_late': 'Hoàn thành trễ hạn',
             'done_no_due': 'Hoàn thành, không có hạn', 'open_in_term': 'Trong hạn',
             'open_overdue': 'Quá hạn', 'open_no_due': 'Chưa xong, không có hạn',
             'withdrawn': 'Không còn trong sổ'}[bucket] as bucket_label, conflict_vi
        from task_ledger
        where has_conflict or (bucket = 'open_overdue') or (derived_status = 'open' and days_left <= 3)""",
    "communes_tasks_ranked": """
        select rank_completed, unit_name, map {'green': 'Xanh · Green', 'yellow': 'Vàng · Yellow',
            'red': 'Đỏ · Red'}[colour] as colour_label, rate_completed, rate_on_time, completed,
            open_overdue, total
        from task_completion_by_unit where as_of_day = $day""",
    "issues_open": f"select count(*) as open_issues {OPEN}",
    "issues_overdue": f"select count(*) as overdue_issues {OPEN} and is_overdue",
    "issues_by_category_and_age": f"""
        select category_name_vi, map {{'0-5': '0–5 ngày làm việc · days', '6-15': '6–15', '16-30': '16–30',
            'over 30': 'trên 30 · over 30'}}[age_bucket] as age_bucket_label, count(*) as issues
        {OPEN} group by all""",
    "issues_by_who_must_act": f"""
        select responsible_role, count(*) filter (not is_overdue) as open_in_term_issues,
            count(*) filter (is_overdue) as overdue_issues {OPEN} group by all""",
    "backlog_day_by_day": """
        select as_of_day, sum(closing)::bigint as sum_closing, sum(overdue)::bigint as sum_overdue,
            sum(new_issues)::bigint as sum_new_issues, sum(closed)::bigint as sum_closed
        from issue_backlog_daily group by all""",
    "issues_to_act_on": f"""
        select issue_code, unit_name, category_name_vi, map {{'low': 'Thấp · Low', 'medium': 'Trung bình · Medium',
            'high': 'Cao · High'}}[severity] as severity_label, status_name_vi, addressed_to_name,
            responsible_role, due_at, working_days_late, age_working_days, working_days_since_update
        {OPEN}""",
    "index_points": f"select points as points_of_choice {INDEX}",
    "index_covered": f"select covered as covered_of_choice {INDEX}",
    "index_working_points": f"select working_points as working_points_of_choice {INDEX}",
    "index_working_covered": f"select working_covered as working_covered_of_choice {INDEX}",
    "index_components": """
        select unit_name, component_name_vi, points, covered, working_points, working_covered, maximum
        from service_quality_index where as_of_day = $day and period = $period""",
    "index_items": """
        select unit_name, item, item_name_vi, numerator, denominator, lost, rate, points, maximum, working_points,
            missing_reason_vi
        from service_quality_items where as_of_day = $day and period = $period""",
    "index_communes_ranked": """
        select rank_in_level, unit_name, points, covered, working_points, working_covered
        from service_quality_index
        where component = 'total' and unit_level = 'commune' and as_of_day = $day and period = $period""",
    "index_beside_the_portal": """
        select component_name_vi, points, national_rank, own_points, own_coverage, difference, maximum
        from service_quality_national where is_own and is_newest""",
    "index_provinces_ranked": """
        select national_rank, province_name, points
        from service_quality_national where component = 'total' and is_newest""",
    "dossiers_to_act_on": """
        select if(alert = 'overdue', 'Quá hạn · Overdue', 'Sắp đến hạn · Due soon') as alert_label, dossier_code,
            unit_name, sector_name, procedure_name, status_name_vi, due_at, working_days_left
        from dossier_alerts""",
    "rate_causes": """
        select release_id, compared_with, map {'new_in_period': 'mới phát sinh trong kỳ · new in period',
            'late_arrival': 'đến muộn · late arrival', 'correction': 'đính chính · correction',
            'rejection_out': 'được nhận lại · released from rejection', 'rejection_in': 'bị loại · sent to rejection',
            'pulled_again': 'kéo lại ngày cũ · day pulled again', 'batch_withdrawn': 'rút lô dữ liệu · withdrawn batch',
            'batch_restored': 'khôi phục lô đã rút · restored batch', 'restored': 'khôi phục bản cũ · restored',
            'code_or_reference': 'đổi quy tắc, danh mục · code or reference changed',
            'unexplained': 'chưa giải thích được · unexplained'}[cause] as cause_label, field,
            numerator_change, denominator_change, 100 * rate_change as rate_change_points, dossiers
        from audit.release_changes
        where metric = 'online_submission_rate' and unit_code = 'province' and period = 'since_start'""",
    "rejections_by_rule": """
        select source, rule, reason_vi,
            if(is_current, 'Còn hiệu lực · Current', 'Đã khắc phục · Mended') as is_current_label, count(*) as rows
        from audit.rejections group by all""",
    "rejections_by_unit": (
        "select unit_code, source, count(*) as rows from audit.rejections where is_current group by all"
    ),
    "rows_by_source": """
        select source, sum(rows_read)::bigint as sum_rows_read, sum(rows_accepted)::bigint as sum_rows_accepted,
            sum(rows_rejected)::bigint as sum_rows_rejected, sum(rows_duplicate)::bigint as sum_rows_duplicate
        from audit.reconciliation where is_current group by all""",
    "late_arrivals_by_day": """
        select received_day, sum(late_arrivals)::bigint as sum_late_arrivals, sum(received)::bigint as sum_received
        from submission_by_channel_daily group by all""",
}
