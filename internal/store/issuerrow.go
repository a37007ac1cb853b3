package store

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"fachwerk/internal/store/meta"
)

// issuerRow is a binding as the database keeps it, in the directory and at the
// tenant's home alike.
type issuerRow struct {
	url                                   string
	own                                   int64
	clientID                              string
	sealed                                []byte // the secret
	audience, scopes                      string // scopes as JSON
	groupsClaim, adminGroup, privacyGroup string
}

const issuerColumns = `i.url, i.own, i.client_id, i.sealed, i.audience, i.scopes, i.groups_claim, i.admin_group, i.privacy_group`

// issuerRows are those of one tenant.
const issuerRows = `SELECT ` + issuerColumns + ` FROM issuer i WHERE i.tenant_id = $1 ORDER BY i.url`

// scanIssuer reads a row; first are its columns before those of issuerColumns.
func scanIssuer(r meta.Rows, first ...any) (i issuerRow, err error) {
	err = r.Scan(append(first, &i.url, &i.own, &i.clientID, &i.sealed, &i.audience, &i.scopes, &i.groupsClaim, &i.adminGroup, &i.privacyGroup)...)
	return i, err
}

func scanIssuerRow(list *[]issuerRow) func(meta.Rows) error {
	return func(r meta.Rows) error {
		i, err := scanIssuer(r)
		*list = append(*list, i)
		return err
	}
}

// rowOf seals a binding. Of the installation's issuer nothing is kept but its URL.
func (s *Store) rowOf(i Issuer) issuerRow {
	if !i.Own {
		return issuerRow{url: i.URL, scopes: "null"}
	}
	scopes, _ := json.Marshal(i.Scopes)
	row := issuerRow{
		url: i.URL, own: 1, clientID: i.ClientID, audience: i.Audience, scopes: string(scopes),
		groupsClaim: i.GroupsClaim, adminGroup: i.AdminGroup, privacyGroup: i.PrivacyGroup,
	}
	if i.Secret != "" {
		row.sealed = s.keys.SealSmall(secretPurpose, i.sealedFor(), []byte(i.Secret))
	}
	return row
}

// issuer is the binding without its secret.
func (i *issuerRow) issuer(tenant int64) (Issuer, error) {
	out := Issuer{
		Tenant: tenant, URL: i.url, Own: i.own != 0, ClientID: i.clientID, Audience: i.audience,
		GroupsClaim: i.groupsClaim, AdminGroup: i.adminGroup, PrivacyGroup: i.privacyGroup,
	}
	if len(i.sealed) > 0 {
		sum := sha256.Sum256(i.sealed)
		out.Mark = base64.RawURLEncoding.EncodeToString(sum[:9])
	}
	if err := json.Unmarshal([]byte(i.scopes), &out.Scopes); err != nil {
		return out, fmt.Errorf("issuer %s: %w", i.url, err)
	}
	return out, nil
}

func (i *issuerRow) write(b *meta.Batch, tenant int64) {
	var sealed any
	if len(i.sealed) > 0 {
		sealed = i.sealed
	}
	b.Exec(`INSERT INTO issuer (tenant_id, url, own, client_id, sealed, audience, scopes, groups_claim, admin_group, privacy_group)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (tenant_id, url) DO UPDATE SET own = excluded.own,
		client_id = excluded.client_id, sealed = excluded.sealed, audience = excluded.audience, scopes = excluded.scopes,
		groups_claim = excluded.groups_claim, admin_group = excluded.admin_group, privacy_group = excluded.privacy_group`,
		tenant, i.url, i.own, i.clientID, sealed, i.audience, i.scopes, i.groupsClaim, i.adminGroup, i.privacyGroup)
}
