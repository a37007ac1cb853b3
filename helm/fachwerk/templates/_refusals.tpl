{{/* Everything that is wrong with the values, a sentence each, all at once. */}}
{{- define "fachwerk.refusals" -}}
{{- include "fachwerk.refusals.image" . }}
{{- include "fachwerk.refusals.hosts" . }}
{{- include "fachwerk.refusals.sites" . }}
{{- include "fachwerk.refusals.embedded" . }}
{{- include "fachwerk.refusals.keys" . }}
{{- include "fachwerk.refusals.login" . }}
{{- include "fachwerk.refusals.mail" . }}
{{- include "fachwerk.refusals.roles" . }}
{{- include "fachwerk.refusals.certificates" . }}
{{- include "fachwerk.refusals.web" . }}
{{- include "fachwerk.refusals.network" . }}
{{- include "fachwerk.refusals.monitoring" . }}
{{- end -}}

{{/* A sentence for a text that is empty. Arguments: value, key, remedy. */}}
{{- define "fachwerk.needed" -}}
{{- if not .value }}
- {{ .key }} is missing: {{ .remedy }}.
{{- end }}
{{- end -}}

{{- define "fachwerk.refusals.image" -}}
{{- if not (or .Values.image.registry .Values.global.imageRegistry) }}
- image.registry is missing: name the registry that holds the image, such as registry.musterstadt.example; none is assumed.
{{- end }}
{{- end -}}

{{- define "fachwerk.refusals.hosts" -}}
{{- $v := .Values -}}
{{- include "fachwerk.needed" (dict "value" $v.hosts.mail "key" "hosts.mail" "remedy" "name the mail host as clients reach it, such as mail.musterstadt.example") }}
{{- $used := dict -}}
{{- range $one := list
  (dict "key" "portal" "on" $v.roles.portal.enabled "remedy" "name the host of the pages for people, such as portal.musterstadt.example, or set roles.portal.enabled to false")
  (dict "key" "dav" "on" $v.roles.dav.enabled "remedy" "name the host of calendars, contacts and files, such as dav.musterstadt.example, or set roles.dav.enabled to false")
  (dict "key" "issuer" "on" $v.oidc.embedded "remedy" "name the host of the embedded provider, such as login.musterstadt.example") }}
{{- $host := index $v.hosts $one.key }}
{{- if $one.on }}
{{- include "fachwerk.needed" (dict "value" $host "key" (printf "hosts.%s" $one.key) "remedy" $one.remedy) }}
{{- if and $host (hasKey $used $host) }}
- hosts.{{ $one.key }} is the same as hosts.{{ index $used $host }}: the portal, DAV and the provider need a name each, for cookies and scripts must not reach across.
{{- end }}
{{- if $host }}{{ $_ := set $used $host $one.key }}{{ end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "fachwerk.refusals.sites" -}}
{{- $sites := (include "fachwerk.sites" . | fromJson).sites -}}
{{- if not $sites }}
- sites is empty: say where the data lies, one entry a site with name, operator, country, place, networks, database and objectStore; nothing is assumed.
{{- end }}
{{- $names := list -}}
{{- range $i, $s := $sites }}
{{- $at := printf "sites[%d]" $i }}
{{- range $one := list
  (dict "key" "name" "remedy" "give the site a short name")
  (dict "key" "operator" "remedy" "say who runs it")
  (dict "key" "country" "remedy" "write the two letters of ISO 3166-1, such as DE")
  (dict "key" "place" "remedy" "say in which city or data centre it stands")
  (dict "key" "networks" "remedy" "list the networks of its database and object store, such as [10.20.0.0/16]") }}
{{- include "fachwerk.needed" (dict "value" (index $s $one.key) "key" (printf "%s.%s" $at $one.key) "remedy" $one.remedy) }}
{{- end }}
{{- if and $s.name (has $s.name $names) }}
- {{ $at }}.name is {{ $s.name }} again: give each site a name of its own.
{{- end }}
{{- $names = append $names $s.name }}
{{- if eq $s.database.type "postgresql" }}
{{- $c := $s.database.connection }}
{{- include "fachwerk.needed" (dict "value" $c.host "key" (printf "%s.database.connection.host" $at) "remedy" "name the host of the PostgreSQL, or set database.type to sqlite for one replica") }}
{{- include "fachwerk.needed" (dict "value" $c.database "key" (printf "%s.database.connection.database" $at) "remedy" "name the database on that host") }}
{{- include "fachwerk.needed" (dict "value" $s.database.auth.username "key" (printf "%s.database.auth.username" $at) "remedy" "name the database's user") }}
{{- include "fachwerk.needed" (dict "value" $s.database.auth.existingSecret.name "key" (printf "%s.database.auth.existingSecret.name" $at) "remedy" "name the Secret that holds the user's password; no password stands in the values") }}
{{- end }}
{{- if eq $s.objectStore.type "s3" }}
{{- include "fachwerk.refusals.bucket" (dict "at" (printf "%s.objectStore" $at) "connection" $s.objectStore.connection "auth" $s.objectStore.auth) }}
{{- end }}
{{- end }}
{{- if and (gt (len $sites) 1) (not .Values.directory) }}
- directory is missing: with more than one site, name the one whose database keeps tenants, domains and issuers.
{{- else if and $sites .Values.directory (not (has .Values.directory $names)) }}
- directory names no site: there is no {{ .Values.directory }} among {{ join ", " $names }}.
{{- end }}
{{- end -}}

