{{/* The program's configuration. Secrets are named by file, never written here. */}}
{{- define "fachwerk.config" -}}
{{- $listeners := (include "fachwerk.listeners" . | fromJson).listeners -}}
{{- $sites := (include "fachwerk.sites" . | fromJson).sites -}}
{{- $certificates := list -}}
{{- range .Values.certificates -}}
{{- $dir := printf "/etc/fachwerk/tls/%s" (.name | default "") -}}
{{- $certificates = append $certificates (dict "cert" (printf "%s/tls.crt" $dir) "key" (printf "%s/tls.key" $dir)) -}}
{{- end -}}
listen:
  {{- range $listeners }}
  {{ .key }}: {{ ternary (printf ":%d" (int .port)) "" .on | quote }}
  {{- end }}
  ops: ":9090"
  {{- $proxied := list }}
  {{- range $listeners }}{{ if and .on .proxied }}{{ $proxied = append $proxied . }}{{ end }}{{ end }}
  {{- with $proxied }}
  proxy:
    {{- range . }}
    {{ .key }}: {{ printf ":%d" (int .proxy) | quote }}
    {{- end }}
    trusted: {{ toJson $.Values.proxyProtocol.trusted }}
  {{- end }}
tls:
  {{- with first $certificates }}
  cert: {{ .cert | quote }}
  key: {{ .key | quote }}
  {{- end }}
  {{- with rest $certificates }}
  certificates:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if include "fachwerk.customCA" . }}
  ca: /etc/fachwerk/ca/ca.crt
  {{- end }}
  web: {{ .Values.webTLS }}
public:
  name: {{ .Values.hosts.mail | quote }}
  {{- if .Values.roles.portal.enabled }}
  portal: {{ printf "https://%s" .Values.hosts.portal | quote }}
  {{- end }}
  {{- if .Values.roles.dav.enabled }}
  http: {{ printf "https://%s" .Values.hosts.dav | quote }}
  {{- end }}
  ports:
    {{- range $listeners }}
    {{- if has .key (list "imap" "imaps" "submission" "submissions") }}
    {{- $service := index $.Values.services .service }}
    {{- $port := ternary (index $service.nodePorts .key | default .outside) .outside (eq $service.type "NodePort") }}
    {{ .key }}: {{ index $.Values.publicPorts .key | default $port | int }}
    {{- end }}
    {{- end }}
sites:
  {{- range $i, $site := $sites }}
  - name: {{ $site.name | quote }}
    operator: {{ $site.operator | quote }}
    country: {{ $site.country | quote }}
    place: {{ $site.place | quote }}
    networks: {{ toJson $site.networks }}
    {{- with $site.standbys }}
    standbys: {{ toJson . }}
    {{- end }}
    {{- with $site.database.durability }}
    durability: {{ . }}
    {{- end }}
    metadata: {{- include "fachwerk.config.database" (dict "index" $i "site" $site) | nindent 6 }}
    blobs: {{- include "fachwerk.config.objects" (dict "index" $i "site" $site) | nindent 6 }}
  {{- end }}
directory: {{ default (dig "name" "" (first $sites | default dict)) .Values.directory | quote }}
replicas: {{ include "fachwerk.processes" . }}
{{- with .Values.timeZone }}
time_zone: {{ . | quote }}
{{- end }}
{{- with .Values.location }}
{{- if or .every .installation }}
location:
  {{- with .every }}
  every: {{ . }}
  {{- end }}
  {{- with .installation }}
  installation: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end }}
keys: {{- include "fachwerk.config.keys" . | nindent 2 }}
spool:
  dir: /var/spool/fachwerk
  limit: {{ .Values.spool.sizeLimit | quote }}
oidc:
  embedded: {{ .Values.oidc.embedded }}
  issuer: {{ ternary (printf "https://%s" .Values.hosts.issuer) .Values.oidc.connection.issuer .Values.oidc.embedded | quote }}
  client_id: {{ .Values.oidc.auth.clientId | quote }}
  {{- if .Values.oidc.auth.existingSecret.name }}
  client_secret_file: /etc/fachwerk/secrets/oidc-client
  {{- end }}
  audience: {{ .Values.oidc.audience | quote }}
  {{- range $key := list "groupsClaim" "operatorGroup" "operatorScope" "adminGroup" "privacyGroup" }}
  {{- with index $.Values.oidc $key }}
  {{ snakecase $key }}: {{ . | quote }}
  {{- end }}
  {{- end }}
  {{- with .Values.oidc.internalNetworks }}
  internal_networks: {{ toJson . }}
  {{- end }}
  {{- with .Values.oidc.scopes }}
  scopes:
    {{- range $key, $name := . }}
    {{ snakecase $key }}: {{ $name | quote }}
    {{- end }}
  {{- end }}
