select *
from orders
where amount > {{ var.least }}
  and day = '{{ env.DAY }}'
