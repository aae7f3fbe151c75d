{{/* Values that do not fit together. values.schema.json checks the values by themselves. */}}
{{- define "cxgauge.checks" -}}
{{- $sasl := .Values.kafka.sasl -}}
{{- $tls := .Values.kafka.tls -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*)$" (include "cxgauge.fullname" .)) -}}
{{- fail (printf "%q is no name of a Service, which begins with a letter and has no dots: set fullnameOverride" (include "cxgauge.fullname" .)) -}}
{{- end -}}
{{- $servers := .Values.kafka.bootstrapServers -}}
{{- if not (regexMatch "^\\s*[^\\s,@/]+:[0-9]{1,5}\\s*(,\\s*[^\\s,@/]+:[0-9]{1,5}\\s*)*$" $servers) -}}
{{- fail (printf "kafka.bootstrapServers: got %q, allowed is host:port, several with commas" $servers) -}}
{{- end -}}
{{- if not (regexMatch "^(sha256:[0-9a-f]{64})?$" .Values.image.digest) -}}
{{- fail (printf "image.digest: got %q, allowed is sha256: with 64 hexadecimal digits" .Values.image.digest) -}}
{{- end -}}
{{- if not (regexMatch "^(https?://\\S+)?$" .Values.rules.runbookBase) -}}
{{- fail (printf "rules.runbookBase: got %q, allowed is a URL such as https://git.example.org/cxgauge/deploy/runbooks" .Values.rules.runbookBase) -}}
{{- end -}}
{{- if hasKey .Values.config "kafka" -}}
{{- fail "config.kafka: set kafka.bootstrapServers, kafka.tls and kafka.sasl in place of it" -}}
{{- end -}}
{{- if and $tls.ca.secret $tls.ca.configMap -}}
{{- fail "kafka.tls.ca: set secret or configMap, not both" -}}
{{- end -}}
{{- $client := $tls.client.secret -}}
{{- range $component := list "worker" "exporter" "intake" "topics" -}}
{{- $client = default $client (get $.Values $component).kafkaSecrets.client -}}
{{- end -}}
{{- if and (not $tls.enabled) (or $tls.ca.secret $tls.ca.configMap $client) -}}
{{- fail "kafka.tls.enabled: got false, but certificates are set" -}}
{{- end -}}
{{- if and $sasl.secret (not $sasl.mechanism) -}}
{{- fail "kafka.sasl.mechanism: missing, kafka.sasl.secret needs one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER" -}}
{{- end -}}
{{- if eq $sasl.mechanism "OAUTHBEARER" -}}
{{- if not $sasl.tokenProvider -}}
{{- fail "kafka.sasl.tokenProvider: missing, the mechanism OAUTHBEARER needs it" -}}
{{- end -}}
{{- if and $sasl.tokenOptions $sasl.tokenOptionsKey -}}
{{- fail "kafka.sasl: set tokenOptions or tokenOptionsKey, not both" -}}
{{- end -}}
{{- if ne (empty $sasl.secret) (empty $sasl.tokenOptionsKey) -}}
{{- fail "kafka.sasl: with the mechanism OAUTHBEARER, secret and tokenOptionsKey belong together" -}}
{{- end -}}
{{- else if $sasl.mechanism -}}
{{- range $component := list "worker" "exporter" "intake" "topics" -}}
{{- if and (dig "enabled" true (get $.Values $component)) (not (include "cxgauge.kafkaSecret" (dict "root" $ "component" $component "secret" "sasl"))) -}}
{{- fail (printf "kafka.sasl.secret: missing, the mechanism %s needs it (or %s.kafkaSecrets.sasl)" $sasl.mechanism $component) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $section := list "worker" "exporter" "intake" -}}
{{- range $key := list "listen" "web_config" "instance" -}}
{{- if hasKey (get $.Values.config $section | default dict) $key -}}
{{- fail (printf "config.%s.%s: the chart sets it%s" $section $key (ternary (printf " from %s.web" $section) "" (eq $key "web_config"))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $section := list "exporter" "intake" -}}
{{- if (get $.Values.config $section | default dict).hosts -}}
{{- fail (printf "config.%s.hosts: leave it empty, because probes and Prometheus request pods by their address" $section) -}}
{{- end -}}
{{- end -}}
{{- $mounts := concat (.Values.pod.volumeMounts | default list) ((.Values.worker.pod | default dict).volumeMounts | default list) -}}
{{- if (.Values.config.worker | default dict).state_dir -}}
{{- if .Values.worker.state.enabled -}}
{{- fail "config.worker.state_dir: leave it out, worker.state.enabled sets it" -}}
{{- else if not $mounts -}}
{{- fail "config.worker.state_dir: nothing is mounted there. Set worker.state.enabled in place of it, or volumes and volumeMounts of worker.pod" -}}
{{- end -}}
{{- end -}}
{{- range $mount := ternary $mounts list .Values.worker.state.enabled -}}
{{- if or (eq $mount.name "state") (eq $mount.mountPath "/var/lib/cxgauge") -}}
{{- fail "worker.state.enabled: it has the volume state at /var/lib/cxgauge, which pod.volumeMounts or worker.pod.volumeMounts have, too" -}}
{{- end -}}
{{- end -}}
{{- if not (regexMatch "^[1-9][0-9]*(\\.[0-9]+)?([kKMGTPE]i?)?$" .Values.worker.state.size) -}}
{{- fail (printf "worker.state.size: got %q, allowed is a quantity such as 10Gi" .Values.worker.state.size) -}}
{{- end -}}
{{- if hasKey .Values.files "cxgauge.toml" -}}
{{- fail "files: cxgauge.toml is made from config and kafka" -}}
{{- end -}}
{{- $partitions := dig "topics" "partitions" 12 .Values.config | int -}}
{{- if and (not .Values.existingConfigMap) (gt (int .Values.worker.replicas) $partitions) -}}
{{- fail (printf "worker.replicas: got %d, allowed is at most config.topics.partitions (%d), because a worker without partitions never becomes ready" (int .Values.worker.replicas) $partitions) -}}
{{- end -}}
{{- range $component := list "exporter" "intake" -}}
{{- $web := (get $.Values $component).web -}}
{{- if and (not $web.secret) (or $web.tls $web.tlsSecret (ne $web.probe "http")) -}}
{{- fail (printf "%s.web.secret: missing, the other values of %s.web need it" $component $component) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.intake.enabled (not .Values.existingConfigMap) -}}
{{- $config := .Values.config.intake | default dict -}}
{{- if not (or .Values.intake.tokens.secret .Values.intake.web.secret $config.tokens) -}}
{{- fail "intake.tokens.secret: missing. An intake that is reachable needs tokens, or intake.web with passwords or client certificates" -}}
{{- end -}}
{{- if and .Values.intake.tokens.secret $config.tokens -}}
{{- fail "intake.tokens.secret and config.intake.tokens: set one of them" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.intake.ingress.enabled (not .Values.intake.ingress.hosts) -}}
{{- fail "intake.ingress.hosts: empty, an Ingress needs at least one name" -}}
{{- end -}}
{{- $known := list -}}
{{- range (.Files.Get "rules/thresholds.yml" | fromYaml).groups -}}
{{- range .rules -}}
{{- $known = append $known (trimPrefix "cx:threshold:" .record) -}}
{{- end -}}
{{- end -}}
{{- range $name, $_ := .Values.rules.thresholds -}}
{{- if not (has $name $known) -}}
{{- fail (printf "rules.thresholds.%s: unknown, allowed are %s" $name (join ", " $known)) -}}
{{- end -}}
{{- end -}}
{{- with .Values.rules.thresholds.false_alarms_a_month -}}
{{- if gt (float64 .) 5.0 -}}
{{- fail (printf "rules.thresholds.false_alarms_a_month: got %v, allowed is at most 5, above which not all rules fire earlier" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
