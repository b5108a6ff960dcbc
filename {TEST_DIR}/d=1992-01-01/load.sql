COPY integers FROM '{TEST_DIR}/d=1992-01-01/integers.csv' (FORMAT 'csv', quote '"', delimiter ',', header 1);
