-- What somebody who knows SQL and these events writes in an afternoon. `events` has ID, time in ms, type and data as JSON.
CREATE VIEW log AS SELECT DISTINCT ON (id) * FROM events;
CREATE VIEW recent AS SELECT * FROM log WHERE time > since();
CREATE VIEW answers AS SELECT DISTINCT ON (data->>'feedback_id') time, data, data->>'survey' AS survey, (data->>'score')::INT AS score
    FROM log WHERE type = 'cx.feedback.submitted.v1' AND data->>'feedback_id' NOT IN
    (SELECT data->>'feedback_id' FROM log WHERE type = 'cx.feedback.deleted.v1')
    ORDER BY data->>'feedback_id', coalesce((data->>'revision')::INT, 0) DESC, time DESC;
CREATE VIEW scores AS SELECT * FROM answers WHERE time > since() AND score IS NOT NULL;
CREATE VIEW offers AS SELECT data->>'feedback_id' AS id, data->>'survey' AS survey FROM recent WHERE type = 'cx.feedback.offered.v1';
CREATE VIEW tickets AS SELECT data->>'ticket_id' AS id, min(time) FILTER (type = 'cx.ticket.created.v1') AS created,
    min(time) FILTER (type = 'cx.ticket.message.v1' AND data->>'author' = 'agent' AND coalesce(data->>'public', 'true') = 'true') AS replied,
    min(time) FILTER (data->>'status' IN ('solved', 'closed')) AS solved,
    arg_max(data->>'status', time) IN ('solved', 'closed') AS resolved
    FROM log WHERE type LIKE 'cx.ticket.%' GROUP BY 1 HAVING count(*) FILTER (type IN ('cx.ticket.merged.v1', 'cx.ticket.deleted.v1')) = 0;
CREATE VIEW replies AS SELECT * FROM tickets WHERE replied > since();
CREATE VIEW customers AS SELECT data->>'customer_id' AS id, min(time) FILTER (type LIKE '%activated%') AS joined,
    max(time) FILTER (type LIKE '%churned%') AS left_at FROM log WHERE type LIKE 'cx.customer.%' GROUP BY 1;
CREATE VIEW figures AS SELECT 'cx_nps_score' AS name, 100.0 * (count(*) FILTER (score >= 9) - count(*) FILTER (score <= 6)) / count(*) AS value FROM scores WHERE survey = 'nps'
    UNION ALL SELECT 'cx_csat_ratio', avg((score >= 4)::INT) FROM scores WHERE survey = 'csat'
    UNION ALL SELECT 'cx_ces_easy_ratio', avg((score <= 2)::INT) FROM scores WHERE survey = 'ces'
    UNION ALL SELECT 'cx_survey_response_ratio', avg((id IN (SELECT data->>'feedback_id' FROM answers WHERE score IS NOT NULL))::INT) FROM offers WHERE survey = 'nps'
    UNION ALL SELECT 'cx_created_tickets', count(*) FROM tickets WHERE created > since()
    UNION ALL SELECT 'cx_first_response_mean_seconds', avg(replied - created) / 1000 FROM replies
    UNION ALL SELECT 'cx_first_response_within_target_ratio', avg((replied - created <= 3600000)::INT) FROM replies
    UNION ALL SELECT 'cx_resolution_mean_seconds', avg(solved - created) / 1000 FROM tickets WHERE solved > since()
    UNION ALL SELECT 'cx_open_tickets', count(*) FROM tickets WHERE created IS NOT NULL AND NOT coalesce(resolved, FALSE)
    UNION ALL SELECT 'cx_waiting_tickets', count(*) FROM tickets WHERE created IS NOT NULL AND NOT coalesce(resolved, FALSE) AND replied IS NULL
    UNION ALL SELECT 'cx_handle_mean_seconds', avg((data->>'talk_s')::DOUBLE + (data->>'hold_s')::DOUBLE + (data->>'wrap_s')::DOUBLE) FROM recent WHERE type LIKE '%handled%' AND coalesce(data->>'outcome', 'handled') = 'handled'
    UNION ALL SELECT 'cx_active_customers', count(*) FROM customers WHERE joined IS NOT NULL AND left_at IS NULL
    UNION ALL SELECT 'cx_churn_ratio', count(*) FILTER (left_at > since()) / count(*) FROM customers WHERE joined <= since() AND (left_at IS NULL OR left_at > since())
    UNION ALL SELECT 'cx_revenue', sum(CASE WHEN type LIKE '%refunded%' THEN -1 ELSE 1 END * (data->>'amount_minor')::BIGINT) / 100 FROM recent WHERE type LIKE 'cx.purchase.%' AND data->>'currency' = 'EUR'
