select
    places.mart,
    places.column_name,
    metrics.metric,
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
from {{ ref('metric_columns') }} as places
inner join {{ ref('metrics') }} as metrics on places.metric = metrics.metric
