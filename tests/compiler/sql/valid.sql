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
select * from (pivot orders on customer_id in (1, 2) using sum(amount))
pivot orders on customer_id in (1, 2) using sum(amount) group by created_at
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
select count(*) from orders
from orders select count(*), id group by id
select id, customer_id from orders qualify row_number() over (partition by customer_id order by created_at desc) <= 3
select customer_id, sum(amount) from orders group by all order by all desc
select * from orders order by all
select * from orders order by all desc nulls last limit 10 percent
from orders where amount > 3 order by id limit 3
from orders limit 3
from (from orders select id, amount) t select t.id
with a as (from orders) from a select amount
select * from (unpivot orders on id, customer_id into name k value v)
select k, v, created_at from (unpivot (select id, customer_id, created_at from orders) on id, customer_id into name k value v)
unpivot orders on columns(* exclude (amount, created_at)) into name k value v
select * from orders unpivot (v for k in (id, customer_id))
select * from orders unpivot include nulls (v for k in (id, customer_id)) as u
select * from customers pivot (count(*) for name in ('a', 'b'))
select * from customers pivot (count(*) as n for name in ('a', 'b') group by id) p
pivot customers on name in ('a', 'b') using count(*) as n, max(id) as m group by id
with p as (pivot orders on customer_id in (1,2) using sum(amount) group by id) select id from p
select o.id, p.amount from orders o asof left join orders p on o.customer_id = p.customer_id and o.created_at >= p.created_at
select o.id from orders o asof join orders p using (customer_id, created_at)
select * from orders o left join lateral (select c.name from customers c where c.id = o.customer_id limit 1) x on true
select * from range(3) t(i), lateral (select i + 1) t2(j)
select t.i, t2.j from range(3) t(i), (select i + 1) t2(j)
select [x for x in l] as a, [x * 2 for x in l if x > 1] as b, [(x, i) for x, i in l] as c from lists
select list_transform(l, lambda x: x + id) as a, list_transform(l, lambda x, i: x + i) as b, list_reduce(l, lambda x, y: x + y) as c from lists
select apply(l, x -> x), l.list_transform(x -> x + 1), l.len() from lists
select s.* from lists
select s.* exclude (a) from lists
select s.a as a, s.b, s['a'] from lists
select unnest(s), unnest(l) from lists
select unnest(s, recursive := true) from lists
select unnest([{'a': 1, 'b': 2}], max_depth := 2)
select * exclude (id, amount), id + 1 as id from orders
select * exclude id from orders
select * replace (amount / 2 as amount, id + 1 as id) from orders
select * rename (id as oid, amount as a) from orders
select * exclude (amount) replace (id + 1 as id) from orders
select o.* exclude (id) from orders o
select o.* exclude (o.id), c.* exclude (c.id) from orders o join customers c on o.customer_id = c.id
select * exclude (o.id) from orders o join customers c on o.customer_id = c.id
select columns(*) from orders
select min(columns(*)) from orders
select columns('.*id') from orders
select columns(c -> c like '%id') from orders
select columns([x for x in (*) if x like '%d']) from orders
select columns(* exclude (id)) + 1 from (select id, customer_id from orders)
select columns('(.*)id') as '\1x' from orders
select sum(columns(o.*)) from (select id, amount from orders) o
select coalesce(*columns(*)) as c from (select id, customer_id from orders)
select * from orders where columns(*) is not null
select * like '%id' from orders
select * not like '%id' from orders
select * ilike '%ID' from orders
select * similar to '.*id' from orders
select o.* like 'a%' from orders o
select * from orders positional join lists
select o.id, name from orders o semi join customers c using (id), customers
select id from orders semi join customers using (id)
select amount from orders anti join customers on orders.id = customers.id
select id, sum(amount) over (partition by customer_id order by created_at rows between unbounded preceding and current row) from orders
select id, sum(amount) over (order by created_at range between interval 3 day preceding and interval 1 day following) from orders
select id, sum(amount) over (order by id groups between 1 preceding and 1 following exclude ties) from orders
select id, first_value(amount ignore nulls) over w, last_value(amount) over w from orders window w as (partition by customer_id order by id), v as (w)
select lag(amount, 1, 0) over (order by id), lead(amount) over (order by id), nth_value(amount, 2) over (order by id), ntile(4) over (order by id), percent_rank() over (order by id), cume_dist() over (order by id) from orders
select customer_id, id, sum(amount) from orders group by grouping sets ((customer_id), (id), ())
select customer_id, id, sum(amount), grouping(customer_id, id), grouping_id(customer_id) from orders group by rollup (customer_id, id)
select customer_id, sum(amount) from orders group by cube (customer_id, id), created_at
with recursive t(n) as (values (1) union all select n + 1 from t where n < 10) select n from t
with recursive t(n, m) as (select 1, 2 union select n + 1, m from t where n < 10) from t
with recursive tree as (select id, customer_id, [id] as path from orders where customer_id is null union all select o.id, o.customer_id, list_append(tree.path, o.id) from orders o, tree where o.customer_id = tree.id) select path from tree
with recursive t(a, b) using key (a) as (select 1, 3 union select a, b - 1 from t where b > 1) from t
with a as materialized (select id from orders), b as not materialized (select * from a) select * from b
with a(x, y) as (select id, amount from orders) select x, y from a
with a(x) as (select id, amount from orders) select x, amount from a
values (1, 'a'), (2, 'b')
select * from (values (1, 'a'), (2, 'b'))
select col0, col1 from (values (1, 'a'), (2, 'b'))
select v.col0 from (values (1, 'a')) v
from (values (1)) t(x) select x
select * from orders using sample 10 percent
select * from orders using sample 10
select * from orders using sample reservoir(50 rows) repeatable (100)
select * from orders tablesample bernoulli(10%)
select * from orders tablesample reservoir(20) repeatable (3) where id > 1
select id from orders o tablesample 20 percent (bernoulli)
select * from unnest([1, 2, 3])
select * from unnest([1, 2, 3]) as t(x)
select x from unnest([1, 2, 3]) as t(x)
select unnest from unnest([1, 2, 3])
select i.id, u from lists i, unnest(i.l) as t(u)
select id, t.u from lists, unnest(l) t(u)
select id, u.unnest from lists, unnest(l) u
select unnest(l), generate_subscripts(l, 1) from lists
select '1'::int, 1::varchar, try_cast('x' as int), cast(1 as decimal(3, 1)), 'x'::varchar(3), [1]::int[], [1, 2]::int[2]
select {'a': 1}::struct(a int, b varchar) as s
select map {'a': 1}['a'], map(['a'], [1]), map_from_entries([('a', 1)])
select $$it's$$ as a, $tag$ dollar $tag$ as b, e'\n' as c, 'it''s' as d
select interval 3 day, interval '3 days', interval (id) day, interval 1 year + interval '2' month, id * interval 1 hour from orders
select created_at + to_days(id), date_trunc('week', created_at), created_at::date - interval 1 month, age(created_at) from orders
select * from generate_series(1, 10, 2)
select * from generate_series(1, 10) t(i)
select i from generate_series(timestamp '2020-01-01', timestamp '2020-02-01', interval 1 day) t(i)
select range from range(3)
select generate_series(1, 3), range(5)
select * from (describe orders)
select column_name from (summarize orders)
/* first */ select id from orders -- last
select id from orders;
select id from orders ;
select id as x from orders where x > 3
select id as x, x + 1 as y, y + 1 as z from orders where y > 3
select id as x, count(*) as n from orders group by x having n > 1 order by n
select x: id, y: amount * 2 from orders
select n: count(*), t: sum(amount) from orders o
select o.id from o: orders
select id, amount, from orders,
select id, from orders where id in (1, 2,)
select [1, 2, 3,], {'a': 1, }
select name from customers where name ilike 'a%' and name not ilike 'b%' and name glob 'a*' and name similar to 'a.*' and name ~ 'x' and name !~ 'y' and name ~~ 'a' and name !~~* 'a'
select name like 'a$%' escape '$' from customers
select regexp_matches(name, 'a'), regexp_extract(name, '(a)(b)', ['x', 'y']), name[1:3], name[-1], name[:2], name[2:] from customers
select j->'a', j->>'a', j->'$.a.b', j->>'$[0]', (j->'a')->>'b' from (select '{"a": 1}'::json as j)
select j.a.b, j['a'] from (select '{"a": {"b": 1}}'::json as j)
select json_extract(j, '$.a'), json_object('a', 1), to_json({'a': 1}), json_group_array(j) from (select '{"a": 1}'::json as j) group by all
select json.key, json.value from json_each('{"a": 1}') json
select key, value from customers, json_each(customers.name)
select id, case customer_id when 1 then 'a' when 2 then 'b' else 'c' end, case when id > 1 then 1 end from orders
select id between 1 and 2, id not between 1 and 2, id in (1, 2), id not in (select id from customers), id is null, id is not null, id is distinct from 1, id is not distinct from customer_id from orders
select not id > 1, id > 1 and customer_id < 2 or true, -id, +id, ~id, id % 2, id // 2, id ** 2, id ^ 2, id << 1, id & 1, id | 1, xor(id, 1) from orders
select (id, name) as t, row(id, name), (id, name) = (1, 'a') from customers
select * from customers where (id, name) in (select id, name from customers)
select * from customers where (id, name) in ((1, 'a'), (2, 'b'))
select array(select id from orders), (select 1), exists (select 1), exists (from orders where id = 1) from customers
select id = any (select id from customers), id > all (select id from customers), id = any ([1, 2]) from orders
select first(id order by amount), last(id), list(name order by id desc), string_agg(distinct name, ', ' order by name), mode(id), median(id) from (from orders join customers using (id))
select arg_min(name, id), max_by(name, id), histogram(id), approx_count_distinct(id), quantile_cont(id, [0.25, 0.5]), percentile_cont(0.5) within group (order by id), bool_and(id > 1) from customers
select max(id, 3), min(name, 2), count(), count(distinct id), sum(distinct id), any_value(id), product(id) from customers
select current_date, current_timestamp, now(), today(), current_time, localtimestamp, get_current_timestamp()
select current_schema(), current_database(), version(), user, current_user, session_user
select extract(year from created_at), extract('month' from created_at), date_part('dow', created_at), year(created_at), epoch_ms(created_at), strftime(created_at, '%Y') from orders
select timestamp '2020-01-01', date '2020-01-01', time '12:00', timestamptz '2020-01-01 00:00:00+00', created_at at time zone 'UTC' from orders
select concat(name, 'x'), name || 'x', concat_ws(',', name, id), format('{} {}', name, id), printf('%s', name), repeat(name, 2), upper(name), length(name), len(name) from customers
select (orders).id, (orders.id), ((id)) from orders
select orders.orders from (select id as orders from orders) orders
select customers from customers
select c.name n from customers c
select c.name as "n n", c."name" "x" from customers as c
select id "Id" from "orders" "o o" where "o o".id = 1
select id from orders union (select id from customers) union all values (1)
(select id from orders order by id limit 1) union all (select id from customers limit 2) order by 1 limit 3
select id, amount from orders union by name select amount, customer_id from orders
select id from orders except all select id from customers
select id from orders intersect all select id from customers
(select id from orders)
((select id from orders))
select * from (orders join customers on orders.id = customers.id)
select o.id from (orders o join customers c on o.id = c.id) join lists l on l.id = o.id
select name, l from ((orders o join customers c using (id)) join lists using (id))
select * from orders o, customers c, lists l where o.id = c.id and c.id = l.id
select o1.id from orders o1 full outer join orders o2 on o1.id = o2.id right join customers c on true
select id, name from orders full join customers using (id)
select orders.id, customers.id from orders full join customers using (id)
select id from orders natural left join customers natural join lists
select * from orders o1 cross join orders o2
select * from (select id from orders) cross join (select id as id2 from customers)
select distinct on (customer_id, id) * from orders order by customer_id, id, created_at desc
select distinct customer_id from orders
select all id from orders
select id from orders order by amount, 1 desc, id + 1 limit (select 3) offset 1
select id from orders limit 10 offset 5
select id from orders limit 5 + 5
select id from orders offset 3
select id from orders order by id fetch first 3 rows only
select name collate nocase from customers order by name collate de
select id as i from orders order by i + 1
select -id as id from orders order by id
select id from orders order by orders.amount
select max(id) from orders order by max(id)
select customer_id from orders group by customer_id order by sum(amount) desc, count(*)
select customer_id from orders group by 1 having count(*) > 1 and max(amount) > 3
select count(*) from orders having true
select o.customer_id c, date_trunc('day', o.created_at) d from orders o group by c, d
select customer_id % 2 as p, count(*) from orders group by p
select customer_id % 2, count(*) from orders group by customer_id % 2
select id, count(*) over () from orders
select sum(count(*)) over () from orders group by id
select rank() over (order by sum(amount) desc) from orders group by customer_id
select getvariable('x')
select typeof(id), pg_typeof(id), hash(id), md5(name) from customers
select uuid(), random(), gen_random_uuid()
select struct_insert(s, c := 1), struct_pack(a := 1), struct_extract(s, 'a'), s.a + 1 from lists
select list_sort(l), l[1:2], l[-1], l[1:3:2], list_aggregate(l, 'sum'), l || [1], list_contains(l, 1), 1 in l, 1 in [1, 2] from lists
select list_zip(l, l), flatten([l, l]), list_value(1, 2), array_value(1, 2), unnest(list_distinct(l)) from lists
select union_value(k := 1) as u
select u.k from (select union_value(k := 1) as u)
select try(1 / 0), error('x')
select bitstring('01', 3), '01'::bit, '\xAA'::blob, x'ff'
select id, amount from orders where created_at > '2020-01-01' and created_at::date = current_date
select sum(amount)::double / count(*) as x, round(avg(amount), 2) as y from orders
select x.a.b from (select {'a': {'b': 1}} as x)
select t.x.a.b from (select {'a': {'b': 1}} as x) t
select x['a'].b, x.a['b'] from (select {'a': {'b': 1}} as x)
select list(x).list_transform(y -> y.id) as z from orders x
select orders.amount.round(1) from orders
select name.upper().lower() from customers
select l.list_filter(x -> x > 1).list_sum() from lists
select struct_values(s) from lists
select 1 as "select", 2 as "from"
select 1 as 'x y'
select id as key, amount as value, created_at as date from orders
select date, year from (select created_at as date, 2020 as year from orders)
select timestamp from (select created_at as timestamp from orders)
select o.value, o.key, o.type, o.name, o.row from (select 1 as value, 2 as key, 3 as type, 4 as name, 5 as row) o
select first, last, count, sum from (select 1 as first, 2 as last, 3 as count, 4 as sum)
select position, level, rank, index, filter from (select 1 as position, 2 as level, 3 as rank, 4 as index, 5 as filter)
select id from orders as t(a, b, c, d), lists
select a, d from orders as t(a, b, c, d)
select a, created_at from orders as t(a)
select * from range(1, 5) as r(i) join orders on orders.id = r.i
select (select count(*) from orders o where o.customer_id = c.id) from customers c
select c.id, (select sum(o.amount + c.id) from orders o) from customers c
select id from customers c where c.id > (select max(o.id) from orders o where o.customer_id = c.id and exists (select 1 from lists l where l.id = c.id and l.id = o.id))
with x as (select 1 as a), y as (with z as (select a from x) select a + 1 as b from z) select a, b from x, y
select * from (with z as (select id from orders) select id from z)
with orders as (select id, 'x' as extra from orders) select extra from orders
with a as (select * from orders), b as (select * from a where id > 1), c as (select b.*, customers.name from b join customers on b.customer_id = customers.id) select name, created_at from c
select x from (select id as x from orders) union all select name from customers order by x
select list_reduce([1,2], (x, y) -> x + y), list_transform([1, 2], (x, i) -> x + i)
select list_transform([1, 2], x -> list_transform([3], y -> x + y + id)) from orders
select [[y + x for y in [1]] for x in l] from lists
select count(*) as "count", "count" + 1 from orders
select max(created_at) filter (where amount > 0) as m, m + interval 1 day as next from orders
select strptime('2020', '%Y'), make_date(2020, 1, 1), make_timestamp(1), epoch(now())
select case id when 1 then (select name from customers limit 1) end from orders
select exists (select 1 from customers c where c.id = orders.id) as has from orders
select id from orders where id = (select max(id) from orders where customer_id = 1) or amount is null
select customer_id, year(created_at), sum(amount) from orders group by customer_id, year(created_at)
select customer_id, year(created_at) as y from orders group by all
select name, count(*) from orders join customers on orders.customer_id = customers.id group by name
select c.name, count(*) from orders o join customers c on o.customer_id = c.id group by c.id, c.name
select any_value(name), customer_id from orders, customers group by customer_id
select *, count(*) over (partition by customer_id) as n from orders
select *, sum(amount) over (partition by customer_id) - amount as rest from orders qualify rest > 0
select o.id, c.name from orders o inner join customers c on (o.customer_id = c.id) where not exists (select * from lists where lists.id = o.id)
select greatest(o.id, c.id) as g from orders o left outer join customers c on o.id = c.id where c.id is null
table orders
from orders o join customers c on o.customer_id = c.id
from orders, customers
from orders select count(*) where id > 1
from orders select customer_id, sum(amount) group by customer_id having sum(amount) > 1 order by 2 limit 1
from range(5) t(i) select i * 2
from values (1, 2) t(a, b) select a
select values from (select 1 as values)
select id from orders where true and (false or id is null)
select ''
select null, true, false, 1, -1, 1.5, 'x', 1e5, 10000000000, -1.5
select id::int + 1, (id + 1)::varchar, amount::decimal(10,2), created_at::date from orders
select cast(id as int), try_cast(id as varchar), id::text from orders
select id + 1, id - 1, id * 2, id / 2, amount || 'x', amount = 1, id <> 2, id != 2, id < 1, id <= 1, id >= 1 from orders
select not true, id is null and true, (id is null) or false from orders
select n.* from (orders o join customers c using (id)) join lists n using (id)
select o.id, l.s from orders o left join (customers c join lists l on c.id = l.id) on o.id = c.id
select o.id from orders o join customers c join lists l on c.id = l.id on o.id = c.id
select id from orders union select customer_id from orders order by customer_id
select id as end, customer_id as case from orders
select t.end from (select id as end from orders) t
select * from (select id, count(*) from orders group by id) where "count_star()" > 1
select "(id + 1)" from (select id + 1 from orders)
select id_1 from (select * from orders o join customers c on o.id = c.id)
select id from orders; -- the end
select id from orders, where id > 1
select l.list_filter(x -> x > 1) as f from lists
select o.id from orders o where exists (select o.amount from customers o)
select name from customers where name ilike 'a!%' escape '!'
select name from customers order by name collate nocase
select unnamed_subquery.id from (select id from orders)
select try_cast(s as union(a int, b varchar)) as u from (select 1 as s)
select orders.customer_id * 2 as d from orders group by customer_id * 2
select customer_id, sum(amount) as s from orders group by *
select id, -id, +id, max(id) over (), id::int, null, 'x', 1.5 from orders
select min(id), max(id), first(id), count(distinct id), sum(id + 1) / count(*), round(avg(amount), 2) from orders
select id from orders where id between 1 and 3 and amount between 2 and 4 group by id having count(*) > 1 order by id limit 3
select case when id between 1 and 3 then case when id > 2 then 1 end when id > 4 then 2 else 3 end as x from orders where id > 1 order by id
select sum(amount) over (partition by id order by created_at rows between 1 preceding and current row) as w from orders where id > 1 order by 1 limit 1
select id from (select id from orders order by id limit 3) where id > 1 union all select id from customers order by id
from orders select id where id > 1 limit 3 offset 1
select string_agg(name, ',' order by id) as n from customers where id > 1 group by id order by 1
select id from orders where id in (select id from customers order by id limit 3) order by id
select amount as total from orders where total > 3
select sum(amount) as amount from orders where amount > 3 group by id
select row_number() over (order by id) as id from orders where id > 3
with size(a) as (select 1) select a from size
select count(distinct id) as n, count(distinct (id, amount)) as m from orders
select id from orders order by case when id > 3 then 1 else 2 end limit 1
select o.id from orders o join customers using (id) where o.id > 3
select max(amount) as m from orders limit 3 offset 2
select id from orders offset 2 limit 3
select id, left(name, 2) as l, right(name, 1) as r from customers
select name as t from customers where name in ('Ann', 'Bob') or name = 'a' || 'b'
select customer_id, sum(amount) as s, sum(sum(amount)) over (order by sum(amount)) as running, count(*) over () as n, rank() over (order by count(*) desc) as r from orders group by all
select id, last_value(amount ignore nulls) over (order by id) as l, first(amount) over (order by id) as f from orders
select sum(amount) over (order by created_at range between interval 1 hour preceding and current row) as s, sum(amount) over (order by id groups unbounded preceding) as g from orders
select o.at, o.left from (select id as at, amount as left from orders) o
select s.* from lists
select c.name, o.created_at from orders o, customers o, customers c where o.amount > 0
unpivot orders on id, customer_id into name k value v
select k, v, amount from (unpivot (select id, customer_id, amount from orders) on id, customer_id into name k value v)
select value, name from (unpivot (select id, customer_id, amount from orders) on id, customer_id)
with p as (pivot orders on customer_id in (1, 2) using sum(amount) as s, count(*) as n group by created_at) select created_at from p
from orders pivot (sum(amount) for customer_id in (1, 2) group by id)
select customer_id, max(amount) filter (where id > 1) as m, max(amount) + fsum(amount) as s, percentile_cont(0.5) within group (order by amount) as p from orders group by all
select t.id from (with a as (select id from orders) select id from a group by all) t where t.id > 1 group by all
select * rename (amount as total) from orders where total > 1
select date_trunc('month', created_at) as m, date_diff('day', created_at, created_at) as d from orders
select map.id, map.amount from orders map where map.id > 1 group by map.id, map.amount order by map.id
with force as (select id as grant, amount as "drop", name as install from orders join customers using (id)) select sum(grant) as g, max(force.install) as i, max(drop) as d from force group by install
select map {'a': id}['a'] as m, map([1], [2]) as n, null::map(int, int) as o from orders
select name as interval, id from customers order by interval desc, id
select id % 2 as id, id as whole, count(*) as n from orders group by id
select amount as id, count(*) as n from orders group by id, amount
select id, sum(amount) as created_at from orders group by id having created_at > 100
select o.id as id, max(c.name) as name from orders o join customers c using (id) where id > 1 group by id having id > 1 order by id + 1
select o.id as id from orders o, customers c order by (id), id desc
with m as (select 1 as interval, 2 as if) select interval / 2 as y, interval % 2 as z from m
with m as (select 1 as interval, 2 as if) select case when if = 1 then 'if' end as y from m where if > 1 and 'if' = 'x'
select interval '1 day' later, interval '2 weeks ago' as ago, interval '1h30m' as half, interval '1D' as d, interval '02:00:00' as t
select created_at + interval '1 mon 3 msec' as a, created_at - interval (id) days as b, interval '5' minutes as c from orders
select extract('year' from created_at) as y, date_part(['year', 'month'], created_at) as s, date_trunc('yrs', created_at) as t from orders
select lft.id from orders lft join customers using (id)
select id as order, amount as end, customer_id as from from orders
select o.order from (select id as order from orders) o
select id from orders where created_at is not null and (amount > 3) is true and id is not distinct from 3 and id in (1)
select id from lists where l && [1]
select * from orders except (select * from orders)
