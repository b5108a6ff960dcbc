CREATE TABLE integers(i INTEGER);;

