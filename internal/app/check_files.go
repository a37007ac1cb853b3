package app

import (
	"fmt"

	"fachwerk/internal/app/config"
	"fachwerk/internal/listen"
)

// checkFiles reads what the configuration names and only a server needs: certificates
// and secrets. Those of databases, object stores and keys were read to get here.
func (in *Installation) checkFiles() (out []Finding) {
	say := func(key string, err error) {
		out = append(out, Finding{Account: "configuration", What: fmt.Sprintf("%s: %v", key, err)})
	}
	for i, one := range certificateFiles(&in.cfg.TLS) {
		if in.cfg.TLS.Cert == "" {
			i++ // the first of certificateFiles is that of tls.cert, where there is one
		}
		key := "tls.cert, tls.key"
		if i > 0 {
			key = fmt.Sprintf("tls.certificates[%d]", i-1)
		}
		if _, err := listen.LoadCertificates([]listen.Files{one}, listen.CertificateOptions{}); err != nil {
			say(key, err)
		}
	}
	for _, one := range []struct {
		key    string
		secret config.Secret
	}{
		{"oidc.client_secret_file", in.cfg.OIDC.ClientSecret}, {"smtp.smarthost.password_file", in.cfg.SMTP.Smarthost.Password},
	} {
		if _, err := one.secret.Read(); err != nil {
			say(one.key, err)
		}
	}
	return out
}
