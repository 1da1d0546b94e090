{{/* Every name here; of two releases in one cluster each has its own. */}}
{{- define "crossrole.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 53 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 53 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "crossrole.serviceAccountName" -}}
{{- if or .Values.serviceAccount.create .Values.serviceAccount.name -}}
{{ .Values.serviceAccount.name | default (include "crossrole.name" .) }}
{{- else -}}
{{ fail "serviceAccount.create is false: write the name of the ServiceAccount that is there into serviceAccount.name" }}
{{- end -}}
{{- end }}

{{/* What never changes: a Deployment's selector is immutable. */}}
{{- define "crossrole.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "crossrole.labels" -}}
{{ include "crossrole.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* One at most without a lease: two at once would work against each other. */}}
{{- define "crossrole.replicas" -}}
{{ .Values.leaderElection.enabled | ternary .Values.replicas (min 1 .Values.replicas) }}
{{- end }}

{{/* Empty: it listens nowhere. */}}
{{- define "crossrole.metricsAddress" -}}
{{- with .Values.metrics -}}
{{- if .enabled -}}
{{ contains ":" .bindAddress | ternary (printf "[%s]" .bindAddress) .bindAddress }}:{{ .port }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "crossrole.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}
