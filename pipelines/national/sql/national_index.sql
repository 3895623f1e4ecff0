select
    components.place_code,
    components.component,
    places.place_name,
    components.as_of_day,
    components.numerator,
    components.denominator,
    components.rate,
    places.release_hash
from place_index as components
inner join places on components.place_code = places.place_code