smtp:
  relays: {{ toJson .Values.smtp.relays }}
  postmaster: {{ .Values.smtp.postmaster | quote }}
  {{- with .Values.smarthost }}
  {{- if .enabled }}
  smarthost:
    address: {{ printf "%s:%d" (include "fachwerk.host" .connection.host) (int .connection.port) | quote }}
    tls: {{ .connection.tls }}
    {{- if .auth.username }}
    username: {{ .auth.username | quote }}
    password_file: /etc/fachwerk/secrets/smarthost
    {{- end }}
  {{- end }}
  {{- end }}
lmtp:
  trusted: {{ toJson .Values.lmtp.trusted }}
  quota_temporary: {{ .Values.lmtp.quotaTemporary }}
http:
  proxies: {{ toJson .Values.trustedProxies }}
{{- with .Values.blobs }}
blobs:
  {{- toYaml . | nindent 2 }}
{{- end }}
limits:
  withdraw: {{ printf "%ds" (int .Values.withdrawSeconds) }}
  drain: {{ printf "%ds" (int .Values.drainSeconds) }}
  {{- with .Values.limits }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.quota }}
quota:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.queue }}
queue:
  {{- toYaml . | nindent 2 }}
{{- end }}
log:
  {{- toYaml .Values.log | nindent 2 }}
{{- end -}}

{{/* Arguments: index, site. */}}
{{- define "fachwerk.config.database" -}}
{{- $d := .site.database -}}
{{- if eq $d.type "sqlite" -}}
dsn: {{ printf "sqlite:/srv/fachwerk/data/%s/metadata.db" .site.name | quote }}
{{- else -}}
{{- $c := $d.connection -}}
{{- $from := printf "postgres://%s@" $d.auth.username -}}
{{- $to := printf "%s?sslmode=%s" $c.database $c.sslMode -}}
dsn: {{ printf "%s%s:%d/%s" $from (include "fachwerk.host" $c.host) (int $c.port) $to | quote }}
{{- if $c.direct.host }}
direct_dsn: {{ printf "%s%s:%d/%s" $from (include "fachwerk.host" $c.direct.host) (int $c.direct.port) $to | quote }}
{{- end }}
password_file: {{ printf "/etc/fachwerk/secrets/site-%d-database" .index }}
{{- with $d.systemIdentifier }}
system_identifier: {{ . | quote }}
{{- end }}
{{- with $d.certificateKeys }}
certificate_keys: {{ toJson . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Arguments: index, site. */}}
{{- define "fachwerk.config.objects" -}}
{{- $o := .site.objectStore -}}
{{- if eq $o.type "directory" -}}
url: {{ printf "dir:/srv/fachwerk/data/%s/blobs" .site.name | quote }}
{{- else -}}
url: {{ include "fachwerk.s3" (dict "connection" $o.connection "auth" $o.auth) | quote }}
secret_file: {{ printf "/etc/fachwerk/secrets/site-%d-objects" .index }}
{{- with $o.location }}
location: {{ . | quote }}
{{- end }}
{{- with $o.replicatesTo }}
replicates_to: {{ toJson . }}
{{- end }}
{{- with $o.certificateKeys }}
certificate_keys: {{ toJson . }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "fachwerk.config.keys" -}}
{{- if eq .Values.keys.type "directory" -}}
dir: /srv/fachwerk/keys/fachwerk
{{- else -}}
url: {{ include "fachwerk.s3" (dict "connection" .Values.keys.connection "auth" .Values.keys.auth) | quote }}
secret_file: /etc/fachwerk/secrets/keys-objects
operator_key_file: /etc/fachwerk/secrets/operator.key
{{- end }}
{{- end -}}

{{/* Arguments: connection, auth. */}}
{{- define "fachwerk.s3" -}}
{{- $c := .connection -}}
{{- printf "s3://%s@%s:%d/%s?region=%s" .auth.accessKeyId (include "fachwerk.host" $c.host) (int $c.port) $c.bucket $c.region -}}
{{- if not $c.tls }}&tls=off{{ end -}}
{{- end -}}

{{/* How many processes may run at once, all roles together. */}}
{{- define "fachwerk.processes" -}}
{{- $n := 0 -}}
{{- range (include "fachwerk.workloads" . | fromJson).workloads -}}
{{- $n = add $n (include "fachwerk.most" .role | int) -}}
{{- end -}}
{{- max 1 $n -}}
{{- end -}}
