-- a comment
select customer
frm orders
