package location

import "slices"

func compareObjects(c *comparison, o ObjectsFacts, sites []Site) []Observation {
	c.addresses()
	c.certificate(c.site.Objects.CertificateKeys)
	c.folder()
	if o.Folder != nil {
		return c.run
	}
	c.bucket(o)
	c.replication(o, sites)
	c.versions(o)
	return c.run
}

func (c *comparison) bucket(o ObjectsFacts) {
	var declared, seen []string
	if l := c.site.Objects.Location; l != "" {
		declared = []string{l}
	}
	if !c.failed(Bucket) {
		seen = []string{o.Location}
	}
	c.expect(Bucket, declared, seen)
}

// replication compares the bucket's rules with the declared copies. These are named
// by bucket, or by the site whose bucket it is.
func (c *comparison) replication(o ObjectsFacts, sites []Site) {
	declared := c.site.Objects.ReplicatesTo
	if c.failed(Replication) {
		c.unseen(Replication, "")
		for _, name := range declared {
			c.unseen(Replication, name)
		}
		return
	}
	if len(o.Rules) == 0 && len(declared) == 0 {
		c.note(Observation{Check: Replication, State: Matches, Finding: NoReplication})
		return
	}
	var met []string
	for _, r := range o.Rules {
		name := r.Destination
		if i := slices.IndexFunc(declared, func(d string) bool { return d == name || bucketOf(d, sites) == name && name != "" }); i >= 0 {
			name = declared[i]
		}
		if slices.Contains(met, name) {
			continue
		}
		met = append(met, name)
		one := Observation{Check: Replication, Subject: name, State: Matches, Finding: ReplicationDeclared, Seen: r.Destination}
		if !slices.Contains(declared, name) {
			one.State, one.Finding = Differs, ReplicationUndeclared
		}
		c.note(one)
	}
	for _, name := range declared {
		if !slices.Contains(met, name) {
			c.note(Observation{Check: Replication, Subject: name, State: Differs, Finding: ReplicationAbsent})
		}
	}
}

func bucketOf(site string, sites []Site) string {
	for _, s := range sites {
		if s.Name == site {
			return s.Objects.Bucket
		}
	}
	return ""
}

func (c *comparison) versions(o ObjectsFacts) {
	switch {
	case c.failed(Versions):
		c.unseen(Versions, "")
	case o.Versions == "":
		c.note(Observation{Check: Versions, State: Matches, Finding: NoVersions})
	default:
		c.note(Observation{Check: Versions, State: Matches, Finding: VersionsKept, Seen: o.Versions})
	}
}
