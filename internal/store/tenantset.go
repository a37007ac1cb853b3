package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"fachwerk/location"
)

// TenantSettings are what the pages of a tenant show. They lie in the directory too,
// which holds no person: a contact is an office, such as "IT-Service".
type TenantSettings struct {
	DisplayName    string `json:"display_name,omitempty"`    // empty: the tenant's name
	Language       string `json:"language,omitempty"`        // "de", "en"; empty: what the browser asks for
	Contact        string `json:"contact,omitempty"`         // whom people turn to, in words
	ContactAddress string `json:"contact_address,omitempty"` // a mail address or an https URL
}

// TenantPolicy says where a tenant's data may lie.
type TenantPolicy struct {
	// Sites are the allowed ones; empty: its home alone. Where its home is not among
	// them nothing can be written.
	Sites []string `json:"sites,omitempty"`
	// RefuseOnMismatch refuses writes at a site that is not seen to be as declared.
	RefuseOnMismatch bool `json:"refuse_on_mismatch,omitempty"`
}

// TenantQuota are the limits of a whole tenant; 0 means none. Accounts are counted
// exactly, bytes and items are summed in the background, so that for a moment more
// may be written than they say.
type TenantQuota struct{ Bytes, Items, Accounts int64 }

// TenantSet is what UpdateTenant changes; nil stays as it is.
type TenantSet struct {
	Name     *string
	Settings *TenantSettings
	Policy   *TenantPolicy
	Quota    *TenantQuota
	// If, where it is set, is told in the transaction that decides how the tenant is
	// then; its error ends the change. It may be asked more than once.
	If func(Tenant) error
}

// ErrSetting says that a setting is not one that can be kept; the text says why.
var ErrSetting = errors.New("not a valid setting")

// Limits of settings.
const (
	maxSetting     = 500 // bytes of each
	maxPolicySites = 100
	// MaxLogo is the greatest logo, bytes.
	MaxLogo = 64 << 10
)

func (o *TenantSettings) check() error {
	for _, text := range []string{o.DisplayName, o.Contact, o.ContactAddress} {
		if len(text) > maxSetting || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return fmt.Errorf("%w: at most %d bytes on one line", ErrSetting, maxSetting)
		}
	}
	if o.Language != "" && o.Language != "de" && o.Language != "en" {
		return fmt.Errorf("%w: language %.20q; known are de and en", ErrSetting, o.Language)
	}
	if a := o.ContactAddress; a != "" && !strings.HasPrefix(a, "https://") {
		if _, err := NormalizeAddress(a); err != nil {
			return fmt.Errorf("%w: the contact address is a mail address or begins with https://", ErrSetting)
		}
	}
	return nil
}

func (p *TenantPolicy) check() error {
	if len(p.Sites) > maxPolicySites {
		return fmt.Errorf("%w: more than %d sites", ErrSetting, maxPolicySites)
	}
	for _, name := range p.Sites {
		if name == "" || len(name) > maxSetting {
			return fmt.Errorf("%w: a site without a name", ErrSetting)
		}
	}
	return nil
}

func (q *TenantQuota) check() error {
	if q.Bytes < 0 || q.Items < 0 || q.Accounts < 0 {
		return fmt.Errorf("%w: a quota is not negative", ErrSetting)
	}
	return nil
}

func tenantName(name string) (string, error) {
	if name = strings.TrimSpace(name); name == "" || len(name) > 200 || !utf8.ValidString(name) {
		return "", fmt.Errorf("%w: a tenant needs a name of at most 200 bytes", ErrSetting)
	}
	return name, nil
}

// imageTypes are the media types of logos: images that carry no script.
var imageTypes = map[string]bool{"image/png": true, "image/jpeg": true, "image/webp": true}

// SetTenantLogo keeps the image that a tenant's pages show; none takes it away. What
// it is is found out from its bytes: ErrSetting where it is no PNG, JPEG or WebP, is
// another one than mediaType says, or is larger than MaxLogo.
func (s *Store) SetTenantLogo(ctx context.Context, tenant int64, mediaType string, image []byte) error {
	if err := s.admit(ctx, tenant, location.Metadata); err != nil {
		return err
	}
	if len(image) == 0 {
		_, err := s.at(ctx, tenant).changeExec(ctx, `DELETE FROM tenant_logo WHERE tenant_id = $1`, tenant)
		return err
	}
	found := http.DetectContentType(image)
	switch {
	case len(image) > MaxLogo:
		return fmt.Errorf("%w: the logo is larger than %d bytes", ErrSetting, MaxLogo)
	case !imageTypes[found] || mediaType != found:
		return fmt.Errorf("%w: a logo is a PNG, JPEG or WebP image, and said to be what it is", ErrSetting)
	}
	_, err := s.at(ctx, tenant).changeExec(ctx, `INSERT INTO tenant_logo (tenant_id, media_type, image) VALUES ($1, $2, $3)
		ON CONFLICT (tenant_id) DO UPDATE SET media_type = excluded.media_type, image = excluded.image`, tenant, found, image)
	return err
}

// TenantLogo reads it; ErrNotFound where there is none.
func (s *Store) TenantLogo(ctx context.Context, tenant int64) (mediaType string, image []byte, err error) {
	err = s.at(ctx, tenant).one(ctx, []any{&mediaType, &image}, `SELECT media_type, image FROM tenant_logo WHERE tenant_id = $1`, tenant)
	return mediaType, image, err
}
