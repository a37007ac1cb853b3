package location

import (
	"slices"
	"strings"
	"time"
)

// judge says of a part of a site whether it was observed to be where it is declared, by
// what and when: all that must be seen was seen, by this look. A folder of this machine
// is declared only. Copies are judged by themselves.
func judge(s Site, part Part, of []Observation) (state State, evidence string, at time.Time) {
	state = Matches
	for _, n := range needs(s, embedded(of)) {
		if n.Part == part && !slices.ContainsFunc(of, func(o Observation) bool { return o.State == Matches && o.meets(n.Check, of) }) {
			state = NotObserved
		}
	}
	var lines []string
	for _, o := range of {
		switch o.Check {
		case Addresses, Identity, System, Bucket, Storage:
		default:
			continue
		}
		if o.At.After(at) {
			at = o.At
		}
		if o.State == Differs {
			state = Differs
		}
		if o.Seen != "" {
			line := string(o.Check) + ": " + o.Seen
			if !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	return state, strings.Join(lines, "; "), at
}

// takenOver is the standby that a site's database was last seen to be at. Where the
// server says it is counts before what a connection ends at, which may be a relay.
func takenOver(s Site, of []Observation) (b Standby, ok bool) {
	for _, o := range of {
		if o.Check == Addresses && o.Subject == reportedBy && o.Finding == Inside {
			return Standby{}, false
		}
		i := slices.IndexFunc(s.Standbys, func(b Standby) bool { return b.Name == o.Standby })
		if i >= 0 && (!ok || o.Subject == reportedBy) {
			b, ok = s.Standbys[i], true
		}
	}
	return b, ok
}

// copies lists where else a part's data lies: what is declared, and what was
// seen beside it.
func copies(s Site, sites []Site, part Part, of []Observation) []Copy {
	list := []Copy{}
	if part == Database {
		list = standbyCopies(s, of)
	}
	if part == Objects {
		list = bucketCopies(s, sites, of)
	}
	return list
}

// copiesState says whether it was seen which copies of a part there are; Differs: also
// where none is declared.
func copiesState(part Part, of []Observation) State {
	check, state := Standbys, NotObserved
	if part == Objects {
		check = Replication
	}
	unseen := false
	for _, o := range of {
		switch {
		case o.Check != check:
		case o.Finding == StandbyUndeclared, o.Finding == StandbysTooMany, o.Finding == ReplicationUndeclared:
			return Differs
		case o.State == NotObserved:
			unseen = true
		default: // one that is declared and missing is a difference, and no copy
			state = Matches
		}
	}
	if unseen {
		return NotObserved
	}
	return state
}

// standbyCopies gives a declared standby that numbers its instances a copy for
// each that was seen.
//
// The one that has taken over is no copy any more; the place of the site may be.
func standbyCopies(s Site, of []Observation) []Copy {
	list := []Copy{}
	primary, moved := takenOver(s, of)
	if moved {
		list = append(list, Copy{What: "site", Name: s.Name, Operator: s.Operator, Country: s.Country, Place: s.Place, State: NotObserved})
	}
	for _, b := range s.Standbys {
		if moved && b.Name == primary.Name && !streams(b, of) {
			continue
		}
		c := Copy{What: "standby", Name: b.Name, Operator: b.Operator, Country: b.Country, Place: b.Place, State: NotObserved}
		met := false
		for _, o := range of {
			if o.Check != Standbys || o.Finding == StandbyUndeclared || o.Subject == "" || o.Subject != b.Name && !b.called(o.Subject) {
				continue
			}
			met = true
			c.Name, c.State, c.Finding = o.Subject, o.State, o.Finding
			list = append(list, c)
		}
		if !met {
			list = append(list, c)
		}
	}
	for _, o := range of {
		if o.Check == Standbys && (o.Finding == StandbyUndeclared || o.Finding == StandbysTooMany) {
			name := o.Subject
			if name == "" {
				name = "?"
			}
			list = append(list, Copy{What: "standby", Name: name, State: Differs, Finding: o.Finding})
		}
	}
	return list
}

// streams tells whether an instance of a standby was seen to receive changes.
func streams(b Standby, of []Observation) bool {
	return slices.ContainsFunc(of, func(o Observation) bool { return o.Finding == StandbyDeclared && b.called(o.Subject) })
}

func bucketCopies(s Site, sites []Site, of []Observation) []Copy {
	list := []Copy{}
	for _, name := range s.Objects.ReplicatesTo {
		c := Copy{What: "bucket", Name: name, State: NotObserved}
		if i := slices.IndexFunc(sites, func(t Site) bool { return t.Name == name }); i >= 0 {
			c.Operator, c.Country, c.Place = sites[i].Operator, sites[i].Country, sites[i].Place
		}
		for _, o := range of {
			if o.Check == Replication && o.Subject == name {
				c.State, c.Finding = o.State, o.Finding
			}
		}
		list = append(list, c)
	}
	for _, o := range of {
		if o.Check == Replication && o.Finding == ReplicationUndeclared {
			list = append(list, Copy{What: "bucket", Name: o.Subject, State: Differs, Finding: o.Finding})
		}
	}
	return list
}
