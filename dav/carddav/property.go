package carddav

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"fachwerk/contacts"
	"fachwerk/dav"
)

// Properties are those of RFC 6352 sections 6.2, 7.1 and 8.3.1, the pseudo property
// address-data of its reports, and directory-gateway, which Apple's programs read.
func (h *Head) Properties() []dav.LiveProperty {
	return []dav.LiveProperty{
		{Name: dav.CardDAV("addressbook-description"), On: dav.AtCollection, Need: dav.NeedStored},
		{Name: dav.CardDAV("supported-address-data"), On: dav.AtCollection, Value: supportedData},
		{Name: dav.CardDAV("supported-collation-set"), On: dav.AtCollection | dav.AtHome, Value: supportedCollations},
		{Name: dav.CardDAV("max-resource-size"), On: dav.AtCollection, Value: maxResourceSize},
		{Name: addressData, On: dav.AtMember, Need: dav.NeedBody, Streams: true, Value: h.writeAddressData},
		{Name: dav.CardDAV("principal-address"), On: dav.AtPrincipal, Value: h.principalCard},
		{Name: dav.CardDAV("directory-gateway"), On: dav.AtPrincipal | dav.AtHome, Value: h.directoryGateway},
	}
}

var addressData = dav.CardDAV("address-data")

const mediaType = "text/vcard"

// supportedData lists the versions that are kept (RFC 6352 section 6.2.2).
func supportedData(_ context.Context, v *dav.Value) (bool, error) {
	v.XML.Open(dav.CardDAV("supported-address-data"))
	for _, version := range []contacts.Version{contacts.Version3, contacts.Version4} {
		v.XML.Empty(dav.CardDAV("address-data-type"), "content-type", mediaType, "version", version.String())
	}
	v.XML.Close(dav.CardDAV("supported-address-data"))
	return true, nil
}

func supportedCollations(_ context.Context, v *dav.Value) (bool, error) {
	v.XML.Open(dav.CardDAV("supported-collation-set"))
	for _, name := range contacts.Collations() {
		v.XML.Element(dav.CardDAV("supported-collation"), name)
	}
	v.XML.Close(dav.CardDAV("supported-collation-set"))
	return true, nil
}

func maxResourceSize(_ context.Context, v *dav.Value) (bool, error) {
	v.XML.Element(dav.CardDAV("max-resource-size"), strconv.Itoa(contacts.MaxSize))
	return true, nil
}

// principalAddress is whose principal an href names: the last segment of
// /principals/address/.
func principalAddress(t *dav.Target) (string, bool) {
	if t.Level != dav.AtPrincipal {
		return "", false
	}
	address, err := url.PathUnescape(path.Base(t.Href))
	return strings.ToLower(address), err == nil
}

// directoryHref is where the one who asks finds the directory: in their own home.
func directoryHref(r *dav.Request) string {
	return "/" + segment + "/" + url.PathEscape(r.Principal.Address) + "/" + contacts.DirectoryName + "/"
}

// principalCard names the principal's card in the directory (RFC 6352 section 7.1.2).
func (h *Head) principalCard(ctx context.Context, v *dav.Value) (bool, error) {
	if h.directory == nil {
		return false, nil
	}
	address, ok := principalAddress(v.Target)
	if !ok {
		return false, nil
	}
	s, err := h.directory.State(ctx, v.Principal.Tenant)
	if err != nil {
		return false, err
	}
	name, ok, err := s.NameOf(address)
	if !ok || err != nil {
		return false, err
	}
	v.XML.Open(dav.CardDAV("principal-address"))
	v.XML.Href(directoryHref(v.Request) + name)
	v.XML.Close(dav.CardDAV("principal-address"))
	return true, nil
}

