"""A sweep's records: Parquet parts, one writer, one reader."""
