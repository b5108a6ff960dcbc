"""The functions of DuckDB, by name: what `duckdb_functions()` lists, and what its grammar adds; and those of others."""

_BY_COUNT = {
    "0": """
        count_star cume_dist current_catalog current_connection_id current_database current_date current_localtime
        current_localtimestamp current_query current_query_id current_role current_schema current_transaction_id
        current_user dense_rank gen_random_uuid get_current_time get_current_timestamp inet_client_addr
        inet_client_port inet_server_addr inet_server_port now percent_rank pg_conf_load_time pg_my_temp_schema
        pg_postmaster_start_time pi random rank rank_dense row_number session_user today transaction_timestamp
        txid_current user uuid uuidv4 uuidv7 version
    """,
    "0+": """
        add array_cat array_concat array_to_json array_value array_zip json_array json_object json_quote list_cat
        list_concat list_zip map_concat row row_to_json struct_concat struct_insert struct_pack struct_update
        to_json union_value unpivot_list
    """,
    "0,1": """

    """,
    "0,1+": """
        list_pack list_value
    """,
    "0,2": """
        map
    """,
    "1": """
        __internal_compress_string_hugeint __internal_compress_string_ubigint __internal_compress_string_uhugeint
        __internal_compress_string_uinteger __internal_compress_string_usmallint __internal_compress_string_utinyint
        __internal_decompress_string abs acos acosh ago alias any_value approx_count_distinct arbitrary array_agg
        array_distinct array_pop_back array_pop_front array_reverse array_unique ascii asin asinh atan atanh avg
        base64 bin bit_and bit_count bit_length bit_or bit_xor bool_and bool_or cbrt ceil ceiling century
        char_length character_length chr cos cosh cot count_if countif current_schemas current_setting currval day
        dayname dayofmonth dayofweek dayofyear days_in_month decade degrees encode entropy enum_code enum_first
        enum_last enum_range epoch epoch_ms epoch_ns epoch_us era error even exp factorial favg fill finalize first
        first_value flatten floor format_bytes from_base64 from_binary from_hex fsum gamma geomean geometric_mean
        get_block_size get_type getvariable hex hour icu_collate_af icu_collate_am icu_collate_ar icu_collate_ar_sa
        icu_collate_as icu_collate_az icu_collate_be icu_collate_bg icu_collate_bn icu_collate_bo icu_collate_br
        icu_collate_bs icu_collate_ca icu_collate_ceb icu_collate_chr icu_collate_cs icu_collate_cy icu_collate_da
        icu_collate_de icu_collate_de_at icu_collate_dsb icu_collate_dz icu_collate_ee icu_collate_el icu_collate_en
        icu_collate_en_us icu_collate_eo icu_collate_es icu_collate_et icu_collate_fa icu_collate_fa_af
        icu_collate_ff icu_collate_fi icu_collate_fil icu_collate_fo icu_collate_fr icu_collate_fr_ca icu_collate_fy
        icu_collate_ga icu_collate_gl icu_collate_gu icu_collate_ha icu_collate_haw icu_collate_he icu_collate_he_il
        icu_collate_hi icu_collate_hr icu_collate_hsb icu_collate_hu icu_collate_hy icu_collate_id icu_collate_id_id
        icu_collate_ig icu_collate_is icu_collate_it icu_collate_ja icu_collate_ka icu_collate_kk icu_collate_kl
        icu_collate_km icu_collate_kn icu_collate_ko icu_collate_kok icu_collate_ku icu_collate_ky icu_collate_lb
        icu_collate_lij icu_collate_lkt icu_collate_ln icu_collate_lo icu_collate_lt icu_collate_lv icu_collate_mk
        icu_collate_ml icu_collate_mn icu_collate_mr icu_collate_ms icu_collate_mt icu_collate_my icu_collate_nb
        icu_collate_nb_no icu_collate_ne icu_collate_nl icu_collate_nn icu_collate_noaccent icu_collate_nso
        icu_collate_om icu_collate_or icu_collate_pa icu_collate_pa_in icu_collate_pl icu_collate_ps icu_collate_pt
        icu_collate_ro icu_collate_ru icu_collate_sa icu_collate_se icu_collate_si icu_collate_sk icu_collate_sl
        icu_collate_smn icu_collate_sq icu_collate_sr icu_collate_sr_ba icu_collate_sr_me icu_collate_sr_rs
        icu_collate_st icu_collate_sv icu_collate_sw icu_collate_ta icu_collate_te icu_collate_th icu_collate_tk
        icu_collate_tn icu_collate_to icu_collate_tr icu_collate_ug icu_collate_uk icu_collate_ur icu_collate_uz
        icu_collate_vi icu_collate_wae icu_collate_wo icu_collate_xh icu_collate_yi icu_collate_yo icu_collate_yue
        icu_collate_yue_cn icu_collate_zh icu_collate_zh_cn icu_collate_zh_hk icu_collate_zh_mo icu_collate_zh_sg
        icu_collate_zh_tw icu_collate_zu is_histogram_other_bin isfinite isinf isnan isodow isoyear json
        json_deserialize_sql json_group_array json_group_structure json_pretty json_structure json_valid julian
        kahan_sum kurtosis kurtosis_pop last last_day last_value lcase len length length_grapheme lgamma list
        list_any_value list_approx_count_distinct list_avg list_bit_and list_bit_or list_bit_xor list_bool_and
        list_bool_or list_count list_distinct list_entropy list_first list_histogram list_kurtosis list_kurtosis_pop
        list_last list_mad list_max list_median list_min list_mode list_product list_reverse list_sem list_skewness
        list_stddev_pop list_stddev_samp list_string_agg list_sum list_unique list_var_pop list_var_samp ln log10
        log2 lower mad make_timestamp_ms make_timestamp_ns map_entries map_from_entries map_keys map_to_pg_oid
        map_values md5 md5_number md5_number_lower md5_number_upper mean median microsecond millennium millisecond
        minute mode month monthname nanosecond nextval nfc_normalize normalized_interval ntile octet_length ord
        parse_formatted_bytes pg_collation_is_visible pg_conversion_is_visible pg_function_is_visible pg_get_viewdef
        pg_is_other_temp_schema pg_opclass_is_visible pg_operator_is_visible pg_opfamily_is_visible pg_size_pretty
        pg_sleep pg_table_is_visible pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible
        pg_ts_template_is_visible pg_type_is_visible pg_typeof product quarter radians regexp_escape reverse second
        sem setseed sha1 sha256 sign signbit sin sinh skewness sleep_ms sqrt st_asbinary st_astext st_aswkb st_aswkt
        st_crs st_geomfromwkb stats stddev stddev_pop stddev_samp strip_accents strlen struct_keys struct_values sum
        sum_no_overflow sumkahan tan tanh timetz_byte_comparable timezone_hour timezone_minute to_base64 to_binary
        to_centuries to_days to_decades to_hex to_hours to_microseconds to_millennia to_milliseconds to_minutes
        to_months to_quarters to_seconds to_timestamp to_weeks to_years typeof ucase unbin unhex unicode union_tag
        unnest upper url_decode url_encode uuid_extract_timestamp uuid_extract_version var_pop var_samp variance
        variant_bytes_to_variant variant_normalize variant_to_parquet_variant variant_typeof vector_type week
        weekday weekofyear year yearweek
    """,
    "1+": """
        cardinality concat create_sort_key format greatest hash least make_type printf write_log
    """,
    "1,2": """
        age array_length array_reverse_sort decode group_concat json_array_length json_keys json_type
        list_reverse_sort listagg log ltrim max min parse_dirname parse_dirpath parse_path pg_get_constraintdef
        quantile quantile_disc round rtrim string_agg subtract timezone trim trunc
    """,
    "1,2,3": """
        array_grade_up array_sort generate_series grade_up lag lead list_grade_up list_sort parse_filename range
        switch
    """,
    "1,2,3,4,5": """
        json_serialize_plan json_serialize_sql
    """,
    "1,2,4": """
        histogram
    """,
    "1,3": """
        bitstring_agg make_date
    """,
    "1,6": """
        make_timestamp
    """,
    "1,6,7": """
        make_timestamptz
    """,
    "2": """
        __internal_compress_integral_ubigint __internal_compress_integral_uinteger
        __internal_compress_integral_usmallint __internal_compress_integral_utinyint
        __internal_decompress_integral_bigint __internal_decompress_integral_hugeint
        __internal_decompress_integral_integer __internal_decompress_integral_smallint
        __internal_decompress_integral_ubigint __internal_decompress_integral_uhugeint
        __internal_decompress_integral_uinteger __internal_decompress_integral_usmallint apply approx_quantile
        approx_top_k arg_max_null arg_min_null array_append array_apply array_contains array_cosine_distance
        array_cosine_similarity array_cross_product array_distance array_dot_product array_extract array_filter
        array_has array_has_all array_has_any array_indexof array_inner_product array_intersect
        array_negative_dot_product array_negative_inner_product array_position array_prepend array_push_back
        array_push_front array_select array_to_string array_transform array_where atan2 bit_position bitstring
        can_cast_implicitly cast_to_type col_description combine contains corr covar_pop covar_samp
        damerau_levenshtein date_add date_part date_trunc datepart datetrunc divide editdist3 element_at ends_with
        enum_range_boundary fdiv filter fmod format_pg_type format_type from_json from_json_strict gcd
        generate_subscripts get_bit greatest_common_divisor hamming histogram_exact icu_sort_key in_search_path
        instr jaccard json_contains json_exists json_extract json_extract_path json_extract_path_text
        json_extract_string json_group_object json_transform json_transform_strict json_value lcm
        least_common_multiple left left_grapheme levenshtein list_append list_apply list_contains
        list_cosine_distance list_cosine_similarity list_distance list_dot_product list_element list_extract
        list_filter list_has list_has_all list_has_any list_indexof list_inner_product list_intersect
        list_negative_dot_product list_negative_inner_product list_position list_prepend list_select list_transform
        list_where map_contains map_contains_value map_extract map_extract_value mismatches mod multiply nextafter
        nth_value nullif obj_description parse_duckdb_log_message pg_get_expr position pow power prefix
        quantile_cont regexp_split_to_table regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope
        regr_sxx regr_sxy regr_syy repeat right right_grapheme round_even roundbankers shobj_description split
        st_intersects_extent st_setcrs starts_with str_split strftime string_split string_to_array strpos strptime
        struct_contains struct_extract struct_extract_at struct_has struct_indexof struct_position suffix
        try_strptime union_extract variant_extract wavg weighted_avg xor
    """,
    "2+": """
        aggregate array_aggr array_aggregate concat_ws constant_or_null json_merge_patch list_aggr list_aggregate
    """,
    "2,3": """
        arg_max arg_max_nulls_last arg_min arg_min_nulls_last argmax argmin array_reduce array_resize
        has_any_column_privilege has_database_privilege has_foreign_data_wrapper_privilege has_function_privilege
        has_language_privilege has_schema_privilege has_sequence_privilege has_server_privilege has_table_privilege
        has_tablespace_privilege jaro_similarity jaro_winkler_similarity list_reduce list_resize max_by min_by
        pg_has_role reduce regexp_full_match regexp_matches regexp_split_to_array reservoir_quantile str_split_regex
        string_split_regex substr substring substring_grapheme time_bucket to_base
    """,
    "2,3,4": """
        regexp_extract regexp_extract_all
    """,
    "3": """
        date_diff date_sub datediff datesub ilike_escape like_escape lpad make_time map_contains_entry
        not_ilike_escape not_like_escape replace replace_type rpad set_bit split_part translate
    """,
    "3,4": """
        array_slice bar has_column_privilege list_slice regexp_replace
    """,
    "4": """
        equi_width_bins remap_struct
    """,
    "": """
        all any array_to_string_comma_default cast coalesce collate columns construct_array count current_time
        current_timestamp exists extract formatreadabledecimalsize formatreadablesize grouping grouping_id if ifnull
        localtime localtimestamp overlay percentile_cont percentile_disc some try try_cast unlist unpack
    """,
}
"""By how many values they take: `2,3` is two or three, `1+` one or more, nothing what the engine does not list."""
COUNTS = {name: counts for counts, words in _BY_COUNT.items() for name in words.split()}
FUNCTIONS = frozenset(COUNTS)

