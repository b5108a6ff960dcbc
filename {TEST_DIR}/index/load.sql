COPY tracking FROM '{TEST_DIR}/index/tracking.csv' (FORMAT 'csv', quote '"', delimiter ',', header 1);
