{{/* Names and labels. Most take (dict "root" $ "component" "worker"). */}}

{{- define "cxgauge.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 40 characters, so that names with the longest suffix have at most 63. */}}
{{- define "cxgauge.fullname" -}}
{{- $name := include "cxgauge.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* The exporter's service is named as the release, as the scrape job that rules and dashboards select. */}}
{{- define "cxgauge.service" -}}
{{- $full := include "cxgauge.fullname" .root -}}
{{- ternary $full (printf "%s-%s" $full .component) (eq .component "exporter") -}}
{{- end -}}

{{- define "cxgauge.selectorLabels" -}}
app.kubernetes.io/name: {{ include "cxgauge.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "cxgauge.labels" -}}
{{ include "cxgauge.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "cxgauge.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "cxgauge.serviceAccountName" -}}
{{- $account := (get .root.Values .component).serviceAccount -}}
{{- $default := printf "%s-%s" (include "cxgauge.fullname" .root) .component -}}
{{- default (ternary $default "default" $account.create) $account.name -}}
{{- end -}}

{{- define "cxgauge.serviceAccount" -}}
{{- $account := (get .root.Values .component).serviceAccount -}}
{{- if $account.create }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "cxgauge.serviceAccountName" . }}
  labels:
    {{- include "cxgauge.labels" . | nindent 4 }}
  {{- $annotations := merge (dict) ($account.annotations | default dict) (.annotations | default dict) }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}
{{- end -}}

{{- define "cxgauge.disruptionBudget" -}}
{{- $budget := (get .root.Values .component).disruptionBudget -}}
{{- if $budget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "cxgauge.fullname" .root }}-{{ .component }}
  labels:
    {{- include "cxgauge.labels" . | nindent 4 }}
spec:
  {{- /* A pod that is not ready may always be evicted, so that an outage of Kafka does not block the drain of a node. */}}
  unhealthyPodEvictionPolicy: AlwaysAllow
  {{- if hasKey $budget "minAvailable" }}
  minAvailable: {{ $budget.minAvailable }}
  {{- else }}
  maxUnavailable: {{ $budget.maxUnavailable }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "cxgauge.selectorLabels" . | nindent 6 }}
{{- end }}
{{- end -}}
