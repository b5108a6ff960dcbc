select id, amount from orders
select o.id, c.name from orders o join customers c on o.customer_id = c.id
select * from orders
select orders.* from orders
select o.*, c.name from orders o left join customers c on c.id = o.customer_id
select * from orders join customers using (id)
select * from orders natural join customers
select id as x, x + 1 as y from orders
select customer_id, sum(amount) as total from orders group by customer_id having total > 3 order by total
select customer_id, sum(amount) as total from orders group by all order by all
select amount * 2 as double from orders where double > 3
select * exclude (amount) from orders
select * replace (amount * 2 as amount) from orders
select * rename (amount as money) from orders
select columns('a.*') from orders
from orders
from orders select id
from orders o select o.id where o.amount > 1
with a as (select id from orders) select * from a
with a(x) as (select id from orders) select x from a
with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select n from r
select * from (values (1, 2), (3, 4)) t(a, b)
values (1, 'a')
select i from range(10) t(i)
select generate_series from generate_series(1, 3)
select unnest(l) as item from lists
select s.a, s.b from lists
select lists.s.a from lists
select l[1] as f, len(l) as n from lists
select list_transform(l, x -> x + id) as t from lists
select [x + 1 for x in l if x > 1] as t from lists
select id from orders where exists (select 1 from customers c where c.id = orders.customer_id)
select id, (select name from customers where customers.id = o.customer_id) as n from orders o
select id from orders union select id from customers order by id
select id from orders union all by name select id, name from customers
select id from orders intersect select id from customers
(select id from orders) except (select id from customers)
select id, row_number() over (partition by customer_id order by created_at) as r from orders qualify r = 1
select id, sum(amount) over w as s from orders window w as (partition by customer_id)
select count(*) as n, count(distinct customer_id) as d from orders
select max(amount) filter (where id > 1) as m from orders
select case when amount > 1 then 'big' else 'small' end as size from orders
select cast(id as varchar) as t, id::bigint as b from orders
select date_trunc('month', created_at) as m from orders
select extract(year from created_at) as y from orders
select current_date as d, current_timestamp as t from orders
select o from orders o
select rowid as r, id from orders
select distinct on (customer_id) id from orders order by created_at
select a.id from orders a, customers b where a.customer_id = b.id
select * from orders o asof join orders p on o.id = p.id and o.created_at >= p.created_at
select * from orders semi join customers on orders.customer_id = customers.id
select * from orders anti join customers using (id)
select * from orders positional join customers
select * from orders cross join customers
select t.n from orders o, lateral (select o.amount + 1 as n) t
select struct_pack(a := id, b := amount) as s from orders
select {'a': id, 'b': amount} as s from orders
select {'a': id}.a as x from orders
select * from (pivot orders on customer_id using sum(amount))
pivot orders on customer_id using sum(amount) group by created_at
unpivot orders on id, customer_id into name n value v
select * from orders limit 3 offset 2
select id from orders tablesample 10%
select id as "Order Id" from orders
select "id" from "orders"
select ID, Amount from ORDERS
select coalesce(nullif(name, ''), 'none') as n from customers
select name || '!' as n from customers where name like 'A%' and name not in ('x', 'y')
select id from orders where amount between 1 and 2 and created_at >= date '2020-01-01' - interval 7 day
select array_agg(name order by id) as names from customers
select string_agg(name, ',') as names from customers
select id from orders where id in (select id from customers)
select (select max(id) from orders) as m
select 1 as one
select o.id from (select id from orders) o
select id, lag(amount) over (order by id) as previous from orders
select * from customers c join (select customer_id, sum(amount) as t from orders group by 1) o on o.customer_id = c.id
with a as (select id from orders), b as (select id + 1 as id from a) select b.id from b join a using (id)
select try_cast(name as int) as n from customers
select id from orders order by amount desc nulls last
select sum(amount) from orders
select customer_id, count(*) from orders group by 1
select id, from orders
select grouping(customer_id) as g, customer_id from orders group by rollup(customer_id)
select name from customers group by name having count(*) > 1
select unnest(s) from lists
select epoch(created_at) as e, strftime(created_at, '%Y') as y from orders
select if(id > 1, 'a', 'b') as x from orders
select list_filter(l, lambda x: x > 1) as f from lists
select m['a'] as v from (select map {'a': id} as m from orders)
select id from orders where amount > all (select id from customers)
select o.id, unnested from orders o, unnest([1,2,3]) as u(unnested)
select first(name) as n, any_value(id) as i from customers
select row(id, name) as r from customers
select id as i from orders group by i
select *, amount * 2 as twice from orders
select * like 'a%' from orders
select year(created_at) as y, sum(amount) as s from orders group by y
select o.id, name from orders o join customers c on o.id = c.id
select id from orders join customers using (id) where id > 1
select id from orders natural join customers
select o.id as id from orders o join customers c on o.customer_id = c.id order by id
select o.id from orders o semi join customers c on o.customer_id = c.id where id > 1
select customer_id, sum(amount) as s from orders group by customer_id having sum(amount) > 3
select customer_id as c, count(*) as n from orders group by c
select customer_id as c, count(*) as n from orders group by 1 order by 2
select date_trunc('day', created_at) as d, sum(amount) as s from orders group by date_trunc('day', created_at)
select o.customer_id, sum(amount) as s from orders o group by customer_id
select customer_id, any_value(amount) as a, first(id) as f from orders group by customer_id
select customer_id, sum(amount) * 2 + customer_id as s from orders group by customer_id
select customer_id, (select max(name) from customers) as m from orders group by customer_id
select customer_id, sum(sum(amount)) over (order by customer_id) as running from orders group by customer_id
select customer_id, list(id order by id) as ids, string_agg(id::varchar, ',') as t from orders group by customer_id
select customer_id, quantile_cont(amount, 0.5) as q, arg_max(id, amount) as a from orders group by customer_id
select customer_id, count(*) filter (where amount > 3) as n from orders group by customer_id
select customer_id, sum(amount) as s from orders group by cube(customer_id)
select id, row_number() over (partition by customer_id order by amount desc) as r from orders qualify r = 1
select id from orders where amount > (select avg(amount) from orders)
select o.id from orders o where exists (select 1 from customers c where c.id = o.customer_id)
select o.id, c.name from orders o, customers c where o.customer_id = c.id
select o.id, c.name from orders o cross join customers c
select o.id, t.x from orders o join lateral (select o.id + 1 as x) t on true
select o.id from orders o asof join orders p on o.id >= p.id
select id, unnest(l) as x from lists
select count(distinct customer_id) as n, max(id) as m from orders
select 1 as one, count(*) as n from orders
select customer_id, 'x' as k, 1 as one, sum(amount) as s from orders group by customer_id
select case when customer_id > 1 then 'a' else 'b' end as k, count(*) as n from orders group by k
select case when customer_id > 1 then 'a' else 'b' end as k, count(*) as n from orders group by all
select coalesce(customer_id, 0) as c, sum(amount) as s from orders group by coalesce(customer_id, 0)
select customer_id + 1 as c, sum(amount) as s from orders group by customer_id + 1
select sum(amount) as s from orders having count(*) > 1
select id::hugeint as a, amount::decimal(18, 3) as c, id::varchar as d from orders
select created_at at time zone 'UTC' as t, extract(year from created_at) as y from orders
select l[1] as a, s.a as b, s['b'] as c from lists
select list_transform(l, x -> x + 1) as a, list_filter(l, x -> x > id) as b from lists
select l[1:id] as a, {'a':id} as b, map{'a':id} as c from lists
select customer_id, count(*) as n from orders group by (customer_id)
select upper(name) as u, count(*) as n from customers group by upper(NAME)
select id, count(*) as n, [x for x in [1, 2] if x > 1] as l from orders group by id
select unnest({'a': 1, 'b': 2}) order by 2
from orders a join customers b on a.id = b.id select b.name
from orders, customers select name where orders.id = customers.id and name = 'x'
select c.name, x.n from customers c, (select count(*) as n from orders o where o.customer_id = c.id) x
select customer_id, id, count(*) as n from orders group by (customer_id, id)
select id from orders where created_at > current_date - interval '3 mons'
select customer_id from orders o group by customer_id having exists (select 1 from customers c where c.id = max(o.id))
select customer_id, count(*) as n from orders group by customer_id,
select id, user as u, current_schema as s from orders
select date_trunc('month', created_at) as m, date_part('dow', created_at) as d, extract(epoch from created_at) as e from orders
select date_diff('Days', created_at, created_at) as d, amount::decimal(38,38) as x, amount::numeric as y from orders
select date_trunc(u, created_at) as m from orders, (select 'month' as u)
select date_trunc(mont, created_at) as m from orders, (select 'month' as mont)
