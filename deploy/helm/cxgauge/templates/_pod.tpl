{{/* The pod template of a component: (dict "root" $ "component" "worker"). */}}

{{/* `pod` and the component's own `pod` in one. */}}
{{- define "cxgauge.podValues" -}}
{{- $shared := deepCopy .root.Values.pod -}}
{{- $section := deepCopy ((get .root.Values .component).pod | default dict) -}}
{{- range list "env" "envFrom" "volumes" "volumeMounts" -}}
{{- $_ := set $section . (concat (get $shared . | default list) (get $section . | default list)) -}}
{{- end -}}
{{- toYaml (mergeOverwrite $shared $section) -}}
{{- end -}}

{{- define "cxgauge.probe" -}}
{{- $web := .web | default (dict "probe" "http" "tls" false) -}}
{{- if eq $web.probe "tcp" -}}
tcpSocket:
  port: metrics
{{- else -}}
httpGet:
  path: {{ .path }}
  port: metrics
  {{- if $web.tls }}
  scheme: HTTPS
  {{- end }}
{{- end -}}
{{- end -}}

{{/* Ports and probes: (dict "port" 9818 "startup" "/livez" "startupFailures" 60 "readiness" "/readyz" "web" nil). */}}
{{- define "cxgauge.endpoints" -}}
ports:
  - name: metrics
    containerPort: {{ .port }}
startupProbe:
  {{- include "cxgauge.probe" (dict "path" .startup "web" .web) | nindent 2 }}
  periodSeconds: 2
  failureThreshold: {{ .startupFailures }}
livenessProbe:
  {{- include "cxgauge.probe" (dict "path" "/livez" "web" .web) | nindent 2 }}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  {{- include "cxgauge.probe" (dict "path" .readiness "web" .web) | nindent 2 }}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end -}}

{{/* Also takes "grace" (seconds), "endpoints" (text) and "restartPolicy". */}}
{{- define "cxgauge.podTemplate" -}}
{{- $context := dict "root" .root "component" .component -}}
{{- $section := get .root.Values .component -}}
{{- $pod := include "cxgauge.podValues" $context | fromYaml -}}
{{- $volumes := concat (include "cxgauge.volumes" $context | fromYamlArray) ($pod.volumes | default list) -}}
{{- $env := concat (include "cxgauge.env" $context | default "[]" | fromYamlArray) ($pod.env | default list) -}}
metadata:
  labels:
    {{- include "cxgauge.selectorLabels" $context | nindent 4 }}
    {{- with mergeOverwrite (deepCopy .root.Values.labels) ($pod.labels | default dict) }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- $annotations := deepCopy ($pod.annotations | default dict) }}
  {{- if not .root.Values.existingConfigMap }}
  {{- $_ := set $annotations "checksum/config" (include "cxgauge.configData" .root | sha256sum) }}
  {{- end }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .restartPolicy }}
  restartPolicy: {{ . }}
  {{- end }}
  serviceAccountName: {{ include "cxgauge.serviceAccountName" $context }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- with .grace }}
  terminationGracePeriodSeconds: {{ . }}
  {{- end }}
  {{- with $pod.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $pod.securityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- range $key := list "nodeSelector" "tolerations" "affinity" }}
  {{- with get $pod $key }}
  {{ $key }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- if and $pod.topologySpreadConstraints .endpoints }}
  topologySpreadConstraints:
    {{- range $pod.topologySpreadConstraints }}
    {{- $selector := dict "matchLabels" (include "cxgauge.selectorLabels" $context | fromYaml) }}
    - {{ toYaml (merge (dict) . (dict "labelSelector" $selector)) | nindent 6 | trim }}
    {{- end }}
  {{- end }}
  containers:
    - name: {{ .component }}
      image: {{ include "cxgauge.image" .root }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args: {{ ternary "[topics, create]" (printf "[%s]" .component) (eq .component "topics") }}
      {{- with $env }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $pod.envFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .endpoints }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- with $section.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $pod.containerSecurityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        {{- range include "cxgauge.volumes" $context | fromYamlArray }}
        - name: {{ .name }}
          mountPath: {{ get (dict "config" "/etc/cxgauge" "kafka" "/etc/cxgauge-kafka" "web" "/etc/cxgauge-web" "tmp" "/tmp") .name }}
          {{- if ne .name "tmp" }}
          readOnly: true
          {{- end }}
        {{- end }}
        {{- if dig "state" "enabled" false $section }}
        - name: state
          mountPath: /var/lib/cxgauge
        {{- end }}
        {{- with $pod.volumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    {{- toYaml $volumes | nindent 4 }}
{{- end -}}
