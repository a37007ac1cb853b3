{{/* What several templates ask of the values, as JSON. */}}

{{/* The sites with every key there is. */}}
{{- define "fachwerk.sites" -}}
{{- $connection := dict "host" "" "port" 443 "tls" true "bucket" "" "region" "" "peers" list -}}
{{- $default := dict
  "name" "" "operator" "" "country" "" "place" "" "networks" list "standbys" list
  "database" (dict
    "type" "postgresql"
    "connection" (dict "host" "" "port" 5432 "database" "" "sslMode" "verify-full" "peers" list
      "direct" (dict "host" "" "port" 5432))
    "auth" (dict "username" "" "existingSecret" (dict "name" "" "keyMapping" (dict "password" "password")))
    "durability" "" "systemIdentifier" "" "certificateKeys" list)
  "objectStore" (dict
    "type" "s3" "connection" $connection
    "auth" (dict "accessKeyId" "" "existingSecret" (dict "name" "" "keyMapping" (dict "secretAccessKey" "secretAccessKey")))
    "location" "" "replicatesTo" list "certificateKeys" list) -}}
{{- $sites := list -}}
{{- range .Values.sites -}}
{{- $sites = append $sites (mergeOverwrite (deepCopy $default) (deepCopy .)) -}}
{{- end -}}
{{- toJson (dict "sites" $sites) -}}
{{- end -}}

{{/* "yes" if a site's data lie on a PersistentVolume of the one replica. */}}
{{- define "fachwerk.embedded" -}}
{{- range (include "fachwerk.sites" . | fromJson).sites -}}
{{- if or (eq .database.type "sqlite") (eq .objectStore.type "directory") }}yes{{ end -}}
{{- end -}}
{{- end -}}

{{/* "yes" if the one replica has a PersistentVolume, for data or for keys. */}}
{{- define "fachwerk.volumes" -}}
{{- if or (include "fachwerk.embedded" .) (eq .Values.keys.type "directory") }}yes{{ end -}}
{{- end -}}

{{/* The workloads: name, role and the parts that each serves. */}}
{{- define "fachwerk.workloads" -}}
{{- $parts := list -}}
{{- $apart := list -}}
{{- range $part := list "mail" "dav" "portal" -}}
{{- $role := index $.Values.roles $part -}}
{{- if $role.enabled -}}
{{- $parts = append $parts $part -}}
{{- $apart = append $apart (dict "component" $part "role" $role "parts" (list $part)) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.roles.together.enabled $parts -}}
{{- $apart = list (dict "component" "server" "role" .Values.roles.together "parts" $parts) -}}
{{- end -}}
{{- toJson (dict "workloads" $apart) -}}
{{- end -}}

{{/* How many processes of a role may run at once. */}}
{{- define "fachwerk.most" -}}
{{- ternary .autoscaling.maxReplicas .replicas .autoscaling.enabled | int -}}
{{- end -}}

{{/* The component whose pods serve a part. Arguments: root, part. */}}
{{- define "fachwerk.component" -}}
{{- ternary "server" .part .root.Values.roles.together.enabled -}}
{{- end -}}

{{/* With the provider in the same process as all that ask it, and TLS of its own,
its name leads to the pod itself: no way out and in again is needed. */}}
{{- define "fachwerk.issuerInside" -}}
{{- if and .Values.oidc.embedded .Values.webTLS .Values.roles.together.enabled }}yes{{ end -}}
{{- end -}}

{{/* Every listener: its part, whether it is on, its ports in the pod (proxy: where every
connection begins with a PROXY header), its Service and the port there. Ports in the pod
need no privilege; the program is told those outside. */}}
{{- define "fachwerk.listeners" -}}
{{- $l := .Values.listeners -}}
{{- $mail := .Values.roles.mail.enabled -}}
{{- $portal := .Values.roles.portal.enabled -}}
{{- $web := ternary 443 80 .Values.webTLS -}}
{{- $issuer := ternary 443 8082 (include "fachwerk.issuerInside" . | eq "yes") -}}
{{- $submission := ternary "imap" "submission" .Values.oneMailService -}}
{{- $on := list -}}
{{- range list
  (dict "key" "imap" "part" "mail" "on" (and $mail $l.imap) "port" 1143 "service" "imap" "outside" 143 "proxy" 10143)
  (dict "key" "imaps" "part" "mail" "on" (and $mail $l.imaps) "port" 1993 "service" "imap" "outside" 993 "proxy" 10993)
  (dict "key" "submission" "part" "mail" "on" (and $mail $l.submission) "port" 1587 "service" $submission "outside" 587 "proxy" 10587)
  (dict "key" "submissions" "part" "mail" "on" (and $mail $l.submissions) "port" 1465 "service" $submission "outside" 465 "proxy" 10465)
  (dict "key" "smtp" "part" "mail" "on" (and $mail $l.smtp) "port" 1025 "service" "smtp" "outside" 25 "proxy" 10025)
  (dict "key" "lmtp" "part" "mail" "on" (and $mail $l.lmtp) "port" 1024 "service" "lmtp" "outside" 24 "proxy" 0)
  (dict "key" "http" "part" "dav" "on" .Values.roles.dav.enabled "port" 8081 "service" "dav" "outside" $web "proxy" 18081)
  (dict "key" "portal" "part" "portal" "on" $portal "port" 8080 "service" "portal" "outside" $web "proxy" 18080)
  (dict "key" "issuer" "part" "portal" "on" (and $portal .Values.oidc.embedded) "port" $issuer "service" "issuer" "outside" $web "proxy" 18082)
  (dict "key" "admin" "part" "portal" "on" (and $portal $l.admin) "port" 8083 "service" "admin" "outside" $web "proxy" 0) -}}
{{- $proxied := and (index $.Values.services .service).proxyProtocol (gt (int .proxy) 0) -}}
{{- $on = append $on (set . "proxied" $proxied) -}}
{{- end -}}
{{- toJson (dict "listeners" $on) -}}
{{- end -}}

