COPY tbl1 FROM '{TEST_DIR}/test_issue_7660/tbl_.csv' (FORMAT 'csv', quote '"', delimiter ',', header 1);
