package auth

import (
	"strconv"
	"strings"
)

// HomeToken makes the secret that somebody holds to a ticket of a person: it says in
// front whose tenant's ticket it is, for that lies at the tenant's home.
func HomeToken(tenant int64, secret string) string {
	return strconv.FormatInt(tenant, 36) + "." + secret
}

// TokenHome is the tenant that a token made by HomeToken names, 0 in any other. It is
// believed only so far as to look there.
func TokenHome(token string) int64 {
	head, _, ok := strings.Cut(token, ".")
	if !ok || len(head) > 13 {
		return 0
	}
	tenant, err := strconv.ParseInt(head, 36, 64)
	if err != nil || tenant < 0 {
		return 0
	}
	return tenant
}
