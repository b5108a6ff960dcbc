select id, amont
from {{ ref("orders") }}
where id > ${FIRST}
