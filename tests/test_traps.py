"""PostBoost's traps: where its documents, its SDK or the service mislead, and the tests that prove it.

The sandbox behaves like the service, and this package's client handles each trap.
"""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from postboost_provider.polling.outcome import read_post
from postboost_provider.publishing.publish import _check

TESTS = Path(__file__).parent
# A trap in our own words, and the tests that prove it, by file and name.
TRAPS: dict[str, tuple[str, ...]] = {
    "The official SDK cannot be imported as it is published: its wheel misses a module.": (
        "contract/test_official_sdk.py::test_the_sdk_as_published_misses_a_module_that_it_imports",
        "contract/test_official_sdk.py::test_nobody_needs_the_sdk_to_use_this_package",
    ),
    "A healthy account's reconnect_reason is null, which the SDK cannot parse, nor a dry run that holds one.": (
        "sandbox/publishing/test_account_health.py::test_a_healthy_account_has_the_reconnect_reason_of_the_setting",
        "contract/test_official_sdk.py::test_the_dry_run_as_documented_is_more_than_the_sdk_can_parse",
        "sensors/test_accounts.py::test_healthy_accounts_are_returned_at_once",
    ),
    "TikTok's privacy is a map by account, which the SDK can neither build nor parse.": (
        "contract/test_official_sdk.py::test_tiktoks_privacy_is_more_than_the_sdk_can_parse",
        "publishing/test_body.py::test_tiktoks_options_are_maps_by_account",
    ),
    "The SDK cannot write a post with a date as JSON, though it can send it.": (
        "contract/test_official_sdk.py::test_a_date_is_more_than_the_sdk_can_write_as_json_itself",
        "operators/test_post_actions.py::test_a_draft_is_scheduled_once_and_moved_when_asked",
    ),
    "The SDK's models are closed: a new status, an empty PHP array or a null in the wrong place raise.": (
        "contract/test_official_sdk.py::test_the_sdks_models_are_closed",
        "contract/test_every_operation.py::test_through_the_official_sdk",
        "test_traps.py::test_what_closed_models_refuse_is_read",
        "test_traps.py::test_an_empty_map_of_errors_may_be_an_empty_list",
        "polling/test_outcome.py::test_an_unknown_status_of_a_post_is_an_error_that_names_it",
    ),
    "The SDK has no exceptions of their own for 409, 410, 422 and 429.": (
        "contract/test_official_sdk.py::test_a_guardrails_response_is_the_sdks_guardrail_error",
        "api/test_responses.py::test_a_refusal_has_a_type_and_says_where_what_and_what_to_do",
    ),
    "Scheduling and queueing a duplicate takes a header that the SDK does not have.": (
        "sandbox/publishing/test_guardrails.py::test_scheduling_a_duplicate_needs_the_header",
        "api/test_sending.py::test_allowing_a_duplicate_is_a_header",
    ),
    "Media has its id as text and is attached by it as a number; the docs attach by uuid.": (
        "sandbox/media/test_upload.py::test_an_upload_returns_its_id_as_text_and_is_served",
        "services/media/test_upload.py::test_an_id_is_attached_as_a_number_even_if_it_was_returned_as_text",
        "services/media/test_upload.py::test_an_item_that_is_there_already_is_found_by_its_uuid",
    ),
    "The same date ends an access token a day earlier than a scoped key.": (
        "sandbox/rules/test_auth.py::test_an_access_token_expires_at_midnight_utc_on_its_date",
        "sandbox/rules/test_auth.py::test_a_scoped_key_works_all_of_its_last_day_in_utc",
        "api/test_credentials.py::test_a_credential_is_counted_on_until_midnight_utc_of_its_day_wherever_one_is",
    ),
    "Queueing returns 201, scheduling and approving 200.": (
        "sandbox/publishing/test_lifecycle.py::test_the_queue_gives_each_account_its_next_free_slot_with_201",
        "operators/test_post_actions.py::test_a_draft_is_sent_or_queued_once",
        "contract/test_every_operation.py::test_through_our_client",
    ),
    "A URL that cannot be fetched is a 200 whose status is failed, and the final response is returned once.": (
        "sandbox/media/test_url_upload.py::test_a_failed_download_is_reported_with_status_200",
        "sandbox/media/test_url_upload.py::test_a_large_file_advances_by_poll_and_its_final_status_is_reported_once",
        "services/media/test_url_upload.py::test_a_failure_says_why_and_the_next_attempt_fetches_again",
        "services/media/test_url_upload.py::test_an_item_whose_final_response_was_lost_is_found_in_the_library",
    ),
    "Updating a post does not return the post.": (
        "sandbox/publishing/test_posts.py::test_update_replaces_and_responds_with_success_only",
        "operators/test_post_actions.py::test_words_are_changed_and_the_plan_is_kept",
    ),
    "429 and 409 each mean several things; only some of them pass by waiting.": (
        "sandbox/publishing/test_guardrails.py::test_the_daily_cap_is_that_of_the_planned_utc_day",
        "sandbox/rules/test_idempotency.py::test_a_repeat_while_the_first_is_running_is_a_conflict",
        "api/test_client.py::test_a_used_up_quota_is_final_however_short_its_hint",
        "api/test_retry.py::test_a_conflict_is_sent_again_only_for_a_key_whose_first_request_may_still_run",
    ),
    "Refusals are stored under the Idempotency-Key too: a corrected request needs another key.": (
        "sandbox/rules/test_idempotency.py::test_a_4xx_is_stored_unless_switched_off",
        "publishing/test_one_post.py::test_after_a_stored_refusal_the_next_key_revision_is_sent",
    ),
    "An Idempotency-Key belongs to the user: two workers with plain keys collide.": (
        "sandbox/rules/test_idempotency.py::test_a_key_belongs_to_user_workspace_and_path",
        "idempotency/test_identity.py::test_no_two_tasks_and_rows_have_one_identity",
    ),
    "Keys and webhooks show their secret once and take no Idempotency-Key: a lost response leaves an orphan.": (
        "sandbox/events/test_webhooks.py::test_a_lost_response_leaves_an_active_subscription",
        "sandbox/admin/test_api_keys.py::test_a_keys_token_is_shown_once_and_revoking_it_is_immediate",
        "operators/test_keys.py::test_a_key_whose_response_was_lost_is_revoked_by_the_next_attempt",
        "operators/test_any_operation_secrets.py::test_a_secret_without_a_place_to_go_is_refused_before_anything_is_sent",
    ),
    "Lists for a limited key have short and empty pages in the middle, and totals that are too high.": (
        "sandbox/rules/test_auth.py::test_a_limited_key_gets_short_pages_whose_totals_count_everything",
        "api/test_pagination.py::test_every_list_there_is_is_read_past_short_and_empty_pages",
    ),
    "Reading does not cover the list of webhooks, and editing a scheduled post takes more than editing a draft.": (
        "sandbox/rules/test_auth.py::test_read_covers_every_get_and_the_dry_run_but_not_the_list_of_webhooks",
        "sandbox/rules/test_auth.py::test_editing_a_scheduled_post_takes_publish_and_a_draft_takes_write",
        "operators/test_post_actions.py::test_a_key_that_may_write_changes_drafts_and_no_scheduled_post",
    ),
    "404 may mean that a feature is switched off.": (
        "sandbox/events/test_inbox.py::test_an_inbox_that_is_off_is_not_found_and_viewers_are_forbidden",
        "sandbox/publishing/test_connect_accounts.py::test_links_are_for_admins_and_ten_a_minute",
        "api/test_responses.py::test_a_404_may_mean_that_a_feature_is_switched_off",
    ),
    "The old page on webhooks has other events, another body and another header.": (
        "sandbox/events/test_webhooks.py::test_an_invalid_subscription_is_rejected",
        "sandbox/events/test_webhooks.py::test_a_post_is_followed_from_its_schedule_to_its_end",
    ),
    "Documents list operations that are not there, and iterate over a list that is an envelope.": (
        "sandbox/publishing/test_posts.py::test_removed_operations_do_not_exist",
        "api/test_requests.py::test_the_error_for_an_unknown_operation_lists_the_nearest_names",
        "api/test_pagination.py::test_a_list_is_read_to_its_last_page_with_the_largest_pages_it_has",
    ),
    "Roles have other names in the docs than in the API.": (
        "sandbox/rules/test_auth.py::test_the_workspaces_of_the_caller_come_with_the_role",
        "sandbox/admin/test_workspaces.py::test_an_invalid_member_is_rejected_with_all_errors",
        "operators/test_panel_refused.py::test_what_can_not_be_meant_fails_without_a_retry",
    ),
    "Editing a published post is a 400 in one place and a 422 in another.": (
        "sandbox/publishing/test_posts.py::test_a_published_post_cannot_be_edited",
        "publishing/test_one_post.py::test_an_edit_that_comes_while_it_is_published_fails_and_names_the_post",
    ),
    "An alt text may be longer in an update than at the upload; X is x in one place and twitter in another.": (
        "sandbox/media/test_upload.py::test_an_upload_without_a_file_or_with_a_long_alt_text_is_rejected",
        "sandbox/media/test_items.py::test_an_update_changes_only_the_fields_it_names",
        "sandbox/ai/test_repurposing.py::test_without_accounts_every_connected_one_is_meant_and_x_is_twitter",
        "services/media/test_upload.py::test_a_long_alt_text_is_written_after_the_upload_and_a_longer_one_refused",
        "services/test_accounts.py::test_an_account_is_found_the_way_people_name_it",
    ),
    "A workspace's color was required once and is ignored now; an alt text was required once.": (
        "sandbox/admin/test_workspaces.py::test_a_workspace_is_created_changed_and_deleted",
        "sandbox/media/test_items.py::test_an_update_changes_only_the_fields_it_names",
        "api/test_operations.py::test_an_operation_is_whole",
    ),
    "The panel's dates are for display: this year's lack the year.": (
        "sandbox/admin/test_panel.py::test_the_panels_dates_have_its_zone_and_clock_and_lack_the_year_in_the_current_year",
        "operators/test_billing.py::test_a_trial_has_its_end_which_each_run_sends_again",
    ),
    "The allowance of X posts refuses only where it is enforced; elsewhere it is counted.": (
        "sandbox/publishing/test_guardrails.py::test_the_x_limit_applies_only_if_enforced",
        "sandbox/analytics/test_x_usage.py::test_x_posts_are_counted_and_limited_only_where_that_is_enforced",
        "api/test_client.py::test_a_used_up_quota_is_final_however_short_its_hint",
    ),
    "Posts have no lock and no time of their last change: the last writer wins.": (
        "sandbox/publishing/test_posts.py::test_the_last_writer_wins_whatever_was_read_before",
        "sandbox/ai/test_agents.py::test_a_failed_account_is_retried_by_the_agent_unless_the_post_has_moved_on",
        "publishing/test_one_post.py::test_of_two_runs_at_once_with_an_edit_between_them_one_is_overtaken_and_retried",
    ),
    "Operations with a limit of their own often do not declare the 429.": (
        "sandbox/ai/test_agents.py::test_an_agent_runs_six_times_an_hour",
        "sandbox/analytics/test_reports.py::test_the_limit_is_twenty_a_minute",
        "api/test_client.py::test_a_throttled_write_is_sent_again_with_its_key_only",
    ),
    "Scheduling without both date and time is not described.": (
        "sandbox/publishing/test_posts.py::test_scheduling_without_a_time_is_rejected",
        "publishing/test_body.py::test_a_scheduled_post_needs_a_time",
    ),
}


