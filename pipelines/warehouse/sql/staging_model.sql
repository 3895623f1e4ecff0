{{ head }}
with source as (
    select * from {{ table }}
),

renamed as (
    select
        {{ columns | join(",\n        ") }}
    from source
)

select * from renamed