{{/* Arguments: at, connection, auth. */}}
{{- define "fachwerk.refusals.bucket" -}}
{{- include "fachwerk.needed" (dict "value" .connection.host "key" (printf "%s.connection.host" .at) "remedy" "name the host of the S3 service") }}
{{- include "fachwerk.needed" (dict "value" .connection.bucket "key" (printf "%s.connection.bucket" .at) "remedy" "name the bucket") }}
{{- include "fachwerk.needed" (dict "value" .connection.region "key" (printf "%s.connection.region" .at) "remedy" "name the region; it is never guessed") }}
{{- include "fachwerk.needed" (dict "value" .auth.accessKeyId "key" (printf "%s.auth.accessKeyId" .at) "remedy" "name the access key") }}
{{- include "fachwerk.needed" (dict "value" .auth.existingSecret.name "key" (printf "%s.auth.existingSecret.name" .at) "remedy" "name the Secret that holds the secret access key") }}
{{- end -}}

{{/* SQLite, blob directories and key directories are for one process. */}}
{{- define "fachwerk.refusals.embedded" -}}
{{- $v := .Values -}}
{{- $local := list -}}
{{- range (include "fachwerk.sites" . | fromJson).sites -}}
{{- if eq .database.type "sqlite" }}{{ $local = append $local (printf "site %s keeps its database in SQLite" .name) }}{{ end -}}
{{- if eq .objectStore.type "directory" }}{{ $local = append $local (printf "site %s keeps its objects in a directory" .name) }}{{ end -}}
{{- end -}}
{{- if eq $v.keys.type "directory" }}{{ $local = append $local "the keys lie in a directory" }}{{ end -}}
{{- if and $local (not $v.roles.together.enabled) }}
- {{ join " and " $local }}, which one process alone can use: set roles.together.enabled to true and roles.together.replicas to 1, or use PostgreSQL, S3 and a bucket for the keys.
{{- else if and $local (gt (include "fachwerk.most" $v.roles.together | int) 1) }}
- {{ join " and " $local }}, which more than one replica cannot use: set roles.together.replicas to 1 without autoscaling, or use PostgreSQL, S3 and a bucket for the keys.
{{- end }}
{{- end -}}

{{- define "fachwerk.refusals.keys" -}}
{{- with .Values.keys }}
{{- if eq .type "bucket" }}
{{- include "fachwerk.needed" (dict "value" .operatorKey.existingSecret.name "key" "keys.operatorKey.existingSecret.name" "remedy" "name the Secret that holds the operator key, 32 random bytes; keep a copy of it elsewhere, for without it nothing can be read") }}
{{- include "fachwerk.refusals.bucket" (dict "at" "keys" "connection" .connection "auth" .auth) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "fachwerk.refusals.login" -}}
{{- with .Values.oidc }}
{{- if and .embedded .connection.issuer }}
- oidc.connection.issuer and oidc.embedded exclude each other: name your provider, or use the embedded one at hosts.issuer.
{{- else if not (or .embedded .connection.issuer) }}
- oidc.connection.issuer is missing: name your OpenID provider's issuer, such as https://login.musterstadt.example/realms/town, or set oidc.embedded to true.
{{- end }}
{{- if and .embedded (not $.Values.roles.portal.enabled) }}
- oidc.embedded needs the role that runs the provider: set roles.portal.enabled to true.
{{- end }}
{{- end }}
{{- end -}}

