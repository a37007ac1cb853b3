package dav

import (
	"context"
	"encoding/xml"
	"net/http"

	"fachwerk/internal/resource"
)

// aclProperties are those of RFC 3744 section 5. Rights come from grants on accounts,
// so there is nothing to set by ACL; what is shown is what writes will do.
func aclProperties() []LiveProperty {
	return []LiveProperty{
		{Name: D("owner"), On: inHomes | AtPrincipal, Value: owner},
		{Name: D("supported-privilege-set"), On: everywhere, Value: supportedPrivileges},
		{Name: D("current-user-privilege-set"), On: everywhere, Value: currentPrivileges},
		{Name: D("acl"), On: inHomes, Value: acl},
		{Name: D("acl-restrictions"), On: inHomes, Value: aclRestrictions},
	}
}

func owner(_ context.Context, v *Value) (bool, error) {
	address := v.Target.Account.Address
	if v.Target.Level == AtPrincipal {
		address = v.Target.person.Address
	}
	v.XML.Open(D("owner"))
	v.XML.Href(principalHref(address))
	v.XML.Close(D("owner"))
	return true, nil
}

var freeBusy = CalDAV("read-free-busy")

// privileges are what the person may do with the target (RFC 3744 section 3).
func (t *Target) privileges() (list []xml.Name) {
	list = append(list, D("read"), D("read-current-user-privilege-set"))
	if t.Level&inHomes == 0 {
		return list
	}
	if t.Mount.Kind == resource.Calendar {
		list = append(list, freeBusy)
	}
	if t.Virtual != nil {
		return list
	}
	write, manage := t.Account.May(resource.Write), t.Account.May(resource.Manage)
	readOnly := t.Mount.ReadOnly != ""
	switch {
	case t.Level == AtHome:
		if manage && !readOnly {
			list = append(list, D("bind"), D("unbind"))
		}
		return list
	case t.Level == AtCollection && !t.Mount.Tree && manage && write && !readOnly,
		t.Level&(AtFolder|AtMember) != 0 && write && !readOnly,
		t.Level == AtCollection && t.Mount.Tree && manage && write && !readOnly:
		return append(list, D("write"), D("write-properties"), D("write-content"), D("bind"), D("unbind"), D("unlock"))
	case t.Level == AtCollection && manage && !readOnly:
		return append(list, D("write-properties"))
	case write && readOnly:
		return append(list, D("unbind"))
	case write:
		return append(list, D("write-content"), D("bind"), D("unbind"))
	}
	return list
}

// may reports whether the person has a privilege, or says which is missing.
func (r *Request) may(t *Target, right resource.Rights, privilege string) error {
	if t.Virtual != nil {
		return refused(http.StatusForbidden, "This collection is made by the server. It can be read only.")
	}
	if !t.Account.May(right) {
		return denied(t.Href, privilege)
	}
	return nil
}

func currentPrivileges(_ context.Context, v *Value) (bool, error) {
	v.XML.Open(D("current-user-privilege-set"))
	for _, p := range v.Target.privileges() {
		privilege(v.XML, p)
	}
	v.XML.Close(D("current-user-privilege-set"))
	return true, nil
}

func privilege(x *XML, n xml.Name) {
	x.Open(D("privilege"))
	x.Empty(n)
	x.Close(D("privilege"))
}

// supportedPrivileges shows the tree of RFC 3744 section 5.3, with RFC 4791's below read.
func supportedPrivileges(_ context.Context, v *Value) (bool, error) {
	x := v.XML
	node := func(n xml.Name, abstract bool, words string, below func()) {
		x.Open(D("supported-privilege"))
		privilege(x, n)
		if abstract {
			x.Empty(D("abstract"))
		}
		x.Open(D("description"), "xml:lang", "en")
		x.Text(words)
		x.Close(D("description"))
		if below != nil {
			below()
		}
		x.Close(D("supported-privilege"))
	}
	x.Open(D("supported-privilege-set"))
	node(D("all"), true, "Everything", func() {
		node(D("read"), false, "Read", func() {
			node(D("read-current-user-privilege-set"), false, "See what one may do", nil)
			if v.Target.Mount != nil && v.Target.Mount.Kind == resource.Calendar {
				node(freeBusy, false, "See when somebody is busy", nil)
			}
		})
		node(D("write"), false, "Write", func() {
			node(D("write-properties"), false, "Change properties", nil)
			node(D("write-content"), false, "Change content", nil)
			node(D("bind"), false, "Add members", nil)
			node(D("unbind"), false, "Remove members", nil)
		})
		node(D("unlock"), false, "Release locks of others", nil)
	})
	x.Close(D("supported-privilege-set"))
	return true, nil
}

// acl shows the owner's rights and those of who asks; nobody learns here to whom else an
// account is granted.
func acl(_ context.Context, v *Value) (bool, error) {
	x := v.XML
	x.Open(D("acl"))
	x.Open(D("ace"))
	x.Open(D("principal"))
	x.Open(D("property"))
	x.Empty(D("owner"))
	x.Close(D("property"))
	x.Close(D("principal"))
	own := *v.Target
	own.Account.Rights = resource.Read | resource.Write | resource.Manage
	grant(x, own.privileges())
	x.Close(D("ace"))
	if !v.Target.Account.Own() {
		x.Open(D("ace"))
		x.Open(D("principal"))
		x.Href(principalHref(v.Principal.Address))
		x.Close(D("principal"))
		grant(x, v.Target.privileges())
		x.Close(D("ace"))
	}
	x.Close(D("acl"))
	return true, nil
}

func grant(x *XML, list []xml.Name) {
	x.Open(D("grant"))
	for _, n := range list {
		privilege(x, n)
	}
	x.Close(D("grant"))
	x.Empty(D("protected"))
}

func aclRestrictions(_ context.Context, v *Value) (bool, error) {
	v.XML.Open(D("acl-restrictions"))
	v.XML.Empty(D("grant-only"))
	v.XML.Empty(D("no-invert"))
	v.XML.Close(D("acl-restrictions"))
	return true, nil
}

// aclMethod refuses (RFC 3744 section 8.1.1).
func aclMethod(_ context.Context, _ *Request, _ *Target) error {
	return Refusal(http.StatusForbidden, D("no-ace-conflict"),
		"Rights are granted by the administrators, not by this protocol.")
}
