with earlier as (
    select distinct {{ columns }}
    from read_parquet($before, union_by_name = true)
),

present as (
    select distinct {{ columns }}
    from read_parquet($now, union_by_name = true)
),

gained as (
    select {{ columns }}
    from present
    except
    select {{ columns }}
    from earlier
),

lost as (
    select {{ columns }}
    from earlier
    except
    select {{ columns }}
    from present
)

select
    (select count(*) from earlier) as key_count,
    (select count(*) from lost) as lost_count,
    (select count(*) from present) as present_count,
    (select list({{ key }} order by {{ key }})[:20] from lost) as examples,
    (select list({{ key }} order by {{ key }})[:2] from gained) as gained_examples
