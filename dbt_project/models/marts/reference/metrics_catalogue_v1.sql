-- A metric that the seed does not explain fails the contract: its names are not null.
with places as (
    select metric_columns.*
    from (
        values
        {{ metric_columns() }}
    ) as metric_columns (mart, column_name, metric)
)

select
    places.mart,
    places.column_name,
    places.metric,
    metrics.name_en,
    metrics.name_vi,
    metrics.formula,
    metrics.numerator_en,
    metrics.numerator_vi,
    metrics.denominator_en,
    metrics.denominator_vi,
    metrics.unit,
    metrics.source_document,
    metrics.owner,
    metrics.caveat_en,
    metrics.caveat_vi
from places
left join {{ ref('metrics') }} as metrics on places.metric = metrics.metric
