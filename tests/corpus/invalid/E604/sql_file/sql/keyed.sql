-- create user etl password 'CANARY-5up3r-s3cret'
select * from orders