_ELSEWHERE = {
    "approx_count_distinct": "approx_distinct",
    "array_agg": "arrayagg",
    "array_to_string": "array_join",
    "bool_and": "logical_and",
    "bool_or": "logical_or",
    "coalesce": "isnull nvl zeroifnull",
    "current_date": "curdate",
    "current_timestamp": "getdate getutcdate sysdatetime systimestamp utc_timestamp",
    "date_diff": "datetime_diff months_between time_diff timestamp_diff timestampdiff",
    "date_trunc": "datetime_trunc time_trunc timestamp_trunc",
    "dayofmonth": "day_of_month",
    "dayofweek": "day_of_week",
    "dayofyear": "day_of_year",
    "divide": "safe_divide",
    "ends_with": "endswith",
    "epoch": "unix_seconds unix_timestamp",
    "if": "iff iif nvl2",
    "instr": "charindex locate",
    "json_extract_string": "get_json_object json_extract_scalar",
    "json": "json_parse parse_json",
    "last_day": "eomonth last_day_of_month",
    "len": "array_size size",
    "list": "collect_list",
    "list_has_any": "array_overlaps arrays_overlap",
    "list_max": "array_max",
    "list_min": "array_min",
    "list_sort": "sort_array",
    "list_sum": "array_sum",
    "make_date": "date_from_parts datefromparts",
    "make_timestamp": "timestamp_from_parts timestampfromparts",
    "random": "rand",
    "regexp_extract": "regexp_substr",
    "regexp_matches": "regexp_contains regexp_like",
    "regexp_split_to_array": "regexp_split",
    "sha256": "sha2",
    "sign": "signum",
    "split_part": "substring_index",
    "starts_with": "startswith",
    "stddev": "stdev",
    "strftime": "date_format format_date format_timestamp to_char",
    "strpos": "str_position",
    "strptime": "parse_date parse_timestamp str_to_date to_date",
    "time_bucket": "date_bin",
    "to_timestamp": "from_unixtime",
    "trunc": "truncate",
    "try_cast": "safe_cast",
    "unnest": "explode explode_outer",
    "uuid": "generate_uuid newid uuid_string",
    "weekofyear": "week_of_year",
}
OF_OTHERS = {theirs: ours for ours, words in _ELSEWHERE.items() for theirs in words.split()}
"""Functions that other databases have and DuckDB has not, each with the one that does the same, or nearly."""
