{{/* The pod of a workload. Arguments: root, workload. */}}
{{- define "fachwerk.pod" -}}
{{- $root := .root -}}
{{- $w := .workload -}}
{{- $v := $root.Values -}}
{{- $listeners := list -}}
{{- range (include "fachwerk.listeners" $root | fromJson).listeners -}}
{{- if and .on (has .part $w.parts) }}{{ $listeners = append $listeners . }}{{ end -}}
{{- end -}}
metadata:
  labels:
    {{- include "fachwerk.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ $w.component }}
    fachwerk-serves: "yes"
    {{- with $w.role.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    {{- /* How many processes there are is no reason to begin anew. */}}
    checksum/config: {{ regexReplaceAll "(?m)^replicas: .*$" (include "fachwerk.config" $root) "" | sha256sum }}
    {{- with $w.role.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "fachwerk.pod.common" (dict "root" $root "serviceAccount" (include "fachwerk.serviceAccount" $root)) | nindent 2 }}
  terminationGracePeriodSeconds: {{ add (int $v.withdrawSeconds) (max 60 (int $v.drainSeconds)) 20 }}
  {{- if include "fachwerk.issuerInside" $root }}
  hostAliases:
    - ip: 127.0.0.1
      hostnames: [{{ $v.hosts.issuer | quote }}]
  {{- end }}
  {{- with $w.role.topologySpread }}
  topologySpreadConstraints:
    {{- range . }}
    - {{ toYaml . | nindent 6 | trim }}
      labelSelector:
        matchLabels:
          {{- include "fachwerk.selector" $root | nindent 10 }}
          app.kubernetes.io/component: {{ $w.component }}
    {{- end }}
  {{- end }}
  {{- with include "fachwerk.pod.scheduling" $w.role | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  containers:
    - name: fachwerk
      image: {{ include "fachwerk.image" $root | quote }}
      imagePullPolicy: {{ $v.image.pullPolicy }}
      args: [serve, {{ join ", " $w.parts }}, --config, /etc/fachwerk/fachwerk.yaml]
      securityContext:
        {{- include "fachwerk.containerSecurity" $root | nindent 8 }}
      {{- with include "fachwerk.goMemory" $w.role.resources }}
      env:
        # The collector works harder before the node ends the process.
        - {name: GOMEMLIMIT, value: {{ . }}}
      {{- end }}
      ports:
        - {name: ops, containerPort: 9090}
        {{- range $listeners }}
        - {name: {{ .key }}, containerPort: {{ .port }}}
        {{- if .proxied }}
        - {name: px-{{ .key }}, containerPort: {{ .proxy }}}
        {{- end }}
        {{- end }}
      startupProbe:
        httpGet: {path: /started, port: ops}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 120
      readinessProbe:
        httpGet: {path: /ready, port: ops}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 3
      livenessProbe:
        httpGet: {path: /live, port: ops}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      {{- /* What a node must have left on its disk: the spool of those that take messages and files. */}}
      {{- $resources := deepCopy $w.role.resources }}
      {{- if or (has "mail" $w.parts) (has "dav" $w.parts) }}
      {{- $resources = mergeOverwrite (dict "requests" (dict "ephemeral-storage" $v.spool.sizeLimit)) $resources }}
      {{- end }}
      resources:
        {{- toYaml $resources | nindent 8 }}
      volumeMounts:
        {{- include "fachwerk.mounts" (dict "root" $root "parts" $w.parts "tls" true "volumes" true) | nindent 8 }}
  volumes:
    {{- include "fachwerk.podVolumes" (dict "root" $root "parts" $w.parts "tls" true "config" (include "fachwerk.fullname" $root)) | nindent 4 }}
{{- end -}}

{{/* Nine tenths of a memory limit in Mi or Gi, as Go's runtime reads it. The argument are
the resources. */}}
{{- define "fachwerk.goMemory" -}}
{{- $limit := dig "limits" "memory" "" . | toString -}}
{{- $number := regexFind "^[0-9]+" $limit | int64 -}}
{{- if regexMatch "^[0-9]+[MG]i$" $limit -}}
{{- div (mul $number (ternary 1024 1 (hasSuffix "Gi" $limit)) 9) 10 -}}MiB
{{- end -}}
{{- end -}}

{{/* On which nodes a pod may run. The argument is a role, or migration. */}}
{{- define "fachwerk.pod.scheduling" -}}
{{- range $key := list "nodeSelector" "tolerations" "affinity" }}
{{- with index $ $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* What every pod of ours has. Where the provider is asked inside the pod, port 443 is
for everybody in the pod's own network namespace, which "restricted" allows: no
capability is needed. Arguments: root, serviceAccount. */}}
{{- define "fachwerk.pod.common" -}}
serviceAccountName: {{ .serviceAccount }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- include "fachwerk.pullSecrets" .root }}
securityContext:
  runAsNonRoot: true
  seccompProfile: {type: RuntimeDefault}
  {{- range $key := list "runAsUser" "runAsGroup" "fsGroup" }}
  {{- $value := index $.root.Values.podSecurity $key }}
  {{- if not (kindIs "invalid" $value) }}
  {{ $key }}: {{ $value | int64 }}
  {{- end }}
  {{- end }}
  fsGroupChangePolicy: OnRootMismatch
  {{- if include "fachwerk.issuerInside" .root }}
  sysctls:
    - {name: net.ipv4.ip_unprivileged_port_start, value: "0"}
  {{- end }}
{{- end -}}

{{- define "fachwerk.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Arguments: root, parts, tls, volumes. */}}
{{- define "fachwerk.mounts" -}}
- {name: config, mountPath: /etc/fachwerk/fachwerk.yaml, subPath: fachwerk.yaml, readOnly: true}
{{- if (include "fachwerk.podSecrets" . | fromJson).secrets }}
- {name: secrets, mountPath: /etc/fachwerk/secrets, readOnly: true}
{{- end }}
{{- if include "fachwerk.customCA" .root }}
- {name: ca, mountPath: /etc/fachwerk/ca, readOnly: true}
{{- end }}
{{- if .tls }}
{{- range .root.Values.certificates }}
- {name: tls-{{ .name }}, mountPath: /etc/fachwerk/tls/{{ .name }}, readOnly: true}
{{- end }}
{{- end }}
- {name: spool, mountPath: /var/spool/fachwerk}
{{- if .volumes }}
{{- if include "fachwerk.embedded" .root }}
- {name: data, mountPath: /srv/fachwerk/data}
{{- end }}
{{- if eq .root.Values.keys.type "directory" }}
- {name: keys, mountPath: /srv/fachwerk/keys}
{{- end }}
{{- end }}
{{- end -}}

{{/* Volumes but the persistent ones. Arguments: root, parts, tls, config. */}}
{{- define "fachwerk.podVolumes" -}}
- name: config
  configMap: {name: {{ .config }}}
{{- with (include "fachwerk.podSecrets" . | fromJson).secrets }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range . }}
      - secret:
          name: {{ .secret | quote }}
          items: [{key: {{ .key | quote }}, path: {{ .path }}}]
      {{- end }}
{{- end }}
{{- with .root.Values.customCA }}
{{- if .existingConfigMap.name }}
- name: ca
  configMap:
    name: {{ .existingConfigMap.name }}
    items: [{key: {{ .existingConfigMap.key | quote }}, path: ca.crt}]
{{- else if .existingSecret.name }}
- name: ca
  secret:
    secretName: {{ .existingSecret.name }}
    defaultMode: 0440
    items: [{key: {{ .existingSecret.key | quote }}, path: ca.crt}]
{{- end }}
{{- end }}
{{- if .tls }}
{{- range .root.Values.certificates }}
- name: tls-{{ .name }}
  secret:
    secretName: {{ include "fachwerk.certificateSecret" (dict "root" $.root "certificate" .) }}
    defaultMode: 0440
{{- end }}
{{- end }}
- name: spool
  emptyDir: {sizeLimit: {{ .root.Values.spool.sizeLimit }}}
{{- end -}}
