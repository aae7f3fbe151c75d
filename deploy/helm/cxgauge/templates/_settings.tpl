{{/* cxgauge.toml from `config` and `kafka`, and the variables and mounts of secrets. In the value of a variable, Kubernetes reads $$ as $. */}}

{{/* A value in TOML. JSON's scalars are TOML's, and integers stay integers, which toToml of older versions of Helm does not hold. */}}
{{- define "cxgauge.toml" -}}
{{- if kindIs "map" . -}}
{ {{- range $index, $key := keys . | sortAlpha }}{{ if $index }},{{ end }} {{ toJson $key }} = {{ include "cxgauge.toml" (get $ $key) }}{{ end }} }
{{- else if kindIs "slice" . -}}
[{{ range $index, $item := . }}{{ if $index }}, {{ end }}{{ include "cxgauge.toml" $item }}{{ end }}]
{{- else -}}
{{ toJson . }}
{{- end -}}
{{- end -}}

{{- define "cxgauge.kafkaSettings" -}}
{{- $tls := .Values.kafka.tls -}}
{{- $sasl := .Values.kafka.sasl -}}
bootstrap_servers: {{ .Values.kafka.bootstrapServers | quote }}
security_protocol: {{ ternary (ternary "SASL_SSL" "SASL_PLAINTEXT" $tls.enabled) (ternary "SSL" "PLAINTEXT" $tls.enabled) (ne $sasl.mechanism "") }}
{{- with $sasl.mechanism }}
sasl_mechanism: {{ . }}
{{- end }}
{{- with $sasl.username }}
sasl_username: {{ . | quote }}
{{- end }}
{{- with $sasl.tokenProvider }}
token_provider: {{ . | quote }}
{{- end }}
{{- with $sasl.tokenOptions }}
token_options: {{ toJson . }}
{{- end }}
{{- end -}}

{{/* Tokens and hooks of the intake are variables of the intake: their files and secrets are not in the other pods. */}}
{{- define "cxgauge.settings" -}}
{{- $config := deepCopy .Values.config -}}
{{- range $section, $port := dict "worker" 9818 "exporter" 9817 "intake" 9816 -}}
{{- $_ := set $config $section (merge (dict "listen" (printf ":%d" $port)) (get $config $section | default dict)) -}}
{{- end -}}
{{- $_ := set $config "intake" (omit $config.intake "hooks" "tokens") -}}
{{- $_ := set $config "kafka" (include "cxgauge.kafkaSettings" . | fromYaml) -}}
{{- range $section, $keys := $config -}}
{{- if not (kindIs "map" $keys) }}
{{ $section }} = {{ include "cxgauge.toml" $keys }}
{{- end -}}
{{- end -}}
{{- range $section, $keys := $config -}}
{{- if kindIs "map" $keys }}
[{{ $section }}]
{{- range $key, $value := $keys }}
{{ $key }} = {{ include "cxgauge.toml" $value }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "cxgauge.configData" -}}
cxgauge.toml: |
  {{- include "cxgauge.settings" . | trim | nindent 2 }}
{{- range $name, $text := .Values.files }}
{{ $name }}: {{ $text | quote }}
{{- end }}
{{- end -}}

{{- define "cxgauge.configMapName" -}}
{{- $name := include "cxgauge.fullname" .root -}}
{{- if and (eq .component "topics") .root.Values.topics.hook -}}
{{- $name = printf "%s-topics" $name -}}
{{- end -}}
{{- default $name .root.Values.existingConfigMap -}}
{{- end -}}

{{/* The name of the Secret with a component's login to Kafka: (dict "root" $ "component" "worker" "secret" "sasl"). */}}
{{- define "cxgauge.kafkaSecret" -}}
{{- $shared := ternary .root.Values.kafka.sasl.secret .root.Values.kafka.tls.client.secret (eq .secret "sasl") -}}
{{- default $shared (get (get .root.Values .component).kafkaSecrets .secret) -}}
{{- end -}}

