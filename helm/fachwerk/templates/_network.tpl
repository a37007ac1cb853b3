{{/* Peers: those given or, without any, the networks. Arguments: peers, networks. */}}
{{- define "fachwerk.peers" -}}
{{- if .peers -}}
{{- toYaml .peers -}}
{{- else -}}
{{- range .networks }}
- ipBlock: {cidr: {{ . | quote }}}
{{- end }}
{{- end -}}
{{- end -}}

{{/* One egress rule. Arguments: peers, networks, ports. */}}
{{- define "fachwerk.egress" -}}
- to:
    {{- include "fachwerk.peers" . | trim | nindent 4 }}
  ports:
    {{- range .ports | uniq }}
    - {protocol: TCP, port: {{ . | int }}}
    {{- end }}
{{- end -}}

{{/* The ways that every pod needs: names, databases, object stores. */}}
{{- define "fachwerk.storeEgress" -}}
{{- $v := .Values -}}
- to:
    {{- toYaml $v.networkPolicy.dns.to | nindent 4 }}
  ports:
    - {protocol: UDP, port: {{ $v.networkPolicy.dns.port }}}
    - {protocol: TCP, port: {{ $v.networkPolicy.dns.port }}}
{{- range (include "fachwerk.sites" . | fromJson).sites }}
{{- if eq .database.type "postgresql" }}
{{- $c := .database.connection }}
{{- $ports := list (int $c.port) }}
{{- if $c.direct.host }}{{ $ports = append $ports (int $c.direct.port) }}{{ end }}
{{- /* A standby may have taken over. */}}
{{- $networks := .networks }}
{{- range .standbys }}{{ $networks = concat $networks .networks }}{{ end }}
{{ include "fachwerk.egress" (dict "peers" $c.peers "networks" (uniq $networks) "ports" $ports) }}
{{- end }}
{{- if eq .objectStore.type "s3" }}
{{ include "fachwerk.egress" (dict "peers" .objectStore.connection.peers "networks" .networks "ports" (list (int .objectStore.connection.port))) }}
{{- end }}
{{- end }}
{{- if eq $v.keys.type "bucket" }}
{{ include "fachwerk.egress" (dict "peers" $v.keys.connection.peers "networks" $v.keys.connection.networks "ports" (list (int $v.keys.connection.port))) }}
{{- end }}
{{- with $v.networkPolicy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The port of the OpenID provider. */}}
{{- define "fachwerk.issuerPort" -}}
{{- $url := urlParse .Values.oidc.connection.issuer -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- default (ternary "80" "443" (eq $url.scheme "http")) $port -}}
{{- end -}}
