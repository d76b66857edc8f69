//! Each fault by its id, and the tests that show it.

pub const SHOWN_BY: &[(&str, &[&str])] = &[
    ("up-refused", &["upstream::connections::a_refused_connection_is_503_at_once"]),
    ("up-blackhole", &["faults::upstream::a_black_hole_costs_the_connect_time_out_and_no_more"]),
    (
        "up-slow-header",
        &[
            "faults::upstream::a_late_answer_ends_its_connection_and_the_message_is_not_sent_again",
            "upstream::connections::nothing_is_sent_twice_after_a_response_byte_or_a_time_out",
        ],
    ),
    ("up-drip-body", &["upstream::bad_answers::an_answer_too_large_or_too_late_is_undelivered"]),
    ("up-close-mid-body", &["upstream::bad_answers::an_answer_that_breaks_off_is_503_and_undelivered"]),
    ("up-close-mid-chunk", &["upstream::bad_answers::an_answer_that_breaks_off_is_503_and_undelivered"]),
    (
        "up-rst-before-header",
        &[
            "upstream::bad_answers::an_answer_that_breaks_off_is_503_and_undelivered",
            "upstream::connections::a_reused_connection_that_fails_before_a_byte_is_tried_once_more",
        ],
    ),
    (
        "up-idle-race",
        &[
            "upstream::connections::an_upstream_that_closes_some_time_after_each_answer_costs_no_post",
            "upstream::stale::every_post_arrives_once_when_the_upstream_closes_after_each_answer",
            "upstream::stale::a_post_resent_after_a_hang_up_arrives_twice_only_where_the_log_says_so",
        ],
    ),
    (
        "up-half-open",
        &["faults::upstream::a_frozen_upstream_costs_its_deadline_and_is_used_again_when_it_thaws"],
    ),
    ("up-1xx-flood", &["faults::upstream::a_flood_of_interim_answers_is_cut_off_and_costs_no_memory"]),
    (
        "up-giant-header",
        &[
            "upstream::bad_answers::an_answer_too_large_or_too_late_is_undelivered",
            "requests::probes::every_probe_gets_what_it_should_and_nothing_ambiguous_arrives",
        ],
    ),
    (
        "up-bad-framing",
        &[
            "upstream::bad_answers::a_malformed_answer_is_503_and_undelivered",
            "faults::upstream::a_status_that_http_does_not_know_is_malformed",
        ],
    ),
    (
        "up-extra-bytes",
        &[
            "upstream::connections::bytes_after_an_answer_never_become_the_next_answer",
            "faults::volume::ten_thousand_answers_among_foreign_bytes_are_each_ones_own",
        ],
    ),
    (
        "up-early-response",
        &["upstream::connections::an_early_answer_counts_and_its_connection_is_not_used_again"],
    ),
    (
        "up-status-edges",
        &["upstream::delivery::every_final_status_of_every_webhook_reaches_the_sender_as_the_table_says"],
    ),
    ("up-h2-terminator", &["http2::two_thousand_requests_on_one_connection_get_their_own_answers"]),
    (
        "dn-slow-header-first",
        &["faults::downstream::half_a_head_and_then_silence_is_408_at_the_head_time_out"],
    ),
    ("dn-header-drip", &["requests::slow_senders::a_head_that_drips_is_closed_at_its_deadline_with_408"]),
    (
        "dn-idle-after-request",
        &["requests::slow_senders::an_idle_connection_is_closed_at_keepalive_and_logs_nothing_more"],
    ),
    ("dn-body-never", &["requests::slow_senders::a_body_that_never_comes_is_503_undelivered_and_close"]),
    (
        "dn-slow-read",
        &["requests::slow_senders::a_sender_that_never_reads_its_answer_is_not_waited_for_for_ever"],
    ),
    ("dn-half-close", &["requests::downstream::a_half_closed_sender_still_hears_its_answer"]),
    (
        "dn-rst-mid-upload",
        &["requests::slow_senders::a_reset_in_the_middle_of_a_body_is_logged_and_not_forwarded"],
    ),
    (
        "dn-pipeline",
        &[
            "requests::downstream::two_requests_in_one_write_are_both_answered_in_order",
            "requests::downstream::a_request_that_comes_while_the_first_waits_is_answered_after_it",
        ],
    ),
    (
        "dn-expect",
        &[
            "requests::downstream::expect_100_continue_is_answered_before_the_body_and_not_forwarded",
            "requests::downstream::an_unknown_expectation_is_417",
            "requests::probes::every_probe_gets_what_it_should_and_nothing_ambiguous_arrives",
        ],
    ),
    (
        "dn-methods",
        &[
            "faults::downstream::odd_methods_end_here_and_in_the_log",
            "requests::downstream::head_is_answered_without_a_body_and_the_connection_stays_in_step",
        ],
    ),
    (
        "dn-targets",
        &["faults::downstream::every_form_of_a_target_arrives_in_origin_form_with_one_host_or_not_at_all"],
    ),
    ("dn-host", &["requests::ambiguous::ambiguous_requests_are_rejected_and_never_forwarded"]),
    (
        "dn-framing",
        &[
            "faults::downstream::no_mix_of_framings_makes_two_requests_of_one",
            "faults::downstream::a_header_that_only_looks_like_a_framing_one_frames_nothing",
            "faults::downstream::a_mutated_chunk_is_refused_or_read_as_it_must_be",
        ],
    ),
    (
        "dn-headers",
        &[
            "faults::downstream::heads_beyond_every_bound_cost_no_memory",
            "requests::ambiguous::ambiguous_requests_are_rejected_and_never_forwarded",
        ],
    ),
    ("dn-hop-by-hop", &["client::spoof::headers::connection_cannot_take_away_what_the_gate_says"]),
    (
        "dn-spoof",
        &[
            "client::spoof::headers::no_header_of_an_untrusted_peer_names_the_client_or_reaches_the_application",
            "client::spoof::proxy_header::a_proxy_header_on_a_listener_that_speaks_none_is_only_an_odd_request",
        ],
    ),
    ("dn-mapped-v4", &["client::client_address::an_ipv4_sender_on_an_ipv6_listener_is_its_ipv4_self"]),
    ("dn-unix-socket", &["faults::downstream::a_unix_socket_cannot_be_listened_on"]),
    (
        "dn-tls",
        &[
            "tls::before::a_handshake_that_does_not_come_to_an_end_is_closed_at_its_deadline",
            "tls::before::garbage_is_a_failed_handshake_and_nothing_more",
            "tls::handshake::curl_is_served_at_1_2_and_1_3_and_at_nothing_older",
        ],
    ),
    (
        "dn-h2",
        &[
            "http2::floods::rapid_resets_end_their_connection",
            "http2::floods::a_header_that_never_ends_ends_its_connection",
            "http2::floods::a_header_bomb_ends_its_connection",
            "http2::floods::floods_of_empty_frames_cost_nothing",
            "http2::floods::floods_of_pings_and_settings_whose_answers_nobody_reads_cost_no_memory",
            "http2::windows::clients_that_read_nothing_are_closed_at_the_write_timeout_and_logged_truly",
        ],
    ),
    (
        "rf-deleted",
        &[
            "reloads::range_files::a_deleted_list_keeps_the_last_good_one",
            "faults::allowlist_files::a_list_that_was_deleted_is_told_by_the_metrics_until_it_is_back",
        ],
    ),
    ("rf-empty", &["reloads::range_files::an_emptied_list_keeps_the_last_good_one"]),
    ("rf-comment-only", &["reloads::range_files::an_emptied_list_keeps_the_last_good_one"]),
    ("rf-truncated", &["reloads::range_files::a_list_cut_inside_a_line_keeps_the_last_good_one"]),
    (
        "rf-torn-write",
        &[
            "reloads::range_files::a_list_written_byte_by_byte_is_only_published_whole",
            "faults::allowlist_files::a_list_that_is_written_slowly_is_the_old_one_until_it_is_whole",
        ],
    ),
    ("rf-rename", &["reloads::range_files::a_list_renamed_into_place_is_noticed"]),
    (
        "rf-symlink-swap",
        &[
            "reloads::range_files::a_swapped_symlink_to_the_folder_is_noticed",
            "reloads::range_files::a_swapped_symlink_to_the_file_is_noticed",
            "reloads::range_files::a_configmap_swap_is_noticed",
        ],
    ),
    (
        "rf-perm",
        &["faults::allowlist_files::a_list_that_may_not_be_read_keeps_the_last_good_one_and_is_told_once"],
    ),
    (
        "rf-directory-fifo",
        &[
            "reloads::range_files::a_list_that_is_no_regular_file_keeps_the_last_good_one",
            "faults::allowlist_files::a_list_that_is_a_device_or_a_pipe_keeps_the_last_good_one_and_hangs_nobody",
        ],
    ),
    ("rf-10mb", &["faults::volume::a_million_prefixes_load_beside_the_traffic"]),
    ("rf-1m-prefixes", &["faults::volume::a_million_prefixes_load_beside_the_traffic"]),
    ("rf-overlap-dup", &["src::policy::address::prefix_set::look_up_equals_the_naive_loop"]),
    (
        "rf-encoding",
        &[
            "faults::allowlist_files::a_list_in_another_encoding_is_refused_with_its_line",
            "reloads::range_files::a_list_of_garbage_keeps_the_last_good_one",
        ],
    ),
    ("rf-wide", &["faults::allowlist_files::a_list_that_admits_everybody_keeps_the_last_good_one"]),
    (
        "rf-hostbits-zeros",
        &["src::policy::address::range_list::tests::lines_that_parsers_disagree_about_come_out_as_wanted"],
    ),
    ("rf-storm", &["reloads::storm::a_storm_of_reloads_causes_no_wrong_verdict_error_or_growth"]),
    (
        "rf-verdict-linear",
        &[
            "faults::allowlist_files::a_verdict_is_never_older_than_the_reload_that_was_acknowledged",
            "reloads::reload::post_reload_has_loaded_when_it_answers",
        ],
    ),
    (
        "rf-first-start",
        &[
            "process::start::a_missing_folder_or_file_never_starts_an_open_gate",
            "process::start::a_broken_list_is_refused_with_every_bad_line",
        ],
    ),
    (
        "rf-open-connection",
        &[
            "reloads::reload::an_open_connection_meets_the_new_list_at_its_next_request",
            "client::strangers::an_open_connection_whose_address_was_removed_is_refused_at_its_next_request",
        ],
    ),
    (
        "ps-sighup",
        &[
            "process::end::hup_keeps_the_process_and_its_connections",
            "reloads::reload::hup_reloads_and_says_when_nothing_changed",
        ],
    ),
    (
        "ps-sigterm",
        &[
            "process::end::term_finishes_what_is_in_flight_closes_what_is_idle_and_exits_0",
            "process::end::an_idle_gate_exits_at_once",
            "process::end::the_grace_bounds_the_drain",
        ],
    ),
    // There is no successor to hand over to: QUIT means now.
    ("ps-sigquit", &["faults::process::quit_stops_at_once_and_makes_no_answer_up"]),
    // INT drains as TERM does; a second signal cuts.
    (
        "ps-sigint",
        &[
            "process::end::term_finishes_what_is_in_flight_closes_what_is_idle_and_exits_0",
            "process::end::a_second_signal_stops_now",
        ],
    ),
    ("ps-sigkill", &["faults::process::a_killed_gate_restarts_at_once_and_loses_at_most_its_last_log_line"]),
    ("ps-double-start", &["process::start::a_second_start_on_the_same_port_fails_at_once_and_names_it"]),
    ("ps-emfile", &["faults::machine::a_gate_without_descriptors_recovers_when_they_are_free_again"]),
    ("ps-enfile-enomem", &["faults::machine::an_accept_that_fails_is_tried_again_without_a_busy_loop"]),
    (
        "ps-disk-full",
        &[
            "faults::process::a_full_disk_costs_log_lines_which_are_counted_and_no_request",
            "faults::machine::logging_goes_on_when_a_full_disk_has_space_again",
        ],
    ),
    ("ps-log-blocked", &["process::end::a_stdout_that_nobody_reads_never_blocks_traffic"]),
    (
        "ps-log-rotate",
        &[
            "logs::access_log::a_log_file_is_opened_anew_at_a_reload_so_that_it_can_be_rotated",
            "faults::process::a_log_that_is_copied_and_truncated_goes_on_at_its_beginning",
        ],
    ),
    (
        "ps-log-flood",
        &[
            "faults::volume::a_flood_of_denials_fills_no_disk_and_slows_nobody_admitted",
            "client::strangers::a_flood_is_summed_up_and_no_denial_is_lost",
        ],
    ),
    (
        "ps-log-injection",
        &[
            "faults::process::whatever_a_header_holds_one_request_is_one_parsable_line",
            "logs::access_log::whatever_a_path_holds_one_request_is_one_parsable_log_line",
        ],
    ),
    ("ps-clock-jump", &["faults::machine::a_wall_clock_that_jumps_expires_nothing_and_hastens_nothing"]),
    ("ps-memory", &["process::soak::descriptors_threads_and_memory_end_where_they_began"]),
    ("ps-panic", &["client::strangers::a_panic_is_one_requests_503_and_harms_no_other"]),
];