{{/* The Services with the listeners that are on. */}}
{{- define "fachwerk.services" -}}
{{- $services := dict -}}
{{- range (include "fachwerk.listeners" . | fromJson).listeners -}}
{{- if .on }}{{ $_ := set $services .service (append (index $services .service | default list) .) }}{{ end -}}
{{- end -}}
{{- toJson $services -}}
{{- end -}}

{{/* The secrets' files, each below /etc/fachwerk/secrets: for whom (all, mail,
portal), Secret, key and path. */}}
{{- define "fachwerk.secrets" -}}
{{- $out := list -}}
{{- range $i, $site := (include "fachwerk.sites" . | fromJson).sites -}}
{{- if eq $site.database.type "postgresql" -}}
{{- $out = append $out (dict "for" "all" "secret" $site.database.auth.existingSecret.name "key" $site.database.auth.existingSecret.keyMapping.password "path" (printf "site-%d-database" $i)) -}}
{{- end -}}
{{- if eq $site.objectStore.type "s3" -}}
{{- $out = append $out (dict "for" "all" "secret" $site.objectStore.auth.existingSecret.name "key" $site.objectStore.auth.existingSecret.keyMapping.secretAccessKey "path" (printf "site-%d-objects" $i)) -}}
{{- end -}}
{{- end -}}
{{- if eq .Values.keys.type "bucket" -}}
{{- with .Values.keys.operatorKey.existingSecret -}}
{{- $out = append $out (dict "for" "all" "secret" .name "key" .keyMapping.operatorKey "path" "operator.key") -}}
{{- end -}}
{{- with .Values.keys.auth.existingSecret -}}
{{- $out = append $out (dict "for" "all" "secret" .name "key" .keyMapping.secretAccessKey "path" "keys-objects") -}}
{{- end -}}
{{- end -}}
{{- with .Values.oidc.auth.existingSecret -}}
{{- if .name -}}
{{- $out = append $out (dict "for" "portal" "secret" .name "key" .keyMapping.clientSecret "path" "oidc-client") -}}
{{- end -}}
{{- end -}}
{{- with .Values.smarthost -}}
{{- if and .enabled .auth.username -}}
{{- $out = append $out (dict "for" "mail" "secret" .auth.existingSecret.name "key" .auth.existingSecret.keyMapping.password "path" "smarthost") -}}
{{- end -}}
{{- end -}}
{{- toJson (dict "secrets" $out) -}}
{{- end -}}

{{/* The secrets of a pod: those of all and of its parts. Arguments: root, parts. */}}
{{- define "fachwerk.podSecrets" -}}
{{- $parts := .parts -}}
{{- $out := list -}}
{{- range (include "fachwerk.secrets" .root | fromJson).secrets -}}
{{- if or (eq .for "all") (has .for $parts) }}{{ $out = append $out . }}{{ end -}}
{{- end -}}
{{- toJson (dict "secrets" $out) -}}
{{- end -}}

{{/* The Secret of a certificate. Arguments: root, certificate. */}}
{{- define "fachwerk.certificateSecret" -}}
{{- $existing := dig "existingSecret" "name" "" .certificate -}}
{{- default (printf "%s-tls-%s" (include "fachwerk.fullname" .root) (.certificate.name | default "")) $existing -}}
{{- end -}}

{{/* "yes" if there is a file of own authorities. */}}
{{- define "fachwerk.customCA" -}}
{{- if or .Values.customCA.existingConfigMap.name .Values.customCA.existingSecret.name }}yes{{ end -}}
{{- end -}}
