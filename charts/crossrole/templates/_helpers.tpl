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

{{/* A duration in seconds. */}}
{{- define "crossrole.seconds" -}}
{{- $start := toDate "2006-01-02" "2000-01-01" -}}
{{ sub (mustDateModify . $start | unixEpoch | int64) ($start | unixEpoch | int64) }}
{{- end }}

{{/* What the program would refuse, in its own words: said here, no Pod is started in vain. */}}
{{- define "crossrole.checkDurations" -}}
{{- $checked := list (list "operator.resyncInterval" .Values.operator.resyncInterval 86400 "24h, such as 10m") (list "operator.propagationDelay" .Values.operator.propagationDelay 3600 "1h, such as 2m") -}}
{{- with .Values.leaderElection -}}
{{- if .enabled -}}
{{- range $name := list "leaseDuration" "renewDeadline" "retryPeriod" -}}
{{- $checked = append $checked (list (printf "leaderElection.%s" $name) (get $.Values.leaderElection $name) 3600 "1h, such as 15s") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $checked -}}
{{- $seconds := include "crossrole.seconds" (index . 1) | int64 -}}
{{- if or (lt $seconds 1) (gt $seconds (index . 2 | int64)) -}}
{{- fail (printf "%s: write a duration from 1s to %s" (index . 0) (index . 3)) -}}
{{- end -}}
{{- end -}}
{{- with .Values.leaderElection -}}
{{- if .enabled -}}
{{- $lease := include "crossrole.seconds" .leaseDuration | int64 -}}
{{- $deadline := include "crossrole.seconds" .renewDeadline | int64 -}}
{{- $retry := include "crossrole.seconds" .retryPeriod | int64 -}}
{{- if le $lease $deadline -}}
{{- fail (printf "leaderElection: the lease duration (%s) must be longer than the renew deadline (%s): in between, what the old holder has under way ends" .leaseDuration .renewDeadline) -}}
{{- end -}}
{{- if le (mul $deadline 10) (mul $retry 12) -}}
{{- fail (printf "leaderElection: the renew deadline (%s) must be longer than 1.2 times the retry period (%s): a renewal that fails must be tried again in time" .renewDeadline .retryPeriod) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
