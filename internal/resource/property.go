package resource

import (
	"context"
	"encoding/xml"

	"fachwerk/internal/store"
)

func plain(properties []Property) []store.Property {
	list := make([]store.Property, len(properties))
	for i, p := range properties {
		list[i] = store.Property{Space: p.Name.Space, Local: p.Name.Local, Value: p.Value}
	}
	return list
}

// maxProperties bounds the properties of several resources that are in memory
// together, bytes.
const maxProperties = 8 << 20

// Properties answers the properties of a collection (key 0) and of the items named by
// ID, in one round trip. ids nil means the collection alone. ErrTooMany where those of
// several are too large to be in memory together: ask for fewer.
func (s *Service) Properties(ctx context.Context, c Collection, ids []int64) (map[int64][]Property, error) {
	if ids == nil {
		ids = []int64{0}
	}
	alone := len(ids) == 1 && ids[0] == 0
	if list, ok := s.properties.get(s.propertyKey(c)); ok && alone {
		return map[int64][]Property{0: list}, nil
	}
	var most int64
	if len(ids) > 1 {
		most = maxProperties
	}
	rows, err := s.o.Store.PropertiesUpTo(ctx, c.Account.Key, c.ID, ids, most)
	if err != nil {
		return nil, err
	}
	found := make(map[int64][]Property, len(rows))
	for id, list := range rows {
		for _, p := range list {
			found[id] = append(found[id], Property{Name: xml.Name{Space: p.Space, Local: p.Local}, Value: p.Value})
		}
	}
	if alone {
		s.properties.put(s.propertyKey(c), found[0])
	}
	return found, nil
}

// SetProperties changes properties of an item, or with item 0 those of the collection
// itself, all or nothing. ErrTooMany beyond 1,000 properties or 64 KiB of an item, or
// 1 MiB of a collection.
func (s *Service) SetProperties(ctx context.Context, c Collection, item int64, changes []PropertyChange, g Guard) error {
	right := Write
	if item == 0 {
		right = Manage
	}
	if err := s.may(ctx, c.Account, right); err != nil {
		return err
	}
	defer s.properties.forget(s.propertyKey(c))
	return fail(s.o.Store.SetProperties(ctx, c.Account.Key, c.ID, item, plain(changes), guard(c, g)))
}

// fits reports whether properties are within the limits of an item; those that are
// set later are judged with the ones that are there.
func fits(properties []Property) bool {
	total := 0
	for _, p := range properties {
		total += len(p.Value)
	}
	return len(properties) <= store.MaxProperties && total <= store.MaxPropertyBytes
}
