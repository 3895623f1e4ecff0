with source as (
    select
        tracker.*,
        -- The key as validation writes it beside a rejected row.
        tracker.task_code || '|' || coalesce(tracker.unit_code, '') as row_key
    from {{ source('raw', 'task_tracker') }} as tracker
),

renamed as (
    select
        batch_id,
        partition_key as snapshot_day,
        _row as batch_row,
        owner_level,
        task_code,
        -- Provincial tasks have no reporting unit; the province itself stands in the key.
        coalesce(unit_code, {{ whole() }}) as unit_code,
        row_key,
        title,
        directive_number,
        directive_date,
        coalesce(lead_agency_code, 'unknown') as lead_agency_code,
        coordinating_agencies,
        start_date,
        due_date,
        reported_status,
        reported_status_raw,
        progress,
        completed_date,
        evidence_link,
        updated_at
    from source
)

select * from renamed
