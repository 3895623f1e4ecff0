{{ head }}
{{ config }}

-- What an old code reported counts for the unit that it has become by the day of the report.
with units_reports as (
    select
        snapshots.snapshot_day as delivery_day,
        coalesce(units.today_unit_code, snapshots.unit_code) as unit_code,
        count(*) as records
    from {{ snapshots }} as snapshots
    left join {{ units }} as units
        on
            snapshots.unit_code = units.unit_code
            and cast(snapshots.{{ dated_by }} as date) >= units.applies_from
            and cast(snapshots.{{ dated_by }} as date) < units.applies_to
    where snapshots.is_listed
    group by snapshots.snapshot_day, coalesce(units.today_unit_code, snapshots.unit_code)
),

whole as (
    select
        units_reports.delivery_day,
        {{ whole_code }} as unit_code,
        sum(units_reports.records) as records
    from units_reports
    group by units_reports.delivery_day
)

select * from units_reports
union all
select * from whole