def test_there_are_thirty_traps():
    assert len(TRAPS) == 30


@pytest.mark.parametrize("trap", TRAPS)
def test_every_trap_is_proved_by_tests_that_there_are(trap):
    for name in TRAPS[trap]:
        file, _, function = name.partition("::")
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, name


def test_what_closed_models_refuse_is_read():
    account: dict[str, Any] = {
        "id": "7",
        "uuid": "a",
        "name": "A",
        "provider": "a_new_network",
        "username": None,
    }
    post = read_post(
        {
            "uuid": "p",
            "status": "failed",
            "accounts": [
                {**account, "data": None, "publish_status": "failed", "errors": [{"code": 190}, "Boom"]}
            ],
            "versions": [{"account_id": 0, "is_original": True, "content": [], "options": []}],
            "scheduled_at": "2030-01-01 10:00:00",
            "something_new": {},
        }
    )
    assert [(each.provider, each.errors) for each in post.failed_accounts] == [
        ("a_new_network", ("190", "Boom"))
    ]


def test_an_empty_map_of_errors_may_be_an_empty_list():
    """PHP writes an empty map as a list."""
    found: list[Any] = []
    resolver = SimpleNamespace(problems=lambda errors: found.extend(dict(errors)) or [])
    response = {"valid": True, "errors": [], "issues": [], "warnings": []}
    _check(SimpleNamespace(call=lambda *_, **__: response), resolver, resolver, {})  # type: ignore[arg-type]
    assert found == []
