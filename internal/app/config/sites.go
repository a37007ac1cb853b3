package config

import (
	"fmt"
	"strings"
)

// EnginesOf gives the database and the object store of a site, by its place in Sites:
// its own or, where there is one site alone, those at the top of the file.
func (c *Config) EnginesOf(i int) (SiteMetadata, SiteBlobs) {
	m, b := c.Sites[i].Metadata, c.Sites[i].Blobs
	if len(c.Sites) > 1 {
		return m, b
	}
	if m.DSN == "" {
		m.DSN, m.DirectDSN, m.Password = c.Metadata.DSN, c.Metadata.DirectDSN, c.Metadata.Password
	}
	if b.URL == "" {
		b.URL, b.Secret = c.Blobs.URL, c.Blobs.Secret
	}
	return m, b
}

// DirectorySite names the site whose database holds the directory of tenants.
func (c *Config) DirectorySite() string {
	if c.Directory == "" && len(c.Sites) == 1 {
		return c.Sites[0].Name
	}
	return c.Directory
}

// Local tells whether a database or an object store is for one machine alone.
func Local(dsn string) bool {
	return strings.HasPrefix(dsn, SchemeSQLite) || strings.HasPrefix(dsn, SchemeDir)
}

// engines checks every site's, and that what is for one machine serves one process.
func (k *checker) engines(c *Config) {
	if len(c.Sites) > 1 && (c.Metadata != Default().Metadata || c.Blobs.URL != Default().Blobs.URL || c.Blobs.Secret.Set()) {
		k.say("metadata", "and blobs at the top of the file are for one site alone", "write them into each entry of sites")
	}
	if len(c.Sites) == 0 {
		k.metadata("metadata.", SiteMetadata{DSN: c.Metadata.DSN, DirectDSN: c.Metadata.DirectDSN, Password: c.Metadata.Password})
		k.blobs("blobs.", SiteBlobs{URL: c.Blobs.URL, Secret: c.Blobs.Secret})
	}
	for i := range c.Sites {
		m, b := c.EnginesOf(i)
		atM, atB := fmt.Sprintf("sites[%d].metadata.", i), fmt.Sprintf("sites[%d].blobs.", i)
		if len(c.Sites) == 1 && c.Sites[i].Metadata.DSN == "" {
			atM = "metadata."
		}
		if len(c.Sites) == 1 && c.Sites[i].Blobs.URL == "" {
			atB = "blobs."
		}
		if len(c.Sites) == 1 || k.needed(atM+"dsn", m.DSN, "each of several sites has a database of its own: name it") {
			k.metadata(atM, m)
		}
		if len(c.Sites) == 1 || k.needed(atB+"url", b.URL, "each of several sites has an object store of its own: name it") {
			k.blobs(atB, b)
		}
		k.replicas(c, atM+"dsn", m.DSN, atB+"url", b.URL)
	}
	k.distinct(c)
}

func (k *checker) replicas(c *Config, dsnKey, dsn, urlKey, url string) {
	if c.Replicas < 2 {
		return
	}
	const remedy = "use PostgreSQL and S3, or set replicas to 1"
	if Local(dsn) {
		k.say(dsnKey, fmt.Sprintf("names SQLite, which is for one process, and replicas is %d", c.Replicas), remedy)
	}
	if Local(url) {
		k.say(urlKey, fmt.Sprintf("names a directory, which is for one process, and replicas is %d", c.Replicas), remedy)
	}
}

// distinct refuses two sites in one database or object store: they would be one place
// under two names.
func (k *checker) distinct(c *Config) {
	seen := map[string]string{}
	for i := range c.Sites {
		m, b := c.EnginesOf(i)
		for _, one := range []struct{ key, value string }{
			{fmt.Sprintf("sites[%d].metadata.dsn", i), m.DSN}, {fmt.Sprintf("sites[%d].blobs.url", i), b.URL},
		} {
			if other, twice := seen[one.value]; twice && one.value != "" {
				k.say(one.key, "is the same as "+other, "a site has a database and an object store of its own")
			}
			seen[one.value] = one.key
		}
	}
}

func (k *checker) sites(c *Config) {
	if len(c.Sites) == 0 {
		k.say("sites", "no site is declared", "say where the data lies: one entry with name, operator, country, place and networks; nothing is assumed")
	}
	names := map[string]bool{}
	for i, s := range c.Sites {
		at := fmt.Sprintf("sites[%d].", i)
		k.place(at, s.Name, s.Operator, s.Country, s.Place)
		if len(s.Networks) == 0 {
			k.say(at+"networks", "is missing", "list the networks of its machines, such as [10.1.0.0/16]")
		}
		k.networks(at+"networks", s.Networks, "a site is somewhere: list its own networks")
		if names[s.Name] && s.Name != "" {
			k.say(at+"name", "two sites have this name", "give each its own")
		}
		names[s.Name] = true
		for j, standby := range s.Standbys {
			at := fmt.Sprintf("%sstandbys[%d].", at, j)
			k.place(at, standby.Name, standby.Operator, standby.Country, standby.Place)
			if len(standby.Networks) == 0 {
				k.say(at+"networks", "is missing", "list the networks that the standby connects from")
			}
			k.networks(at+"networks", standby.Networks, "a standby is somewhere: list its own networks")
		}
	}
	switch {
	case c.Directory == "" && len(c.Sites) > 1:
		k.say("directory", "is missing", "name the site whose database holds the directory of tenants and domains")
	case c.Directory != "" && len(c.Sites) > 0 && !names[c.Directory]:
		k.say("directory", fmt.Sprintf("there is no site %q", c.Directory), "name a declared site")
	}
}

// place checks what says where something stands.
func (k *checker) place(at, name, operator, country, place string) {
	k.needed(at+"name", name, "give it a short name")
	k.needed(at+"operator", operator, "say who runs it")
	k.needed(at+"place", place, "say in which city or data centre it stands")
	if len(country) != 2 || strings.ToUpper(country) != country || strings.Trim(country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		k.say(at+"country", fmt.Sprintf("%q is not a country code", country), "write the two letters of ISO 3166-1, such as DE")
	}
}