{{- define "fachwerk.refusals.mail" -}}
{{- $v := .Values -}}
{{- if and $v.listeners.smtp (not $v.smtp.relays) }}
- listeners.smtp is on but smtp.relays is empty: name the mail gateways that may deliver on port 25, or leave the listener off.
{{- end }}
{{- if and $v.listeners.lmtp (not $v.lmtp.trusted) }}
- listeners.lmtp is on but lmtp.trusted is empty: LMTP delivers without a login, so name the mail servers that may, or leave the listener off.
{{- end }}
{{- with $v.smarthost }}
{{- if .enabled }}
{{- include "fachwerk.needed" (dict "value" .connection.host "key" "smarthost.connection.host" "remedy" "name the mail server that takes mail for elsewhere") }}
{{- if and .auth.username (not .auth.existingSecret.name) }}
- smarthost.auth.existingSecret.name is missing: name the Secret that holds the password of {{ .auth.username }}.
{{- end }}
{{- if and .auth.existingSecret.name (not .auth.username) }}
- smarthost.auth.username is missing: a password without a user signs nobody in.
{{- end }}
{{- if and .auth.username (eq .connection.tls "none") }}
- smarthost.connection.tls is none, which would send the password in clear: use starttls or implicit.
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "fachwerk.refusals.roles" -}}
{{- $workloads := (include "fachwerk.workloads" . | fromJson).workloads -}}
{{- if not $workloads }}
- nothing is served: set one of roles.mail.enabled, roles.dav.enabled and roles.portal.enabled to true.
{{- end }}
{{- range $workloads }}
{{- if and .role.autoscaling.enabled (gt (int .role.autoscaling.minReplicas) (int .role.autoscaling.maxReplicas)) }}
- the autoscaling of {{ .component }} has a minReplicas greater than maxReplicas: swap them.
{{- end }}
{{- end }}
{{- range $workloads }}
{{- if and (eq (toString .role.rollingUpdate.maxUnavailable) "0") (eq (toString .role.rollingUpdate.maxSurge) "0") }}
- the rollingUpdate of {{ .component }} lets no old pod go and no new one come: set maxSurge or maxUnavailable to 1.
{{- end }}
{{- end }}
{{- if and .Values.listeners.admin (not .Values.oidc.operatorGroup) }}
- listeners.admin is on but oidc.operatorGroup is empty: the control API is for operators, so name the group that they are in, or leave the listener off.
{{- end }}
{{- if and .Values.listeners.admin (not .Values.roles.portal.enabled) }}
- listeners.admin needs the role that serves it: set roles.portal.enabled to true.
{{- end }}
{{- end -}}

{{- define "fachwerk.refusals.certificates" -}}
{{- $names := list -}}
{{- range $i, $c := .Values.certificates }}
{{- $at := printf "certificates[%d]" $i }}
{{- $existing := dig "existingSecret" "name" "" $c }}
{{- include "fachwerk.needed" (dict "value" $c.name "key" (printf "%s.name" $at) "remedy" "give the certificate a short name") }}
{{- if and $c.name (has $c.name $names) }}
- {{ $at }}.name is {{ $c.name }} again: give each certificate a name of its own.
{{- end }}
{{- $names = append $names $c.name }}
{{- if and $existing $c.certManager }}
- {{ $at }} has both existingSecret and certManager: keep one.
{{- else if $c.certManager }}
{{- include "fachwerk.needed" (dict "value" (dig "issuerRef" "name" "" $c.certManager) "key" (printf "%s.certManager.issuerRef.name" $at) "remedy" "name cert-manager's Issuer or ClusterIssuer") }}
{{- include "fachwerk.needed" (dict "value" $c.certManager.dnsNames "key" (printf "%s.certManager.dnsNames" $at) "remedy" "list the names that the certificate is for") }}
{{- else }}
{{- include "fachwerk.needed" (dict "value" $existing "key" (printf "%s.existingSecret.name" $at) "remedy" "name a Secret of type kubernetes.io/tls, or let cert-manager make one (certManager)") }}
{{- end }}
{{- end }}
{{- $need := list }}
{{- range (include "fachwerk.listeners" . | fromJson).listeners }}
{{- if and .on (or (has .key (list "imap" "imaps" "submission" "submissions")) (and $.Values.webTLS (has .key (list "http" "portal" "issuer" "admin")))) }}
{{- $need = append $need .key }}
{{- end }}
{{- end }}
{{- if and $need (not .Values.certificates) }}
- certificates is empty but {{ join ", " $need }} need one: name a Secret or let cert-manager make it.
{{- end }}
{{- end -}}

