-- Two ranks of one thing: by our own counts, and as the portal printed it. They are compared only where every listed
-- place is present and the portal ranked as many.
select
    rates.place_code,
    rates.place_name,
    rates.as_of_day,
    rates.rate,
    rates.rank_among_present as own_rank,
    rates.places_ranked as own_places,
    portal.national_rank as portal_rank,
    portal.province_count as portal_places,
    portal.rank_captured_at as portal_captured_at,
    case
        when rates.places_ranked = (select count(*) from places) and rates.places_ranked = portal.province_count
            then portal.national_rank - rates.rank_among_present
    end as portal_minus_own,
    rates.release_hash
from national_rates as rates
left join place_rank as portal on rates.place_code = portal.place_code
where rates.period = 'since_start'
