{{/* The annotations of what belongs to the migration. The argument is the weight. */}}
{{- define "fachwerk.hook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