{{- define "fachwerk.refusals.web" -}}
{{- $v := .Values -}}
{{- if and $v.gateway.enabled $v.ingress.enabled }}
- gateway.enabled and ingress.enabled exclude each other: choose one way in.
{{- end }}
{{- if and $v.gateway.enabled (not $v.gateway.parentRefs) }}
- gateway.parentRefs is missing: name the Gateway that the routes belong to.
{{- end }}
{{- if and $v.customCA.existingConfigMap.name $v.customCA.existingSecret.name }}
- customCA names a ConfigMap and a Secret: keep one; a file may hold several authorities.
{{- end }}
{{- $proxied := false }}
{{- range (include "fachwerk.listeners" . | fromJson).listeners }}{{ if and .on .proxied }}{{ $proxied = true }}{{ end }}{{ end }}
{{- if and $proxied (not $v.proxyProtocol.trusted) }}
- proxyProtocol.trusted is empty: name the networks of the load balancers, for whoever may speak the PROXY protocol says what a client's address is.
{{- end }}
{{- range $key := list "lmtp" "admin" }}
{{- if (index $v.services $key).proxyProtocol }}
- services.{{ $key }}.proxyProtocol cannot be on: this service has no listener for the PROXY protocol.
{{- end }}
{{- end }}
{{- end -}}

{{- define "fachwerk.refusals.network" -}}
{{- $v := .Values -}}
{{- if $v.networkPolicy.enabled }}
{{- $or := "or set networkPolicy.enabled to false" -}}
{{- if and (eq $v.keys.type "bucket") (not (or $v.keys.connection.networks $v.keys.connection.peers)) }}
- keys.connection.networks is missing: say where the bucket of the keys is reached, such as [10.20.0.0/16], {{ $or }}.
{{- end }}
{{- if not (or (include "fachwerk.issuerInside" .) $v.oidc.connection.networks $v.oidc.connection.peers) }}
- oidc.connection.networks is missing: say where the OpenID provider is reached, such as [10.20.5.10/32], {{ $or }}.
{{- end }}
{{- if and $v.smarthost.enabled (not (or $v.smarthost.connection.networks $v.smarthost.connection.peers)) }}
- smarthost.connection.networks is missing: say where the smarthost is reached, such as [10.20.1.25/32], {{ $or }}.
{{- end }}
{{- range (include "fachwerk.listeners" . | fromJson).listeners }}
{{- if and .on (has .service (list "portal" "dav" "issuer" "admin")) (not (index $v.services .service).from) }}
- services.{{ .service }}.from is empty: name the peers that may connect, such as the pods of the gateway, {{ $or }}.
{{- end }}
{{- end }}
{{- if and $v.monitoring.serviceMonitor.enabled (not $v.networkPolicy.monitoringFrom) }}
- networkPolicy.monitoringFrom is empty but monitoring.serviceMonitor is enabled: name the peers that read the metrics, {{ $or }}.
{{- end }}
{{- end }}
{{- end -}}

{{- define "fachwerk.refusals.monitoring" -}}
{{- if and .Values.monitoring.alerts.enabled (not .Values.monitoring.alerts.runbookURL) }}
- monitoring.alerts.runbookURL is missing: say where the page of docs/admin/runbook.md is, for every alert links to its section.
{{- end }}
{{- end -}}
