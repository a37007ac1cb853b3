{{/* Names, labels and images. */}}

{{- define "fachwerk.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 40 characters: the longest suffix still fits into a label. */}}
{{- define "fachwerk.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "fachwerk.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "fachwerk.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "fachwerk.selector" -}}
app.kubernetes.io/name: {{ include "fachwerk.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "fachwerk.labels" -}}
{{ include "fachwerk.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "fachwerk.serviceAccount" -}}
{{- default (ternary (include "fachwerk.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "fachwerk.image" -}}
{{- $i := .Values.image -}}
{{- $registry := default $i.registry .Values.global.imageRegistry -}}
{{- printf "%s/%s:%s" $registry $i.repository (default .Chart.AppVersion $i.tag) -}}
{{- with $i.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{- define "fachwerk.pullSecrets" -}}
{{- with concat .Values.global.imagePullSecrets .Values.image.pullSecrets | uniq }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* An address as it stands before a port: IPv6 in brackets. */}}
{{- define "fachwerk.host" -}}
{{- ternary (printf "[%s]" .) . (contains ":" .) -}}
{{- end -}}
