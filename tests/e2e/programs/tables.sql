create table t (id integer primary key, word text, n real);
with recursive c(x) as (select 1 union all select x + 1 from c where x < 300)
insert into t select x, printf('w%03d', x * 7919 % 300), x / 7.0 from c;
create index by_word on t (word);
select count(*), sum(n), max(word) from t;
select word, n from t where word like 'w1%' order by n desc limit 5;
begin; delete from t where id % 2; rollback;
select count(distinct word) from t;
select * from no_such_table;
