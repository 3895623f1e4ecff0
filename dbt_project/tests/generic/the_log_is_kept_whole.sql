{# Nothing is lost in silence: states = accepted rows recorded by as_of, less the superseded ones. #}
{% test the_log_is_kept_whole(model) %}
with counted as (
    select
        (select count(*) from {{ model }}) as states,
        (select count(*) from {{ ref('stg_dossier_log') }} where recorded_at <= run.as_of) as accepted,
        (select count(*) from {{ ref('int_dossier_log_duplicates') }} where recorded_at <= run.as_of) as superseded
    from {{ ref('int_as_of') }} as run
)

select *
from counted
where states <> accepted - superseded
{% endtest %}
