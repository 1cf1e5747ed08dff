-- a million rows, two indices, aggregates
create table t(id integer primary key, k integer, v text);
with recursive c(x) as (select 1 union all select x + 1 from c where x < 1000000)
	insert into t select x, x * 7919 % 999983, 'row ' || (x % 1009) from c;
create index by_k on t(k);
select count(*), sum(k), min(v), max(v) from t;
select k % 7 as g, count(*), avg(length(v)) from t where k between 1000 and 500000 group by g;
