COPY integers FROM '{TEST_DIR}/export_test/integers.parquet' (FORMAT 'parquet', COMPRESSION 'ZSTD', ROW_GROUP_SIZE 100000);