{{- define "cxgauge.env" -}}
{{- $values := .root.Values -}}
{{- $section := get $values .component -}}
{{- $sasl := $values.kafka.sasl -}}
{{- $tls := $values.kafka.tls -}}
{{- $login := include "cxgauge.kafkaSecret" (merge (dict "secret" "sasl") .) -}}
{{- $client := include "cxgauge.kafkaSecret" (merge (dict "secret" "client") .) -}}
{{- if eq .component "worker" }}
- name: CXGAUGE_WORKER_INSTANCE
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- if $section.state.enabled }}
- name: CXGAUGE_WORKER_STATE_DIR
  value: /var/lib/cxgauge
{{- end }}
{{- end }}
{{- if $tls.enabled }}
{{- $files := dict -}}
{{- if or $tls.ca.secret $tls.ca.configMap }}{{ $_ := set $files "CAFILE" "ca.crt" }}{{ end -}}
{{- if $client }}{{ $files = merge $files (dict "CERTFILE" "tls.crt" "KEYFILE" "tls.key") }}{{ end -}}
{{- range $name, $file := $files }}
- name: CXGAUGE_KAFKA_SSL_{{ $name }}
  value: /etc/cxgauge-kafka/{{ $file }}
{{- end }}
{{- end }}
{{- if and $sasl.mechanism $login }}
{{- $keys := dict "USERNAME" $sasl.usernameKey "PASSWORD" $sasl.passwordKey }}
{{- if eq $sasl.mechanism "OAUTHBEARER" }}
{{- $keys = dict "TOKEN_OPTIONS" $sasl.tokenOptionsKey }}
{{- else if $sasl.username }}
{{- $keys = omit $keys "USERNAME" }}
{{- end }}
{{- range $name, $key := $keys }}
- name: CXGAUGE_KAFKA_{{ ternary $name (printf "SASL_%s" $name) (eq $name "TOKEN_OPTIONS") }}
  valueFrom:
    secretKeyRef:
      name: {{ $login }}
      key: {{ $key }}
{{- end }}
{{- end }}
{{- if ($section.web | default dict).secret }}
- name: CXGAUGE_{{ upper .component }}_WEB_CONFIG
  value: /etc/cxgauge-web/{{ $section.web.key }}
{{- end }}
{{- if eq .component "intake" }}
{{- with $section.tokens.secret }}
- name: CXGAUGE_INTAKE_TOKENS
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: {{ $section.tokens.key }}
{{- end }}
{{- range $key := list "hooks" "tokens" }}
{{- with get ($values.config.intake | default dict) $key }}
- name: CXGAUGE_INTAKE_{{ upper $key }}
  value: {{ toJson . | replace "$" "$$" | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "cxgauge.volumes" -}}
{{- $values := .root.Values -}}
{{- $section := get $values .component -}}
{{- $tls := $values.kafka.tls -}}
{{- $client := include "cxgauge.kafkaSecret" (merge (dict "secret" "client") .) -}}
- name: config
  {{- if and (eq .component "intake") $section.hookSecret }}
  projected:
    defaultMode: 0440
    sources:
      - configMap:
          name: {{ include "cxgauge.configMapName" . }}
      - secret:
          name: {{ $section.hookSecret }}
  {{- else }}
  configMap:
    name: {{ include "cxgauge.configMapName" . }}
  {{- end }}
{{- if and $tls.enabled (or $tls.ca.secret $tls.ca.configMap $client) }}
- name: kafka
  projected:
    defaultMode: 0440
    sources:
      {{- range $kind := list "secret" "configMap" }}
      {{- with get $tls.ca $kind }}
      - {{ $kind }}:
          name: {{ . }}
          items:
            - key: {{ $tls.ca.key }}
              path: ca.crt
      {{- end }}
      {{- end }}
      {{- with $client }}
      - secret:
          name: {{ . }}
          items:
            - key: {{ $tls.client.certKey }}
              path: tls.crt
            - key: {{ $tls.client.keyKey }}
              path: tls.key
      {{- end }}
{{- end }}
{{- with $section.web }}
{{- if .secret }}
- name: web
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ .secret }}
      {{- with .tlsSecret }}
      - secret:
          name: {{ . }}
          items:
            {{- range list "tls.crt" "tls.key" }}
            - key: {{ . }}
              path: tls/{{ . }}
            {{- end }}
      - secret:
          name: {{ . }}
          optional: true
          items:
            - key: ca.crt
              path: tls/ca.crt
      {{- end }}
{{- end }}
{{- end }}
{{- if eq .component "worker" }}
- name: tmp
  emptyDir:
    medium: Memory
    sizeLimit: 16Mi
{{- end }}
{{- end -}}
