with calendar as (
    select
        library.date_day,
        coalesce(overrides.is_working_day, library.is_working_day) as is_working_day,
        library.holiday_name,
        overrides.document_number as override_document,
        overrides.note as override_note
    from {{ ref('stg_calendar') }} as library
    left join {{ ref('stg_working_day_overrides') }} as overrides
        on library.date_day = overrides.date_day
),

numbered as (
    select
        *,
        -- Working days between two dates = the difference of their numbers; the first day is not counted.
        cast(
            sum(case when is_working_day then 1 else 0 end) over (
                order by date_day nulls last
                rows unbounded preceding
            ) as integer
        ) as working_day_number
    from calendar
)

select * from numbered
