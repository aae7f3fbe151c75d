"""A description of each setting, for the generated reference."""

DESCRIPTIONS: dict[str, str] = {
    "kafka.bootstrap_servers": "Brokers to connect to first, as `host:port`, separated by commas",
    "kafka.security_protocol": "`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`",
    "kafka.sasl_mechanism": "`PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512` or `OAUTHBEARER`",
    "kafka.sasl_username": "User name for SASL",
    "kafka.sasl_password": "Password for SASL. It is never printed",
    "kafka.token_provider": "Token provider for `OAUTHBEARER`: the name of an entry point of the group `cxgauge.kafka_token_providers`",
    "kafka.token_options": "Options of the token provider. Their values are never printed",
    "kafka.ssl_cafile": "File with the certificates of trusted authorities. Without it those of the system are trusted",
    "kafka.ssl_certfile": "File with the client's certificate",
    "kafka.ssl_keyfile": "File with the client's private key",
    "topics.feedback": "Input topic of survey offers and answers",
    "topics.tickets": "Input topic of tickets and handled interactions",
    "topics.customers": "Input topic of customers, purchases and referrals",
    "topics.deadletter": "Topic of records that could not be processed",
    "topics.state_prefix": "Prefix of the state, panes and clock topics. Under a new prefix the inputs are processed again",
    "topics.partitions": "Number of partitions of each input, state and panes topic. Fixed for the life of the state",
    "topics.replication_factor": "Number of replicas of each topic",
    "topics.min_insync_replicas": "Number of replicas that must have a record before it is acknowledged",
    "topics.retention": "Retention of the input topics, and of erasures. `-1` is for ever, which a replay of old data needs",
    "worker.group": "Consumer group of the workers, and prefix of their transactional ids",
    "worker.instance": "Stable name of this worker, for static membership. Without it membership is dynamic",
    "worker.flush_interval": "Longest time between two flushes of changes. A worker that has little to do flushes at once",
    "worker.listen": "Address of the worker's `/metrics`, `/livez` and `/readyz`",
    "worker.session_timeout": "Time after which a silent worker loses its partitions: 30 s with an instance, else 10 s",
    "worker.state_dir": "Folder in which workers keep entities on local disk instead of in memory: [State on disk](state.md)",
    "exporter.listen": "Address of `/metrics`, health endpoints and the live page",
    "exporter.hosts": "Names by which a browser may request the exporter. On loopback, `localhost` and the loopback addresses are always "
    "allowed and no others. Elsewhere an empty list allows all names",
    "exporter.refresh_interval": "Longest time between two refreshes of the exposition. After a change it is refreshed at once, if that takes little "
    "time",
    "exporter.clock": "`wall`: windows end at the present. `event`: at the newest accepted event, for replays",
    "exporter.max_series": "Limit on series with the label `view`. Beyond it the smallest label sets are folded into `__other__`",
    "exporter.stale_after": "Time for which incomplete metrics keep their last values before they are removed",
    "exporter.web_config": "File with TLS and passwords, in the format of Prometheus' exporter-toolkit",
    "exporter.alertmanager": "Address of the Alertmanager whose firing alerts the live page shows",
    "exporter.ticket_url": "Address of a ticket's page in the help desk, with `{id}` for its ID. [Lists of tickets](lists.md) link there",
    "exporter.runbook_base": "Address of a copy of `deploy/runbooks`, such as `https://git.example.org/cx/runbooks`. The links of alerts begin "
    "with it, in Alertmanager as on the live page",
    "exporter.folders": "Folders of data on the exporter's machine, such as that of a broker. The space on their disks is served as "
    "`cxgauge_disk_available_bytes`. `cxgauge up` adds its own",
    "comments.keep": "Whether workers keep the comments of answers in the topic `cx.comments`, for users of the exporter: "
    "[comments.md](comments.md). Comments are personal data",
    "intake.listen": "Address of the intake: events over HTTP, webhooks, `/metrics` and health endpoints. Beyond loopback it needs "
    "`intake.tokens`, or passwords or client certificates in `intake.web_config`",
    "intake.hosts": "Names by which the intake may be requested, as `exporter.hosts`",
    "intake.web_config": "File with TLS and passwords, as `exporter.web_config`",
    "intake.tokens": "Bearer tokens by source, each a table of `sha256`, and optionally of `topics` and `types` that it may send: "
    "[intake.md](intake.md#tokens). `cxgauge intake token` makes one",
    "intake.hooks": "Webhooks by name, each a table of `mapping`, `verify` and the keys of its scheme: [intake.md](intake.md#webhooks)",
    "metrics.windows": "Lengths of the rolling windows, which are also the values of the label `window`",
    "metrics.labels": "Keys of events' `labels` that are dimensions. They must not contain personal data",
    "metrics.views": "Breakdowns: the name of each view, with its dimensions",
    "metrics.max_values": "Number of values of a dimension that are exposed. The others are folded into `__other__`",
    "metrics.top": "Number of reason codes that are exposed for each window and label set. The others become `__other__`",
    "metrics.previous": "Whether scores, ratios, means, their sample sizes and created tickets are also exposed for the window before each window "
    "(`cx_nps_score_previous` and others)",
    "queue.target": "Time in the queue up to which a handled interaction is within the service level",
    "frt.target": "Time within which a first response is due",
    "frt.targets": "Targets by `channel/priority`, `channel` or `*/priority`, as a duration or a table of `duration` and `hours`",
    "calendars": "Business calendars, each with name, timezone, hours, holidays (by day, file or country), channels and teams",
    "clv.margin_rate": "Share of revenue that is margin, for customers without a rate of their own",
    "logs.format": "Form of log entries on standard error: `text`, or `json` with one object a line",
    "logs.level": "Lowest level of log entries: `debug`, `info`, `warning` or `error`. Those of libraries begin at `warning`",
    "targets": "Targets by figure, as a number or a duration: [targets-and-notes.md](targets-and-notes.md#targets)",
    "benchmarks": "Benchmarks by figure, each a table of `value`, `source` and `year`: "
    "[targets-and-notes.md](targets-and-notes.md#benchmarks)",
}
CHANGES_FIGURES = frozenset(
    {
        "metrics.windows",
        "metrics.labels",
        "metrics.views",
        "queue.target",
        "frt.target",
        "frt.targets",
        "calendars",
        "clv.margin_rate",
    }
)
"""Settings that the config hash covers: workers and exporters must agree on them, and a change rebuilds the panes."""