// directoryGateway says where to search for people (draft-daboo-carddav-directory-gateway).
func (h *Head) directoryGateway(_ context.Context, v *dav.Value) (bool, error) {
	own := v.Target.Account.Own()
	if address, ok := principalAddress(v.Target); ok {
		own = address == v.Principal.Address
	}
	if h.directory == nil || !own {
		return false, nil
	}
	v.XML.Open(dav.CardDAV("directory-gateway"))
	v.XML.Href(directoryHref(v.Request))
	v.XML.Close(dav.CardDAV("directory-gateway"))
	return true, nil
}

// writeAddressData answers a card: as stored, or what is asked for of it (RFC 6352
// section 10.4). It is there in reports alone.
func (h *Head) writeAddressData(ctx context.Context, v *dav.Value) (bool, error) {
	if v.Method != "REPORT" || v.Element == nil {
		return false, nil
	}
	want, err := readAddressData(v.Element)
	if err != nil {
		return false, err
	}
	if v.Target.Large() {
		return true, h.streamAddressData(ctx, v, &want)
	}
	body := v.Target.Body
	if !want.asStored() {
		if body, err = want.of(body); err != nil {
			return false, err
		}
	}
	v.XML.Open(addressData)
	v.XML.Bytes(body)
	v.XML.Close(addressData)
	return true, nil
}

// streamAddressData answers a card that is too large to be held while it is sent.
func (h *Head) streamAddressData(ctx context.Context, v *dav.Value, want *wanted) error {
	text, size, err := v.Target.Open()
	if err != nil {
		return err
	}
	defer text.Close()
	if !want.asStored() {
		made, err := contacts.Make(ctx, h.resources, v.Target.Account, text, size, want.of)
		if err != nil {
			return err
		}
		defer made.Close()
		if text, err = made.Open(); err != nil {
			return err
		}
		defer text.Close()
	}
	v.XML.Open(addressData)
	err = v.XML.Stream(text)
	v.XML.Close(addressData)
	return err
}

// wanted is what an address-data element asks for.
type wanted struct {
	version   contacts.Version // 0: the card's own
	selection contacts.Selection
}

func (w *wanted) asStored() bool { return w.version == 0 && w.selection.Whole() }

func (w *wanted) of(body []byte) ([]byte, error) {
	card, err := contacts.Parse(body)
	if err != nil { // stored before by other rules: better whole than not at all
		return body, nil
	}
	if w.selection.Whole() && card.Version == w.version {
		return body, nil
	}
	if w.version != 0 {
		card = card.Convert(w.version)
	}
	return card.Select(w.selection).Append(make([]byte, 0, len(body))), nil
}

// readAddressData reads the element. Only where a version is named a card is converted:
// the default of the attribute in the RFC's DTD would turn every version 4 card into one
// of version 3 for programs that want what is stored.
func readAddressData(e *dav.Element) (w wanted, err error) {
	kind, typed := e.Attribute("content-type")
	version, versioned := e.Attribute("version")
	if typed && kind != mediaType {
		return w, unsupportedData()
	}
	if versioned {
		v, ok := contacts.ParseVersion(version)
		if !ok {
			return w, unsupportedData()
		}
		w.version = v
	}
	for _, c := range e.Children {
		switch c.Name {
		case dav.CardDAV("allprop"):
			w.selection.All = true
		case dav.CardDAV("prop"):
			name, ok := c.Attribute("name")
			if !ok || name == "" {
				return w, malformed("A prop of address-data has no name.")
			}
			novalue, _ := c.Attribute("novalue")
			w.selection.Props = append(w.selection.Props, contacts.SelectedProp{Name: name, NoValue: novalue == "yes"})
		}
	}
	if len(w.selection.Props) > maxConditions {
		return w, dav.Refusal(http.StatusForbidden, dav.CardDAV("supported-address-data"), "The request names too many properties.")
	}
	return w, nil
}

func unsupportedData() error {
	return dav.Refusal(http.StatusForbidden, dav.CardDAV("supported-address-data"),
		"Cards can be had as text/vcard of version 3.0 or 4.0.")
}
